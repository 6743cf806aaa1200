"""What is convenient rather than hot about tensors: added to the C type when the package loads."""

from . import _C
from ._C import Tensor


def is_tensor(obj):
    """Whether obj is a Tensor."""
    return isinstance(obj, Tensor)


def as_tensor(data, dtype=None, device=None):
    """data as a tensor, sharing memory where dtype and device allow it."""
    if isinstance(data, Tensor):
        return data.to(dtype=dtype or data.dtype, device=device or data.device)
    return _C._from_data(data, dtype, device, False)


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False):
    """obj as a tensor; copy=True always copies, copy=False never."""
    if copy:
        t = _C._from_data(obj, dtype, device, True)
    else:
        t = as_tensor(obj, dtype, device)
    return t.requires_grad_(requires_grad) if requires_grad else t


def _backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Adds the gradients of this tensor by the graph's leaves to their .grad."""
    if retain_graph is None:
        retain_graph = create_graph
    if inputs is not None:
        inputs = (inputs,) if isinstance(inputs, Tensor) else tuple(inputs)
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    _C._backward((self,), (gradient,), inputs, retain_graph, create_graph, True, True)


Tensor.backward = _backward


def _numpy(self, *, force=False):
    """This tensor's memory as a NumPy array."""
    import numpy

    t = self
    if force:
        t = t.detach().cpu().resolve_conj().resolve_neg()
    elif t.requires_grad:
        raise RuntimeError("Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.")
    elif t.is_meta:
        raise NotImplementedError("Cannot copy out of meta tensor; no data!")
    elif t.is_conj():
        raise RuntimeError(
            "Can't call numpy() on Tensor that has conjugate bit set. "
            "Use tensor.resolve_conj().numpy() instead."
        )
    elif t.is_neg():
        raise RuntimeError(
            "Can't call numpy() on Tensor that has negative bit set. Use tensor.resolve_neg().numpy() instead."
        )
    elif t.is_sparse:
        raise TypeError(
            "can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() to convert to a dense tensor first."
        )
    return numpy.asarray(_Exported(t))


class _Exported:
    """Hands a tensor's memory to NumPy and keeps the tensor alive."""

    __slots__ = ("__array_interface__", "tensor")

    def __init__(self, tensor):
        self.tensor = tensor
        self.__array_interface__ = _C._array_interface(tensor)


Tensor.numpy = _numpy


def _array(self, dtype=None, copy=None):
    a = self.numpy()
    return a if dtype is None else a.astype(dtype, copy=False)


Tensor.__array__ = _array
Tensor.__array_priority__ = 1000


def _tolist(self):
    """Nested lists of Python numbers; a number for zero-dim tensors."""
    return _C._tolist(self)


Tensor.tolist = _tolist


def _to(self, *args, dtype=None, device=None, non_blocking=False, copy=False, memory_format=None, **kwargs):
    """This tensor in another dtype, device or memory format; itself where nothing changes."""
    args = list(args)
    if args and isinstance(args[0], Tensor):
        other = args.pop(0)
        dtype, device = other.dtype, other.device
    elif args and isinstance(args[0], _C.dtype):
        dtype = args.pop(0)
    elif args and (args[0] is None or isinstance(args[0], (_C.device, str, int))):
        device = args.pop(0)
        if args and (args[0] is None or isinstance(args[0], _C.dtype)):
            dtype = args.pop(0)
    if args:
        non_blocking = args.pop(0)
    if args:
        copy = args.pop(0)
    if device is not None and not isinstance(device, _C.device):
        device = _C.device(device)
    if device is not None and device.type == "cuda":
        raise AssertionError("Torch not compiled with CUDA enabled")
    same = (
        not copy
        and (dtype is None or dtype is self.dtype)
        and (device is None or device.type == self.device.type)
        and (memory_format is None or memory_format is _C.preserve_format or self.is_contiguous(memory_format=memory_format))
    )
    if same:
        return self
    return _C._to_copy(self, dtype=dtype, device=device, non_blocking=non_blocking, memory_format=memory_format)


Tensor.to = _to


def _caster(name, dtype):
    def cast(self, memory_format=_C.preserve_format):
        return self if self.dtype is dtype else _C._to_copy(self, dtype=dtype, memory_format=memory_format)

    cast.__name__ = name
    cast.__doc__ = f"This tensor as {dtype}."
    return cast


for _name, _dtype in {
    "float": _C.float32, "double": _C.float64, "half": _C.float16, "bfloat16": _C.bfloat16,
    "int": _C.int32, "long": _C.int64, "short": _C.int16, "char": _C.int8, "byte": _C.uint8,
    "bool": _C.bool, "cfloat": _C.complex64, "cdouble": _C.complex128,
}.items():  # fmt: skip
    setattr(Tensor, _name, _caster(_name, _dtype))


def _cpu(self, memory_format=_C.preserve_format):
    """This tensor on the CPU."""
    return self.to("cpu")


def _cuda(self, device=None, non_blocking=False, memory_format=_C.preserve_format):
    raise AssertionError("Torch not compiled with CUDA enabled")


Tensor.cpu = _cpu
Tensor.cuda = _cuda
