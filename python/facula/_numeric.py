"""finfo and iinfo: the limits of dtypes."""

from . import _C

_FLOATS = {
    # bits, mantissa bits, least exponent of a normal number, greatest exponent + 1, decimals
    "float16": (16, 10, -14, 16, 3), "bfloat16": (16, 7, -126, 128, 2),
    "float32": (32, 23, -126, 128, 6), "float64": (64, 52, -1022, 1024, 15),
}  # fmt: skip


def _name(d):
    return str(d).split(".")[1]


class _Limits:
    def __hash__(self):
        raise TypeError(f"unhashable type: 'torch.{type(self).__name__}'")

    def __setattr__(self, name, value=None):
        kind = f"torch.{type(self).__name__}"
        if name in self.__dict__:
            raise AttributeError(f"attribute '{name}' of '{kind}' objects is not writable")
        raise AttributeError(f"'{kind}' object has no attribute '{name}'")

    __delattr__ = __setattr__

    def __eq__(self, other):
        return type(self) is type(other) and self.dtype == other.dtype

    def __reduce_ex__(self, protocol):
        raise TypeError(f"cannot pickle 'torch.{type(self).__name__}' object")


class finfo(_Limits):
    """The limits of a floating dtype: bits, eps, max, min, tiny, smallest_normal, resolution."""

    def __init__(self, type=None):
        d = _C.get_default_dtype() if type is None else type
        if not isinstance(d, _C.dtype):
            raise TypeError(
                f"finfo(): argument 'type' (position 1) must be torch.dtype, not {_C._type_name(d)}"
            )
        d = d.to_real() if d.is_complex else d
        if not d.is_floating_point:
            raise TypeError(
                "torch.finfo() requires a floating point input type. "
                "Use torch.iinfo to handle 'torch.finfo'"
            )
        bits, mantissa, low, high, decimals = _FLOATS[_name(d)]
        eps, tiny = 2.0**-mantissa, 2.0**low
        most = (2.0 - eps) * 2.0 ** (high - 1)
        self.__dict__.update(
            dtype=_name(d), bits=bits, eps=eps, max=most, min=-most, tiny=tiny,
            smallest_normal=tiny, resolution=10.0**-decimals,
        )  # fmt: skip

    def __repr__(self):
        return (
            f"finfo(resolution={self.resolution:g}, min={self.min:g}, max={self.max:g}, "
            f"eps={self.eps:g}, "
            f"smallest_normal={self.smallest_normal:g}, tiny={self.tiny:g}, dtype={self.dtype})"
        )


class iinfo(_Limits):
    """The limits of an integer dtype: bits, max, min."""

    def __init__(self, *args, **kwargs):
        if not args and "type" not in kwargs:
            raise TypeError('iinfo() missing 1 required positional arguments: "type"')
        self._set(*args, **kwargs)

    def _set(self, type):
        if not isinstance(type, _C.dtype):
            raise TypeError(
                "iinfo(): argument 'type' (position 1) must be torch.dtype, "
                f"not {_C._type_name(type)}"
            )
        if type.is_floating_point or type.is_complex:
            raise TypeError(
                "torch.iinfo() requires an integer input type. "
                "Use torch.finfo to handle 'torch.iinfo'"
            )
        if type is _C.bool:
            raise TypeError("torch.bool is not supported by torch.iinfo")
        bits = type.itemsize * 8
        most = 2 ** (bits - type.is_signed) - 1
        least = -most - 1 if type.is_signed else 0
        self.__dict__.update(dtype=_name(type), bits=bits, max=most, min=least)

    def __repr__(self):
        return f"iinfo(min={self.min:g}, max={self.max:g}, dtype={self.dtype})"


for _kind in (finfo, iinfo):
    _kind.__module__ = "torch"
