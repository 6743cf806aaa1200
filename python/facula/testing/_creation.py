"""Tensors of random values within bounds."""

import math
import warnings

from .. import _C, finfo, iinfo


def _bounds(dtype, low, high):
    """low and high as given or by default, brought into what the dtype can hold."""
    if dtype is _C.bool:
        least, end, default = 0, 2, (0, 2)
    elif dtype.is_floating_point or dtype.is_complex:
        limits = finfo(dtype)
        least, end, default = limits.min, limits.max, (-9, 9)
    else:
        limits = iinfo(dtype)
        least, end, default = limits.min, limits.max + (dtype is not _C.int64), (-9, 10)
    low = default[0] if low is None else low
    high = default[1] if high is None else high
    if math.isnan(low) or math.isnan(high):
        raise ValueError(f"`low` and `high` cannot be NaN, but got low={low} and high={high}")
    inexact = dtype.is_floating_point or dtype.is_complex
    if low == high and inexact:
        warnings.warn(
            "Passing `low==high` to `torch.testing.make_tensor` for floating or complex types is "
            "deprecated since 2.1 and will be removed in 2.3. Use `torch.full(...)` instead.",
            FutureWarning,
            stacklevel=3,
        )
    elif low >= high:
        raise ValueError(f"`low` must be less than `high`, but got {low} >= {high}")
    elif high < least or low >= end:
        raise ValueError(
            f"The value interval specified by `low` and `high` is [{low}, {high}), "
            f"but {dtype} only supports [{least}, {end})"
        )
    low, high = max(low, least), min(high, end)
    return (low, high) if inexact else (math.ceil(low), math.ceil(high))


def make_tensor(
    *shape,
    dtype,
    device,
    low=None,
    high=None,
    requires_grad=False,
    noncontiguous=False,
    exclude_zero=False,
    memory_format=None,
):
    """A tensor of values from low up to, not including, high: by default from -9 to 9."""
    if len(shape) == 1 and isinstance(shape[0], (tuple, list)):
        shape = shape[0]
    shape = tuple(shape)
    inexact = dtype.is_floating_point or dtype.is_complex
    if requires_grad and not inexact:
        raise ValueError(
            "`requires_grad=True` is not supported for boolean and integral dtypes, "
            f"but got dtype={dtype}"
        )
    if noncontiguous and memory_format is not None:
        raise ValueError(
            "The parameters `noncontiguous` and `memory_format` are mutually exclusive, "
            f"but got noncontiguous={noncontiguous} and memory_format={memory_format}"
        )
    low, high = _bounds(dtype, low, high)
    apart = noncontiguous and math.prod(shape) > 1  # every second of twice as many
    drawn = (*shape[:-1], 2 * shape[-1]) if apart else shape
    if not inexact:
        result = _C.randint(low, high, drawn, dtype=dtype, device=device)
    else:
        result = _C.empty(drawn, dtype=dtype, device=device)
        parts = _C.view_as_real(result) if dtype.is_complex else result
        if high - low > finfo(dtype).max:
            parts.uniform_(low / 2, high / 2).mul_(2)
        else:
            parts.uniform_(low, high)
    if apart:
        result = result[..., 1::2]
    elif memory_format is not None:
        result = result.clone(memory_format=memory_format)
    if exclude_zero:
        result[result == 0] = finfo(dtype).tiny if inexact else 1
    return result.requires_grad_(True) if requires_grad else result
