"""FloatTensor and its kin: constructors by dtype, which isinstance() understands too."""

from . import _C
from ._C import Tensor

_NAMES = {
    "FloatTensor": _C.float32, "DoubleTensor": _C.float64, "HalfTensor": _C.float16,
    "BFloat16Tensor": _C.bfloat16, "ByteTensor": _C.uint8, "CharTensor": _C.int8,
    "ShortTensor": _C.int16, "IntTensor": _C.int32, "LongTensor": _C.int64, "BoolTensor": _C.bool,
}  # fmt: skip
__all__ = [*_NAMES, "set_default_tensor_type"]


_C_TYPES = {
    "float32": "float", "float64": "double", "float16": "c10::Half", "bfloat16": "c10::BFloat16",
    "uint8": "unsigned char", "int8": "signed char", "int16": "short int", "int32": "int",
    "int64": "long int", "bool": "bool", "complex64": "c10::complex<float>",
    "complex128": "c10::complex<double>",
}  # fmt: skip


def _options(dtype):
    name = str(dtype).rpartition(".")[2]
    return (
        f"TensorOptions(dtype={_C_TYPES.get(name, name)}, device=cpu, layout=Strided, "
        "requires_grad=false (default), pinned_memory=false (default), memory_format=(nullopt))"
    )


def _construct(dtype, args):
    if not args:
        return _C.empty(0, dtype=dtype)
    if len(args) == 1 and not isinstance(args[0], int):
        data = args[0]
        if isinstance(data, _C.Size):
            return _C.empty(data, dtype=dtype)
        if isinstance(data, Tensor):
            if data.dtype is not dtype:
                raise TypeError(f"expected {_options(dtype)} (got {_options(data.dtype)})")
            return data.alias() if hasattr(data, "alias") else data.detach()
        if isinstance(data, str):
            raise TypeError("new(): invalid data type 'str'")
        if not hasattr(data, "__len__") and not hasattr(data, "__array_interface__"):
            raise TypeError(f"new(): data must be a sequence (got {_C._type_name(data)})")
        return _C._from_data(data, dtype, None, True)
    for i, size in enumerate(args):
        if not hasattr(size, "__index__"):
            raise TypeError(
                f"new(): argument 'size' failed to unpack the object at pos {i + 1} with error "
                f'"type must be tuple of ints,but got {_C._type_name(size)}"'
            )
    return _C.empty(*args, dtype=dtype)


class _Meta(type):
    def __instancecheck__(cls, obj):
        return isinstance(obj, Tensor) and obj.dtype is cls.dtype and obj.is_cpu

    def __call__(cls, *args, device=None):
        return _construct(cls.dtype, args)


for _name, _dtype in _NAMES.items():
    globals()[_name] = _Meta(_name, (), {"dtype": _dtype, "__module__": "torch"})


def _legacy_new(*args, device=None, dtype=None):
    """Tensor(...): sizes make an uninitialised tensor, data one of the default dtype."""
    if len(args) == 1 and isinstance(args[0], Tensor):
        return args[0].detach()
    return _construct(dtype or _C.get_default_dtype(), args)


Tensor._legacy_new = staticmethod(_legacy_new)


def _type_name(t):
    for name, dtype in _NAMES.items():
        if t.dtype is dtype:
            return f"torch.{name}"
    kind = str(t.dtype).split(".")[1]
    return {"complex64": "torch.ComplexFloatTensor", "complex128": "torch.ComplexDoubleTensor"}.get(
        kind, f"torch.{kind.capitalize()}Tensor"
    )


def _type(self, dtype=None, non_blocking=False):
    """The name of this tensor's type, or this tensor as another type."""
    if dtype is None:
        return _type_name(self)
    if isinstance(dtype, str):
        name = dtype.split(".")[-1]
        if name == "Tensor":
            return self.to(_C.get_default_dtype())
        if name not in _NAMES:
            raise ValueError(f"invalid type: '{dtype}'")
        dtype = _NAMES[name]
    elif isinstance(dtype, _Meta):
        dtype = dtype.dtype
    elif not isinstance(dtype, (_C.dtype, type)):
        raise TypeError("dtype must be a type, str, or dtype object")
    return self.to(dtype)


Tensor.type = _type


def _type_as(self, other):
    """This tensor in other's dtype."""
    return self.to(other.dtype)


Tensor.type_as = _type_as


_warned = False


def set_default_tensor_type(t):
    """Sets the default dtype from a type or its name."""
    global _warned
    if not _warned:
        import warnings

        _warned = True
        warnings.warn(
            "torch.set_default_tensor_type() is deprecated as of PyTorch 2.1, please use "
            "torch.set_default_dtype() and torch.set_default_device() as alternatives.",
            stacklevel=2,
        )
    text = (
        t if isinstance(t, str) else f"{getattr(t, '__module__', '')}.{getattr(t, '__name__', '')}"
    )
    head, _, name = text.rpartition(".")
    dtype = _NAMES.get(name)
    if dtype is not None and head == "torch.cuda":
        raise TypeError(f"type {text} not available. Torch not compiled with CUDA enabled.")
    if dtype is not None and not dtype.is_floating_point:
        raise TypeError("only floating-point types are supported as the default type")
    if dtype is None or head != "torch":
        raise TypeError(
            "invalid type object: only floating-point types are supported as the default type"
        )
    _C.set_default_dtype(dtype)
