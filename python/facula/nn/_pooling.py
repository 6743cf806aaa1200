"""Pooling: defaults and what is returned around the extension's ops."""

from facula import _C
from facula.nn._overridable import overridable


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
    stride = () if stride is None else stride
    return _C.max_pool1d_with_indices(input, kernel_size, stride, padding, dilation, ceil_mode)


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
    stride = () if stride is None else stride
    op = _C.max_pool1d_with_indices if return_indices else _C.max_pool1d
    return op(input, kernel_size, stride, padding, dilation, ceil_mode)


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
def adaptive_max_pool1d_with_indices(input, output_size, return_indices=False):
    """`adaptive_max_pool1d` and the positions of the maxima."""
    return _C.adaptive_max_pool1d(input, output_size)


@overridable
def adaptive_max_pool1d(input, output_size, return_indices=False):
    """The largest values of `output_size` windows that together cover the row."""
    pair = _C.adaptive_max_pool1d(input, output_size)
    return pair if return_indices else pair[0]


@overridable
def adaptive_max_pool2d_with_indices(input, output_size, return_indices=False):
    """`adaptive_max_pool2d` and the positions of the maxima."""
    return _C.adaptive_max_pool2d(input, _list_with_default(output_size, input.size()))


@overridable
def adaptive_max_pool2d(input, output_size, return_indices=False):
    """The largest values of as many windows as `output_size` asks."""
    pair = _C.adaptive_max_pool2d(input, _list_with_default(output_size, input.size()))
    return pair if return_indices else pair[0]


@overridable
def lp_pool1d(input, norm_type, kernel_size, stride=None, ceil_mode=False):
    """The norm of each window of (N, C, L) or (C, L)."""
    if stride is not None:
        mean = _C.avg_pool1d(input.pow(norm_type), kernel_size, stride, 0, ceil_mode)
    else:
        mean = _C.avg_pool1d(input.pow(norm_type), kernel_size, padding=0, ceil_mode=ceil_mode)
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
