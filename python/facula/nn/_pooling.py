"""Pooling. One-dimensional pools are two-dimensional ones of height 1."""

from facula import _C
from facula.nn._overridable import overridable


def _single(value, error):
    """A 1-d window, stride or padding as one number."""
    if isinstance(value, (tuple, list)):
        if len(value) != 1:
            raise RuntimeError(error.format(len(value)))
        return value[0]
    return value


_MAX_ONE = (
    "max_pool1d() {} must be an int, list of ints or tuple of ints of size 1 but got size {{}}"
)
_AVG_ONE = "{}() argument '{}' should contain one int (got {{}})"


def _max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode):
    name = "max_pool1d"
    kernel = _single(kernel_size, _MAX_ONE.format("kernel_size"))
    step = kernel if stride is None or stride == () else _single(stride, _MAX_ONE.format("stride"))
    pad = _single(padding, _MAX_ONE.format("padding"))
    dil = _single(dilation, _MAX_ONE.format("dilation"))
    sizes = list(input.shape)
    if len(sizes) not in (2, 3) or any(n == 0 for n in sizes[-2:]):
        raise RuntimeError(
            f"{name}: Expected 2D or 3D (batch mode) tensor with optional 0 dim batch size for "
            f"input, but got:{sizes}"
        )
    for what, value in (("kernel_size", kernel), ("stride", step)):
        if value <= 0:
            raise RuntimeError(f"{name}() {what} must be greater than zero, but got {value}")
    if pad < 0:
        raise RuntimeError(f"{name}() padding must be non-negative, but got {pad}")
    if pad > kernel // 2:
        raise RuntimeError(
            f"{name}() padding should be at most half of kernel size, but got padding={pad} and "
            f"kernel_size={kernel}"
        )
    if dil <= 0:
        raise RuntimeError(f"{name}() dilation must be greater than zero, but got {dil}")
    span = sizes[-1] + 2 * pad - dil * (kernel - 1) - 1
    if span < 0 and not (ceil_mode and -step < span):
        raise RuntimeError(f"{name}() Invalid computed output size: {span // step + 1}")
    out, indices = _C.max_pool2d_with_indices(
        input.unsqueeze(-2), (1, kernel), (1, step), (0, pad), (1, dil), ceil_mode
    )
    return out.squeeze(-2), indices.squeeze(-2)


@overridable
def max_pool1d_with_indices(
    input,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """`max_pool1d` and the positions of the maxima."""
    return _max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


@overridable
def max_pool1d(
    input,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """The largest value of each window of (N, C, L) or (C, L)."""
    pair = _max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return pair if return_indices else pair[0]


@overridable
def max_pool2d_with_indices(
    input,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """`max_pool2d` and the positions of the maxima."""
    stride = () if stride is None else stride
    return _C.max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


@overridable
def max_pool2d(
    input,
    kernel_size,
    stride=None,
    padding=0,
    dilation=1,
    ceil_mode=False,
    return_indices=False,
):
    """The largest value of each window of (N, C, H, W) or (C, H, W)."""
    stride = () if stride is None else stride
    if return_indices:
        return _C.max_pool2d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)
    return _C.max_pool2d(input, kernel_size, stride, padding, dilation, ceil_mode)


def _check_row_input(name, input):
    if input.dim() not in (2, 3):
        raise RuntimeError(
            f"Expected 2 to 3 dimensions, but got {input.dim()}-dimensional tensor for argument "
            f"#1 'self' (while checking arguments for {name})"
        )


def avg_pool1d(input, kernel_size, stride=(), padding=0, ceil_mode=False, count_include_pad=True):
    """The mean of each window of (N, C, L) or (C, L)."""
    _check_row_input("avg_pool1d", input)
    kernel = _single(kernel_size, _AVG_ONE.format("avg_pool1d", "kernel_size"))
    step = (
        kernel
        if stride is None or stride == ()
        else _single(stride, _AVG_ONE.format("avg_pool1d", "stride"))
    )
    pad = _single(padding, _AVG_ONE.format("avg_pool1d", "padding"))
    out = _C.avg_pool2d(
        input.unsqueeze(-2), (1, kernel), (1, step), (0, pad), ceil_mode, count_include_pad
    )
    return out.squeeze(-2)


def adaptive_avg_pool1d(input, output_size):
    """The means of `output_size` windows that together cover the row."""
    _check_row_input("adaptive_avg_pool1d", input)
    size = _single(output_size, _AVG_ONE.format("adaptive_avg_pool1d", "output_size"))
    return _C.adaptive_avg_pool2d(input.unsqueeze(-2), (1, size)).squeeze(-2)


def _list_with_default(out_size, defaults):
    """`out_size` with each None replaced by the input's own size."""
    if isinstance(out_size, int):
        return out_size
    if len(defaults) <= len(out_size):
        raise ValueError(f"Input dimension should be at least {len(out_size) + 1}")
    own = defaults[-len(out_size) :]
    return [n if n is not None else d for n, d in zip(out_size, own)]


@overridable
def adaptive_avg_pool2d(input, output_size):
    """The means of as many windows as `output_size` asks; None keeps a dimension's size."""
    return _C.adaptive_avg_pool2d(input, _list_with_default(output_size, input.size()))


@overridable
def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The norm of each window of (N, C, L) or (C, L)."""
    if stride is not None:
        mean = avg_pool1d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    else:
        mean = avg_pool1d(input.pow(norm_type), kernel_size, padding=0, ceil_mode=ceil_mode)
    size = kernel_size if isinstance(kernel_size, int) else kernel_size[0]
    return (mean.sign() * mean.abs().relu()).mul(size).pow(1.0 / norm_type)


@overridable
def lp_pool2d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The norm of each window of (N, C, H, W) or (C, H, W)."""
    if isinstance(kernel_size, int):
        kh = kw = kernel_size
    else:
        kh, kw = kernel_size
    args = () if stride is None else (stride,)
    mean = _C.avg_pool2d(input.pow(norm_type), kernel_size, *args, ceil_mode=ceil_mode)
    return (mean.sign() * mean.abs().relu()).mul(kh * kw).pow(1.0 / norm_type)
