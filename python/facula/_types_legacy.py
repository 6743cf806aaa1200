"""FloatTensor and its kin: constructors by dtype, which isinstance() understands too."""

import copyreg

from . import _C
from ._C import Tensor
from ._tensor import is_storage
from ._utils import _found

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


_SIGNATURES = """
 * (*, torch.device device = None)
      didn't match because some of the keywords were incorrect: {}
 * (torch.Storage storage)
 * (Tensor other)
 * (tuple of ints size, *, torch.device device = None)
 * (object data, *, torch.device device = None)
"""


def _check_keywords(args, keywords):
    """The positional arguments, with size= and data= as what they are; device= is checked."""
    device = keywords.pop("device", None)
    for name in ("size", "data", "other"):
        if not args and name in keywords:
            value = keywords.pop(name)
            args = (_C.Size(value) if name == "size" else value,)
    if keywords:
        got = [_C._type_name(a) for a in args]
        got += [f"{k}={_C._type_name(v)}" for k, v in keywords.items()]
        raise TypeError(
            f"new() received an invalid combination of arguments - got ({', '.join(got)}), "
            f"but expected one of:{_SIGNATURES.format(', '.join(keywords))}"
        )
    if device is not None and _C.device(device).type != "cpu":
        raise RuntimeError(
            "legacy constructor expects device type: cpu but device type: "
            f"{_C.device(device).type} was passed"
        )
    return args


def _construct(dtype, args):
    if not args:
        return _C.empty(0, dtype=dtype, device="cpu")
    if len(args) == 1 and not isinstance(args[0], int):
        data = args[0]
        if isinstance(data, _C.Size):
            return _C.empty(data, dtype=dtype, device="cpu")
        if isinstance(data, Tensor):
            if data.dtype is not dtype:
                raise TypeError(f"expected {_options(dtype)} (got {_options(data.dtype)})")
            return data.alias() if hasattr(data, "alias") else data.detach()
        if is_storage(data):
            from .storage import over

            return over(data, dtype)
        if isinstance(data, str):
            raise TypeError("new(): invalid data type 'str'")
        sequence = hasattr(data, "__len__") or hasattr(data, "__array_interface__")
        if not sequence or isinstance(data, (dict, set, frozenset)):
            raise TypeError(f"new(): data must be a sequence (got {_C._type_name(data)})")
        return _C._from_data(data, dtype, None, True)
    for i, size in enumerate(args):
        if not hasattr(size, "__index__"):
            raise TypeError(
                f"new(): argument 'size' failed to unpack the object at pos {i + 1} with error "
                f'"type must be tuple of ints,but got {_C._type_name(size)}"'
            )
    return _C.empty(*args, dtype=dtype, device="cpu")


class tensortype(type):
    """The type of FloatTensor and its kin."""

    __module__ = "torch"

    def __instancecheck__(cls, obj):
        return isinstance(obj, Tensor) and obj.dtype is cls.dtype and obj.is_cuda == cls.is_cuda

    def __call__(cls, *args, **keywords):
        if cls.is_cuda:
            raise TypeError(
                f"type {cls.__module__}.{cls.__name__} not available. "
                "Torch not compiled with CUDA enabled."
            )
        return _construct(cls.dtype, _check_keywords(args, keywords))


def _reduce_type(cls):
    return _found, (f"{cls.__module__}.{cls.__name__}".removeprefix("torch."),)


copyreg.pickle(tensortype, _reduce_type)


def _make(name, dtype, module):
    fields = {"dtype": dtype, "layout": _C.strided, "is_cuda": module != "torch"}
    return tensortype(name, (), {**fields, "is_sparse": False, "__module__": module})


for _name, _dtype in _NAMES.items():
    globals()[_name] = _make(_name, _dtype, "torch")
cuda_types = {name: _make(name, dtype, "torch.cuda") for name, dtype in _NAMES.items()}


def _legacy_new(*args, _dtype=None, **keywords):
    """Tensor(...): sizes make an uninitialised tensor, data one of the default dtype."""
    args = _check_keywords(args, keywords)
    if len(args) == 1 and isinstance(args[0], Tensor):
        return args[0].detach()
    return _construct(_dtype or _C.get_default_dtype(), args)


Tensor._legacy_new = staticmethod(_legacy_new)


def _type_name(t):
    module = "torch.sparse" if t.is_sparse else "torch.meta" if t.is_meta else "torch"
    for name, dtype in _NAMES.items():
        if t.dtype is dtype:
            return f"{module}.{name}"
    kind = str(t.dtype).split(".")[1]
    if kind[:4] == "uint":
        return f"{module}.UInt{kind[4:]}Tensor"
    return f"{module}.Complex{'Float' if kind == 'complex64' else 'Double'}Tensor"


def _type(self, dtype=None, non_blocking=False):
    """The name of this tensor's type, or this tensor as another type."""
    if dtype is None:
        return _type_name(self)
    if isinstance(dtype, tensortype):
        dtype = f"{dtype.__module__}.{dtype.__name__}"
    elif isinstance(dtype, type):
        dtype = f"{dtype.__module__}.{dtype.__name__}" if dtype is Tensor else dtype.__name__
    if isinstance(dtype, str):
        module, _, name = dtype.rpartition(".")
        if dtype == "torch.Tensor":
            return self.to(_C.get_default_dtype())
        if name not in _NAMES or module not in ("torch", "torch.cuda"):
            raise ValueError(f"invalid type: '{dtype}'")
        if module == "torch.cuda":
            raise AssertionError("Torch not compiled with CUDA enabled")
        dtype = _NAMES[name]
    elif not isinstance(dtype, _C.dtype):
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
