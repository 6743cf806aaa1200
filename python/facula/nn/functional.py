"""Functional forms of the layers.

A name that needs no Python of its own is the extension's op itself: `F.linear is _C.linear`. The
rest is a thin layer: defaults, in-place variants, warnings and errors around one op, or a few ops
put together. Losses are in _losses.py, pooling in _pooling.py, padding and pixel moves in
_spatial.py; all are reached here.
"""

import warnings

import facula as torch
from facula import _C
from facula.nn._losses import (  # noqa: F401
    binary_cross_entropy,
    binary_cross_entropy_with_logits,
    cosine_embedding_loss,
    cosine_similarity,
    cross_entropy,
    gaussian_nll_loss,
    hinge_embedding_loss,
    huber_loss,
    kl_div,
    l1_loss,
    margin_ranking_loss,
    mse_loss,
    multi_margin_loss,
    multilabel_soft_margin_loss,
    nll_loss,
    pairwise_distance,
    poisson_nll_loss,
    smooth_l1_loss,
    soft_margin_loss,
    triplet_margin_loss,
    triplet_margin_with_distance_loss,
)
from facula.nn._overridable import call_override, overridable
from facula.nn._pooling import (  # noqa: F401
    adaptive_avg_pool2d,
    adaptive_max_pool1d,
    adaptive_max_pool1d_with_indices,
    adaptive_max_pool2d,
    adaptive_max_pool2d_with_indices,
    lp_pool1d,
    lp_pool2d,
    max_pool1d,
    max_pool1d_with_indices,
    max_pool2d,
    max_pool2d_with_indices,
)
from facula.nn._spatial import (  # noqa: F401
    channel_shuffle,
    fold,
    pad,
    pixel_shuffle,
    pixel_unshuffle,
    unfold,
)

_overridden = _C._has_torch_function_unary

_DIRECT = {
    "adaptive_avg_pool1d": "adaptive_avg_pool1d",
    "avg_pool1d": "avg_pool1d",
    "avg_pool2d": "avg_pool2d",
    "conv1d": "conv1d",
    "conv2d": "conv2d",
    "conv3d": "conv3d",
    "conv_transpose1d": "conv_transpose1d",
    "conv_transpose2d": "conv_transpose2d",
    "conv_transpose3d": "conv_transpose3d",
    "elu_": "elu_",
    "gelu": "gelu",
    "hardtanh_": "hardtanh_",
    "leaky_relu_": "leaky_relu_",
    "linear": "linear",
    "logsigmoid": "log_sigmoid",
    "one_hot": "one_hot",
    "relu_": "relu_",
    "scaled_dot_product_attention": "scaled_dot_product_attention",
    "softplus": "softplus",
}


def __getattr__(name):
    # An op is bound on first use.
    if name in _DIRECT:
        op = getattr(_C, _DIRECT[name])
        globals()[name] = op
        return op
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(_DIRECT))


# ---- activations ------------------------------------------------------------------------------


def relu(input, inplace=False):
    """max(0, x), element by element."""
    if _overridden(input):
        return call_override(relu, (input,), {"inplace": inplace})
    return _C.relu_(input) if inplace else _C.relu(input)


def relu6(input, inplace=False):
    """min(max(0, x), 6), element by element."""
    if _overridden(input):
        return call_override(relu6, (input,), {"inplace": inplace})
    return _C.relu6_(input) if inplace else _C.relu6(input)


def silu(input, inplace=False):
    """x * sigmoid(x), element by element."""
    if _overridden(input):
        return call_override(silu, (input,), {"inplace": inplace})
    return _C.silu_(input) if inplace else _C.silu(input)


def mish(input, inplace=False):
    """x * tanh(softplus(x)), element by element."""
    if _overridden(input):
        return call_override(mish, (input,), {"inplace": inplace})
    return _C.mish_(input) if inplace else _C.mish(input)


def hardswish(input, inplace=False):
    """x * relu6(x + 3) / 6, element by element."""
    if _overridden(input):
        return call_override(hardswish, (input,), {"inplace": inplace})
    return _C.hardswish_(input) if inplace else _C.hardswish(input)


def hardsigmoid(input, inplace=False):
    """relu6(x + 3) / 6, element by element."""
    if _overridden(input):
        return call_override(hardsigmoid, (input,), {"inplace": inplace})
    return _C.hardsigmoid_(input) if inplace else _C.hardsigmoid(input)


def leaky_relu(input, negative_slope=0.01, inplace=False):
    """x where x > 0, negative_slope * x elsewhere."""
    if _overridden(input):
        kwargs = {"negative_slope": negative_slope, "inplace": inplace}
        return call_override(leaky_relu, (input,), kwargs)
    if inplace:
        return _C.leaky_relu_(input, negative_slope)
    return _C.leaky_relu(input, negative_slope)


def elu(input, alpha=1.0, inplace=False):
    """x where x > 0, alpha * (exp(x) - 1) elsewhere."""
    if _overridden(input):
        return call_override(elu, (input,), {"alpha": alpha, "inplace": inplace})
    return _C.elu_(input, alpha) if inplace else _C.elu(input, alpha)


def hardtanh(input, min_val=-1.0, max_val=1.0, inplace=False):
    """x kept between min_val and max_val."""
    if _overridden(input):
        kwargs = {"min_val": min_val, "max_val": max_val, "inplace": inplace}
        return call_override(hardtanh, (input,), kwargs)
    if min_val > max_val:
        raise ValueError("min_val cannot be greater than max_val")
    if inplace:
        return _C.hardtanh_(input, min_val, max_val)
    return _C.hardtanh(input, min_val, max_val)


# From "Self-Normalizing Neural Networks" (Klambauer et al., 2017): alpha and scale for which the
# unit normal distribution is a fixed point.
_SELU_ALPHA = 1.6732632423543772848170429916717
_SELU_SCALE = 1.0507009873554804934193349852946


@overridable
def selu(input, inplace=False):
    """scale * elu(x, alpha) with the two constants of self-normalizing networks."""
    op = _C.elu_ if inplace else _C.elu
    return op(input, _SELU_ALPHA, _SELU_SCALE)


def selu_(input):
    """In-place `selu`."""
    return selu(input, inplace=True)


@overridable
def celu(input, alpha=1.0, inplace=False):
    """max(0, x) + min(0, alpha * (exp(x / alpha) - 1))."""
    if alpha == 0:
        raise RuntimeError("ZeroDivisionError: alpha cannot be 0 for CELU")
    op = _C.elu_ if inplace else _C.elu
    return op(input, alpha, 1.0, 1.0 / alpha)


def celu_(input, alpha=1.0):
    """In-place `celu`."""
    return celu(input, alpha, inplace=True)


@overridable
def threshold(input, threshold, value, inplace=False):
    """x where x > threshold, value elsewhere."""
    return (_C.threshold_ if inplace else _C.threshold)(input, threshold, value)


def threshold_(input, threshold_, value):
    """In-place `threshold`."""
    return threshold(input, threshold_, value, inplace=True)


@overridable
def prelu(input, weight):
    """x where x > 0, weight * x elsewhere; one weight, or one for each channel."""
    if weight.dim() > 1:
        raise RuntimeError(
            f"prelu: Expected `weight` to be a scalar or 1D tensor, but got: ndim = {weight.dim()}"
        )
    if weight.numel() != 1:
        if input.dim() == 0:
            raise RuntimeError("Not allow zero-dim input tensor.")
        channels = input.size(1) if input.dim() > 1 else 1
        if channels != weight.numel():
            raise RuntimeError(
                "Mismatch of parameter numbers and input channel size. Found parameter numbers = "
                f"{weight.numel()} and channel size = {channels}."
            )
    return _C.prelu(input, weight)


@overridable
def hardshrink(input, lambd=0.5):
    """x where |x| > lambd, 0 elsewhere."""
    return input.masked_fill((input >= -lambd) & (input <= lambd), 0)


@overridable
def softshrink(input, lambd=0.5):
    """x moved towards 0 by lambd, and 0 where that would pass it."""
    if lambd < 0:
        raise RuntimeError(
            f"lambda must be in range [0, 3.40282e+38] for input dtype Float, but found {lambd}"
        )
    zero = input * 0  # keeps nan
    return torch.where(
        input > lambd, input - lambd, torch.where(input < -lambd, input + lambd, zero)
    )


@overridable
def glu(input, dim=-1):
    """The first half along `dim`, gated by the sigmoid of the second."""
    if input.dim() == 0:
        raise RuntimeError("glu does not support scalars because halving size must be even")
    return _C.glu(input, dim)


@overridable
def tanhshrink(input):
    """x - tanh(x), element by element."""
    return input - input.tanh()


@overridable
def softsign(input):
    """x / (1 + |x|), element by element."""
    return input / (input.abs() + 1)


def tanh(input):
    """tanh(x), element by element."""
    return input.tanh()


def sigmoid(input):
    """1 / (1 + exp(-x)), element by element."""
    return input.sigmoid()


# ---- softmax ----------------------------------------------------------------------------------


def _get_softmax_dim(name, ndim, stacklevel):
    warnings.warn(
        f"Implicit dimension choice for {name} has been deprecated. Change the call to include "
        "dim=X as an argument.",
        stacklevel=stacklevel,
    )
    return 0 if ndim in (0, 1, 3) else 1


def softmax(input, dim=None, _stacklevel=3, dtype=None):
    """exp(x) divided by its sum along `dim`."""
    if _overridden(input):
        kwargs = {"dim": dim, "_stacklevel": _stacklevel, "dtype": dtype}
        return call_override(softmax, (input,), kwargs)
    if dim is None:
        dim = _get_softmax_dim("softmax", input.dim(), _stacklevel)
    return input.softmax(dim) if dtype is None else input.softmax(dim, dtype=dtype)


def log_softmax(input, dim=None, _stacklevel=3, dtype=None):
    """The logarithm of softmax, without overflow."""
    if _overridden(input):
        kwargs = {"dim": dim, "_stacklevel": _stacklevel, "dtype": dtype}
        return call_override(log_softmax, (input,), kwargs)
    if dim is None:
        dim = _get_softmax_dim("log_softmax", input.dim(), _stacklevel)
    return input.log_softmax(dim) if dtype is None else input.log_softmax(dim, dtype=dtype)


def softmin(input, dim=None, _stacklevel=3, dtype=None):
    """softmax of -x."""
    if _overridden(input):
        kwargs = {"dim": dim, "_stacklevel": _stacklevel, "dtype": dtype}
        return call_override(softmin, (input,), kwargs)
    if dim is None:
        dim = _get_softmax_dim("softmin", input.dim(), _stacklevel)
    return (-input).softmax(dim) if dtype is None else (-input).softmax(dim, dtype=dtype)


@overridable
def gumbel_softmax(logits, tau=1, hard=False, eps=1e-10, dim=-1):
    """A sample of the Gumbel-Softmax distribution; `hard` gives one-hot values."""
    if eps != 1e-10:
        warnings.warn("`eps` parameter is deprecated and has no effect.", stacklevel=3)
    noise = torch.empty_like(logits, memory_format=torch.legacy_contiguous_format)
    gumbels = -noise.exponential_().log()
    soft = ((logits + gumbels) / tau).softmax(dim)
    if not hard:
        return soft
    index = soft.max(dim, keepdim=True)[1]
    one_hot = torch.zeros_like(logits, memory_format=torch.legacy_contiguous_format)
    one_hot.scatter_(dim, index, 1.0)
    # The value is one-hot, the gradient that of the soft sample.
    return one_hot - soft.detach() + soft


# ---- dropout ----------------------------------------------------------------------------------


def _check_probability(p):
    if p < 0.0 or p > 1.0:
        raise ValueError(f"dropout probability has to be between 0 and 1, but got {p}")


def dropout(input, p=0.5, training=True, inplace=False):
    """Zero each element with probability p and scale the rest by 1 / (1 - p)."""
    if _overridden(input):
        kwargs = {"p": p, "training": training, "inplace": inplace}
        return call_override(dropout, (input,), kwargs)
    if p < 0.0 or p > 1.0:
        _check_probability(p)
    return _C.dropout_(input, p, training) if inplace else _C.dropout(input, p, training)


@overridable
def alpha_dropout(input, p=0.5, training=False, inplace=False):
    """Dropout that keeps mean and variance of self-normalizing networks."""
    _check_probability(p)
    op = _C.alpha_dropout_ if inplace else _C.alpha_dropout
    return op(input, p, training)


@overridable
def feature_alpha_dropout(input, p=0.5, training=False, inplace=False):
    """`alpha_dropout` of whole channels."""
    _check_probability(p)
    op = _C.feature_alpha_dropout_ if inplace else _C.feature_alpha_dropout
    return op(input, p, training)


@overridable
def dropout1d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels of (N, C), (C, L) or (N, C, L) with probability p."""
    _check_probability(p)
    ndim = input.dim()
    if ndim not in (2, 3):
        raise RuntimeError(
            f"dropout1d: Expected 2D or 3D input, but received a {ndim}D input. "
            "Note that dropout1d exists to provide channel-wise dropout on inputs with 1 "
            "spatial dimension, a channel dimension, and an optional batch dimension "
            "(i.e. 2D or 3D inputs)."
        )
    return _feature_dropout(input, p, training, inplace, batched=ndim == 3)


@overridable
def dropout2d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels of (N, C, H, W) with probability p."""
    _check_probability(p)
    ndim = input.dim()
    if ndim not in (3, 4):
        _warn_dropout_dim("dropout2d", ndim, 2, "3D or 4D")
    if ndim == 3:
        warnings.warn(
            "dropout2d: Received a 3D input to dropout2d and assuming that channel-wise 1D dropout "
            "behavior is desired - input is interpreted as shape (N, C, L), where C is the channel "
            "dim. This behavior will change in a future release to interpret the input as one "
            "without a batch dimension, i.e. shape (C, H, W). To maintain the 1D channel-wise "
            "dropout behavior, please switch to using dropout1d instead.",
            stacklevel=3,
        )
    return _feature_dropout(input, p, training, inplace)


@overridable
def dropout3d(input, p=0.5, training=True, inplace=False):
    """Zero whole channels of (C, D, H, W) or (N, C, D, H, W) with probability p."""
    _check_probability(p)
    ndim = input.dim()
    if ndim not in (4, 5):
        _warn_dropout_dim("dropout3d", ndim, 3, "4D or 5D")
    return _feature_dropout(input, p, training, inplace, batched=ndim == 5)


def _warn_dropout_dim(name, ndim, spatial, expected):
    warnings.warn(
        f"{name}: Received a {ndim}-D input to {name}, which is deprecated and will result in an "
        "error in a future release. To retain the behavior and silence this warning, please use "
        f"dropout instead. Note that {name} exists to provide channel-wise dropout on inputs with "
        f"{spatial} spatial dimensions, a channel dimension, and an optional batch dimension (i.e. "
        f"{expected} inputs).",
        stacklevel=4,
    )


def _feature_dropout(input, p, training, inplace, batched=True):
    if not batched:
        input = input.unsqueeze_(0) if inplace else input.unsqueeze(0)
    op = _C.feature_dropout_ if inplace else _C.feature_dropout
    out = op(input, p, training)
    if not batched:
        out = out.squeeze_(0) if inplace else out.squeeze(0)
    return out


# ---- normalization ----------------------------------------------------------------------------


def _verify_batch_size(size):
    values = size[0]
    for n in size[2:]:
        values *= n
    if values == 1:
        raise ValueError(
            f"Expected more than 1 value per channel when training, got input size {size}"
        )


def batch_norm(
    input,
    running_mean,
    running_var,
    weight=None,
    bias=None,
    training=False,
    momentum=0.1,
    eps=1e-5,
):
    """Normalize each channel over the batch, or by the running statistics."""
    if _C._has_torch_function_variadic(input, running_mean, running_var, weight, bias):
        args = (input, running_mean, running_var)
        kwargs = {"weight": weight, "bias": bias, "training": training}
        return call_override(batch_norm, args, {**kwargs, "momentum": momentum, "eps": eps})
    if training:
        _verify_batch_size(input.size())
    return _C.batch_norm(
        input, weight, bias, running_mean, running_var, training, momentum, eps, False
    )


def layer_norm(input, normalized_shape, weight=None, bias=None, eps=1e-5):
    """Normalize over the last dimensions, those of `normalized_shape`."""
    if _C._has_torch_function_variadic(input, weight, bias):
        kwargs = {"weight": weight, "bias": bias, "eps": eps}
        return call_override(layer_norm, (input, normalized_shape), kwargs)
    return _C.layer_norm(input, normalized_shape, weight, bias, eps, False)


@overridable
def group_norm(input, num_groups, weight=None, bias=None, eps=1e-5):
    """Normalize each of `num_groups` groups of channels."""
    if input.dim() < 2:
        raise RuntimeError(
            f"Expected at least 2 dimensions for input tensor but received {input.dim()}"
        )
    size = input.size()
    _verify_batch_size([size[0] * size[1] // num_groups, num_groups, *size[2:]])
    return _C.group_norm(input, num_groups, weight, bias, eps, False)


def _verify_spatial_size(size):
    values = 1
    for n in size[2:]:
        values *= n
    if values == 1:
        raise ValueError(
            f"Expected more than 1 spatial element when training, got input size {size}"
        )


@overridable
def instance_norm(
    input,
    running_mean=None,
    running_var=None,
    weight=None,
    bias=None,
    use_input_stats=True,
    momentum=0.1,
    eps=1e-5,
):
    """Normalize each channel of each sample: batch_norm of (1, N * C, ...)."""
    size = input.size()
    if use_input_stats:
        _verify_spatial_size(size)
    elif running_mean is None or running_var is None:
        raise RuntimeError(
            "Expected running_mean and running_var to be defined when use_input_stats is false"
        )
    return _C.instance_norm(
        input, weight, bias, running_mean, running_var, use_input_stats, momentum, eps, False
    )


@overridable
def rms_norm(input, normalized_shape, weight=None, eps=None):
    """Divide by the root mean square over the last dimensions, those of `normalized_shape`."""
    return _C.rms_norm(input, normalized_shape, weight, eps)


@overridable
def local_response_norm(input, size, alpha=1e-4, beta=0.75, k=1.0):
    """Divide by a power of the mean square over `size` neighbouring channels."""
    ndim = input.dim()
    if ndim < 3:
        raise ValueError(
            f"Expected 3D or higher dimensionality                          input (got {ndim} "
            "dimensions)"
        )
    if input.numel() == 0:
        return input
    channels = input.size(1)
    square = input * input
    padded = pad(square, [0, 0] * (ndim - 2) + [size // 2, (size - 1) // 2])
    mean = sum(padded.narrow(1, i, channels) for i in range(size)) / size
    return input / (mean * alpha + k).pow(beta)


@overridable
def normalize(input, p=2.0, dim=1, eps=1e-12, out=None):
    """Divide by the p-norm along `dim`, but by no less than `eps`."""
    norm = input.norm(p, dim, keepdim=True)
    if out is None:
        return input / norm.clamp_min(eps).expand_as(input)
    return torch.div(input, norm.clamp_min_(eps).expand_as(input), out=out)


# ---- lookups and products ---------------------------------------------------------------------


def _no_grad_embedding_renorm_(weight, input, max_norm, norm_type):
    """Scale down, in place, the rows that `input` names and whose norm is above max_norm."""
    if input.dtype not in (torch.int64, torch.int32):
        raise RuntimeError(
            "Expected tensor for argument #2 'indices' to have one of the following scalar types: "
            f"Long, Int; but got {input.type()} instead (while checking arguments for "
            "embedding_renorm_)"
        )
    with torch.no_grad():
        rows = input.reshape(-1).unique()
        count = weight.size(0)
        for i in rows[(rows < -count) | (rows >= count)].tolist()[:1]:
            raise IndexError(
                f"select(): index {i} out of range for tensor of size {list(weight.shape)} at "
                "dimension 0"
            )
        norms = weight[rows].norm(norm_type, 1)
        large = norms > max_norm
        rows, norms = rows[large], norms[large]
        weight[rows] = weight[rows] * (max_norm / (norms + 1e-7)).unsqueeze(1)
    return weight, input


def embedding(
    input,
    weight,
    padding_idx=None,
    max_norm=None,
    norm_type=2.0,
    scale_grad_by_freq=False,
    sparse=False,
):
    """The rows of `weight` that `input` names."""
    if _C._has_torch_function_variadic(input, weight):
        kwargs = {"padding_idx": padding_idx, "max_norm": max_norm, "norm_type": norm_type}
        kwargs.update(scale_grad_by_freq=scale_grad_by_freq, sparse=sparse)
        return call_override(embedding, (input, weight), kwargs)
    if padding_idx is None:
        padding_idx = -1
    else:
        rows = weight.size(0)
        if not -rows <= padding_idx < rows:
            raise AssertionError("Padding_idx must be within num_embeddings")
        padding_idx %= rows
    if max_norm is not None:
        input = input.contiguous()
        _no_grad_embedding_renorm_(weight, input, max_norm, norm_type)
    return _C.embedding(weight, input, padding_idx, scale_grad_by_freq, sparse)


@overridable
def bilinear(input1, input2, weight, bias=None):
    """x1' A x2 + b for every pair; weight is (out, in1, in2)."""
    out = torch.einsum("...i,oij,...j->...o", input1, weight, input2)
    return out if bias is None else out + bias
