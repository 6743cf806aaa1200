"""What is convenient rather than hot about tensors: added to the C type when the package loads."""

import copyreg
from collections import OrderedDict

from . import _C
from ._C import Tensor
from ._levels import transforms as _transforms
from ._utils import (
    _found,
    _get_state,
    _named,
    _rebuild_meta_tensor_no_storage,
    _rebuild_sparse_tensor,
    _rebuild_tensor_v2,
    _rebuild_tensor_v3,
    _reduce_function,
    _set_state,
)


def is_tensor(obj):
    """Whether obj is a Tensor."""
    return isinstance(obj, Tensor)


def as_tensor(data, dtype=None, device=None):
    """data as a tensor, sharing memory where dtype and device allow it."""
    if device is None:
        device = _C._get_default_device()
    if isinstance(data, Tensor):
        return data.to(dtype=dtype or data.dtype, device=device or data.device)
    return _C._from_data(data, dtype, device, False)


def asarray(obj, *, dtype=None, device=None, copy=None, requires_grad=False):
    """obj as a tensor; copy=True always copies, copy=False never."""
    if isinstance(obj, (list, tuple, int, float, complex)):
        if copy is False:
            raise ValueError("can't alias arbitrary sequence into a tensor.")
        t = _C._from_data(obj, dtype, device or _C._get_default_device(), True)
        return t.requires_grad_(requires_grad) if requires_grad else t
    if isinstance(obj, Tensor):
        t = obj
    elif hasattr(obj, "__array_interface__"):
        t = _C._from_data(obj, None, None, bool(copy))
        copy = False if copy else copy
    elif hasattr(obj, "__dlpack__"):
        from ._dlpack import from_dlpack

        t = from_dlpack(obj)
    else:
        try:
            t = frombuffer(obj, dtype=dtype or _C.get_default_dtype())
        except ValueError:
            t = _C._from_data(obj, dtype, device, True)
    to = _C.device(device) if device is not None else t.device
    dtype = dtype or t.dtype
    if copy is False and isinstance(obj, Tensor) and to != t.device:
        raise ValueError(f"can't alias tensor from device '{t.device}' to '{to}'.")
    if copy is False and dtype is not t.dtype:
        raise ValueError(
            f"can't alias tensor with dtype '{_SCALARS[t.dtype]}' into dtype '{_SCALARS[dtype]}'."
        )
    if copy:
        t = t.to(to, dtype, copy=True)
    elif dtype is not t.dtype or to != t.device:
        t = t.to(to, dtype)
    if requires_grad and not t.requires_grad:
        t = t.requires_grad_(True)
    elif not requires_grad and t.requires_grad:
        t = t.detach()
    return t


_SCALARS = {
    _C.bool: "Bool", _C.uint8: "Byte", _C.int8: "Char", _C.int16: "Short", _C.int32: "Int",
    _C.int64: "Long", _C.float16: "Half", _C.bfloat16: "BFloat16", _C.float32: "Float",
    _C.float64: "Double", _C.complex64: "ComplexFloat", _C.complex128: "ComplexDouble",
    _C.uint16: "UInt16", _C.uint32: "UInt32", _C.uint64: "UInt64",
}  # fmt: skip


def _backward(self, gradient=None, retain_graph=None, create_graph=False, inputs=None):
    """Adds the gradients of this tensor by the graph's leaves to their .grad."""
    _transforms.refuse_backward()
    if retain_graph is None:
        retain_graph = create_graph
    if inputs is not None:
        from .autograd import _inputs

        inputs = _inputs(inputs, "backward")
        if not inputs:
            raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    _C._backward((self,), (gradient,), inputs, retain_graph, create_graph, True, True)


Tensor.backward = _backward


def _numpy(self, *, force=False):
    """This tensor's memory as a NumPy array."""
    import numpy

    t = self
    if force:
        if t.is_meta:
            raise NotImplementedError("Cannot copy out of meta tensor; no data!")
        t = t.detach().cpu().resolve_conj().resolve_neg()
    elif t.requires_grad:
        raise RuntimeError(
            "Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead."
        )
    elif t.is_meta:
        raise TypeError(
            "can't convert meta device type tensor to numpy. "
            "Use Tensor.cpu() to copy the tensor to host memory first."
        )
    elif t.is_conj():
        raise RuntimeError(
            "Can't call numpy() on Tensor that has conjugate bit set. "
            "Use tensor.resolve_conj().numpy() instead."
        )
    elif t.is_neg():
        raise RuntimeError(
            "Can't call numpy() on Tensor that has negative bit set. "
            "Use tensor.resolve_neg().numpy() instead."
        )
    elif t.is_sparse:
        raise TypeError("can't convert Sparse layout tensor to numpy. Use Tensor.to_dense() first.")
    return numpy.asarray(_Exported(t))


class _Exported:
    """Hands a tensor's memory to NumPy and keeps the tensor alive."""

    __slots__ = ("__array_interface__", "tensor")

    def __init__(self, tensor):
        self.tensor = tensor
        self.__array_interface__ = _C._array_interface(tensor)


Tensor.numpy = _numpy


def _array(self, dtype=None, copy=None):
    """What numpy.asarray() sees: this tensor's memory, or a copy of it."""
    a = self.numpy()
    if dtype is not None and a.dtype != dtype:
        if copy is False:
            raise ValueError("Unable to avoid copy while creating an array as requested.")
        return a.astype(dtype)
    return a.copy() if copy else a


def _array_wrap(self, array, context=None, return_scalar=False):
    """The result of a NumPy function of tensors, as a tensor again."""
    # torch.uint8 stands for NumPy's bool here, as it always has
    return _C.from_numpy(array.astype("uint8") if array.dtype == bool else array)


Tensor.__array__ = _array
Tensor.__array_wrap__ = _array_wrap
Tensor.__array_priority__ = 1000


def _tolist(self):
    """Nested lists of Python numbers; a number for zero-dim tensors."""
    return _C._tolist(self)


Tensor.tolist = _tolist


def _no_positional(name, args):
    was = "was" if len(args) == 1 else "were"
    raise TypeError(f"{name}() takes 0 positional arguments but {len(args)} {was} given")


def _caster(name, dtype):
    def cast(self, *args, memory_format=_C.preserve_format):
        if args and not isinstance(args[0], _C.memory_format):
            _no_positional(name, args)
        return (
            self
            if self.dtype is dtype
            else _C._to_copy(self, dtype=dtype, memory_format=memory_format)
        )

    cast.__name__ = name
    cast.__doc__ = f"This tensor as {dtype}."
    return cast


for _name, _dtype in {
    "float": _C.float32, "double": _C.float64, "half": _C.float16, "bfloat16": _C.bfloat16,
    "int": _C.int32, "long": _C.int64, "short": _C.int16, "char": _C.int8, "byte": _C.uint8,
    "bool": _C.bool, "cfloat": _C.complex64, "cdouble": _C.complex128,
}.items():  # fmt: skip
    setattr(Tensor, _name, _caster(_name, _dtype))


def _cpu(self, *args, memory_format=_C.preserve_format):
    """This tensor on the CPU."""
    if args and not isinstance(args[0], _C.memory_format):
        _no_positional("cpu", args)
    return self.to("cpu", memory_format=args[0] if args else memory_format)


def _cuda(self, device=None, non_blocking=False, memory_format=_C.preserve_format):
    """Raises: no CUDA plug-in is loaded."""
    if isinstance(device, int):
        _C.device(device)
    raise AssertionError("Torch not compiled with CUDA enabled")


Tensor.cpu = _cpu
Tensor.cuda = _cuda


def typename(obj):
    """The name of obj's type, with its module."""
    if isinstance(obj, Tensor):
        return obj.type()
    kind = obj if isinstance(obj, type) else type(obj)
    module = "" if kind.__module__ in ("builtins", "__builtin__") else kind.__module__ + "."
    return module + kind.__qualname__


def is_storage(obj):
    """Whether obj is a storage."""
    return type(obj).__name__ in ("UntypedStorage", "TypedStorage")


def _checked(name, input):
    if not isinstance(input, Tensor):
        raise TypeError(
            f"{name}(): argument 'input' (position 1) must be Tensor, not {_C._type_name(input)}"
        )
    return input


def is_floating_point(input):
    """Whether input's dtype is floating."""
    return _checked("is_floating_point", input).is_floating_point()


def is_complex(input):
    """Whether input's dtype is complex."""
    return _checked("is_complex", input).is_complex()


def numel(input):
    """The number of elements."""
    return _checked("numel", input).numel()


def is_signed(input):
    """Whether input's dtype has negative numbers."""
    return _checked("is_signed", input).is_signed()


def is_conj(input):
    """Whether input is a conjugate view."""
    return _checked("is_conj", input).is_conj()


def is_neg(input):
    """Whether input is a negative view."""
    return _checked("is_neg", input).is_neg()


def is_inference(input):
    """Whether input was made in inference mode."""
    return _checked("is_inference", input).is_inference()


def is_same_size(input, other):
    """Whether input and other have the same shape."""
    return _checked("is_same_size", input).shape == other.shape


for _name in (
    "is_floating_point", "is_complex", "numel", "is_signed", "is_conj", "is_neg", "is_inference",
    "is_same_size",
):  # fmt: skip
    globals()[_name] = _C._overridable(globals()[_name])


def scalar_tensor(
    s, *, dtype=None, layout=None, device=None, pin_memory=False, requires_grad=False
):
    """The number s as a zero-dim tensor of the default dtype."""
    return _C.full((), s, dtype=dtype or _C.get_default_dtype(), layout=layout, device=device,
                   pin_memory=pin_memory, requires_grad=requires_grad)  # fmt: skip


_warned_readonly = False


def _warn_readonly(view):
    global _warned_readonly
    if view.readonly and not _warned_readonly:
        import warnings

        _warned_readonly = True
        warnings.warn(
            "The given buffer is not writable, and PyTorch does not support non-writable tensors. "
            "This means you can write to the underlying (supposedly non-writable) buffer using "
            "the tensor. You may want to copy the buffer to protect its data or make it writable "
            "before converting it to a tensor. This type of warning will be suppressed for the "
            "rest of this program.",
            stacklevel=3,
        )


def frombuffer(buffer, *, dtype=None, count=-1, offset=0, requires_grad=False):
    """A one-dimensional tensor over the memory of an object with the buffer protocol."""
    if dtype is None:
        raise TypeError('frombuffer() missing 1 required positional arguments: "dtype"')
    try:
        view = memoryview(buffer)
    except TypeError:
        raise ValueError("object does not implement Python buffer protocol.") from None
    _warn_readonly(view)
    view = view.cast("B")
    size = dtype.itemsize
    if view.nbytes == 0:
        raise ValueError("both buffer length (0) and count (-1) must not be 0")
    if not 0 <= offset < view.nbytes:
        raise ValueError(
            f"offset ({offset} bytes) must be non-negative and "
            f"no greater than buffer length ({view.nbytes} bytes) minus 1"
        )
    if count == 0 or count < -1:
        raise ValueError(f"both buffer length ({view.nbytes}) and count ({count}) must not be 0")
    if count < 0:
        if (view.nbytes - offset) % size:
            raise ValueError(
                f"buffer length ({view.nbytes - offset} bytes) after offset ({offset} bytes) "
                f"must be a multiple of element size ({size})"
            )
        count = (view.nbytes - offset) // size
    if offset + count * size > view.nbytes:
        raise ValueError(
            f"requested buffer length ({count} * {size} bytes) after offset ({offset} bytes) "
            f"must not be greater than actual buffer length ({view.nbytes} bytes)"
        )
    t = _C._from_buffer(view, dtype, count, offset)
    return t.requires_grad_(True) if requires_grad else t


def _dlpack(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
    from ._dlpack import export

    return export(self, stream=stream, max_version=max_version, dl_device=dl_device, copy=copy)


def _dlpack_device(self):
    from ._dlpack import device_of

    return device_of(self)


Tensor.__dlpack__ = _dlpack
Tensor.__dlpack_device__ = _dlpack_device


def _iter(self):
    if self.dim() == 0:
        raise TypeError("iteration over a 0-d tensor")
    return iter(self.unbind(0))


Tensor.__iter__ = _iter


def _contains(self, element):
    if isinstance(element, (Tensor, int, float, complex, bool)):
        return bool((element == self).any().item())
    raise RuntimeError(
        f"Tensor.__contains__ only supports Tensor or scalar, but you passed in a {type(element)}."
    )


Tensor.__contains__ = _contains


def _complex(self):
    if self.numel() != 1:
        raise ValueError("only one element tensors can be converted to Python scalars")
    return complex(self.item())


Tensor.__complex__ = _complex


def _reversed(self):
    return self if self.dim() == 0 else self.flip(0)


Tensor.__reversed__ = _reversed


def _to_dense(self, dtype=None, *, masked_grad=None):
    """The strided tensor of the same elements.

    Its gradient has the places of self, or with masked_grad=False all places.
    """
    if masked_grad is False and self.is_sparse and self.requires_grad:
        from .sparse import _ToDense

        result = _ToDense.apply(self)
    else:
        result = self._to_dense()
    return result if dtype is None else result.to(dtype)


def _to_sparse(self, sparse_dim=None, *, layout=None, blocksize=None, dense_dim=None):
    """The sparse_coo tensor of the same elements."""
    if layout not in (None, _C.sparse_coo) or blocksize is not None or dense_dim is not None:
        raise NotImplementedError("to_sparse: facula has the layout torch.sparse_coo alone")
    return self._to_sparse(sparse_dim)


Tensor.to_dense = _to_dense
Tensor.to_sparse = _to_sparse
Tensor.to_sparse_coo = lambda self: self.to_sparse()


def _add_hook(self, hook, post_accumulate):
    from .utils.hooks import RemovableHandle

    hooks = _C._tensor_hooks(self, post_accumulate, OrderedDict())
    if not post_accumulate:
        self._backward_hooks = hooks
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    return handle


def _register_hook(self, hook):
    """hook(grad) runs when the tensor's gradient is there; what it returns takes its place."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    return _add_hook(self, hook, False)


def _register_post_accumulate_grad_hook(self, hook):
    """hook(tensor) runs each time that a leaf's .grad has been added to."""
    if not self.requires_grad:
        raise RuntimeError("cannot register a hook on a tensor that doesn't require gradient")
    if self.grad_fn is not None:
        raise RuntimeError("post accumulate grad hooks cannot be registered on non-leaf tensors")
    return _add_hook(self, hook, True)


def _retain_grad(self):
    """Makes a result keep its gradient in .grad, as leaves do."""
    _C._retain_grad(self)


Tensor.register_hook = _register_hook
Tensor.register_post_accumulate_grad_hook = _register_post_accumulate_grad_hook
Tensor.retain_grad = _retain_grad


def _deepcopy(self, memo):
    if not self.is_leaf:
        raise RuntimeError(
            "Only Tensors created explicitly by the user (graph leaves) support the deepcopy "
            "protocol at the moment.  "
            "If you were attempting to deepcopy a module, this may be because of a "
            "torch.nn.utils.weight_norm usage, "
            "see https://github.com/pytorch/pytorch/pull/103001"
        )
    if id(self) in memo:
        return memo[id(self)]
    import copy

    with _no_grad():
        if self.layout is _C.strided and not (self.is_conj() or self.is_neg()):
            # tensors that share a storage share its copy
            storage = copy.deepcopy(self.untyped_storage(), memo)
            geometry = (self.storage_offset(), self.shape, self.stride())
            new = _C._over_storage(storage, self.dtype, *geometry, False)
        else:
            new = self.detach().clone()
        new = Tensor._make_subclass(type(self), new, self.requires_grad)
    memo[id(self)] = new
    if self.grad is not None:
        new.grad = copy.deepcopy(self.grad, memo)
    if getattr(self, "__dict__", None):
        new.__dict__ = copy.deepcopy(self.__dict__, memo)
    return new


def _no_grad():
    from .autograd.grad_mode import no_grad

    return no_grad()


Tensor.__deepcopy__ = _deepcopy


def _copy(self):
    """Another tensor over the same memory, with the same attributes."""
    new = Tensor._make_subclass(type(self), self.detach(), self.requires_grad)
    if getattr(self, "__dict__", None):
        new.__dict__.update(self.__dict__)
    return new


Tensor.__copy__ = _copy


def _rebuild_from_type_v2(func, new_type, args, state):
    """A tensor of a subclass, or one with attributes, as pickles have it."""
    new = func(*args)
    if type(new) is not new_type:
        new = new.as_subclass(new_type)
    if getattr(new_type, "__setstate__", Tensor.__setstate__) is not Tensor.__setstate__:
        new.__setstate__(state)
    else:
        _set_state(new, state)
    return new


def _reduce_plain(self):
    from .storage import _NAME_OF, typed_storage

    if self.is_sparse:
        parts = (self._indices(), self._values(), self.shape, self.is_coalesced())
        return _rebuild_sparse_tensor, (self.layout, parts)
    if self.is_meta:
        geometry = (tuple(self.shape), self.stride())
        return _rebuild_meta_tensor_no_storage, (self.dtype, *geometry, self.requires_grad)
    hooks = OrderedDict()
    geometry = (self.storage_offset(), tuple(self.shape), self.stride(), self.requires_grad, hooks)
    bits = {"conj": self.is_conj(), "neg": self.is_neg()}
    bits = {name: True for name, on in bits.items() if on}
    metadata = (bits,) if bits else ()
    if self.dtype in _NAME_OF:
        return _rebuild_tensor_v2, (typed_storage(self), *geometry, *metadata)
    return _rebuild_tensor_v3, (self.untyped_storage(), *geometry, self.dtype, *metadata)


def _reduce_ex(self, protocol):
    if self._backward_hooks:
        from .utils.hooks import warn_if_has_hooks

        warn_if_has_hooks(self)
    func, args = _reduce_plain(self)
    state = _get_state(self)
    if type(self) is Tensor and not state:
        return func, args
    return _rebuild_from_type_v2, (func, type(self), args, state)


def _setstate(self, state):
    """Gives a tensor made by its class alone the memory and attributes that a pickle has."""
    if not self.is_leaf:
        raise RuntimeError("__setstate__ can be only called on leaf Tensors")
    if len(state) == 4:
        self.set_(*state)
        return
    if len(state) == 5:
        self.data = state[0]
        state = (state[3], state[4], state[2])
    self.requires_grad, _, self._backward_hooks = state


Tensor.__reduce_ex__ = _reduce_ex
Tensor.__setstate__ = _setstate


def _reduce_class(cls):
    # Tensor prints as torch.Tensor, where another package may be
    if cls is _C.TensorBase:
        return _found, ("_C.TensorBase",)
    return (_named, ("Tensor", None)) if cls is Tensor else cls.__qualname__


copyreg.pickle(type(Tensor), _reduce_class)
copyreg.pickle(_C._Overridable, _reduce_function)


def _detach_(self):
    """Takes this tensor out of the graph."""
    _C._detach_inplace(self)
    return self


Tensor.detach_ = _detach_


def _new_tensor(self, data, *, dtype=None, device=None, requires_grad=False, pin_memory=False):
    """A copy of data, in this tensor's dtype by default."""
    if isinstance(data, Tensor):
        import warnings

        warnings.warn(
            "To copy construct from a tensor, it is recommended to use "
            "sourceTensor.detach().clone() or sourceTensor.detach().clone().requires_grad_(True), "
            "rather than tensor.new_tensor(sourceTensor).",
            stacklevel=2,
        )
        t = data.detach().to(device or self.device, dtype or self.dtype, copy=True)
        return t.requires_grad_() if requires_grad else t
    return _C.tensor(
        data, dtype=dtype or self.dtype, device=device or self.device, requires_grad=requires_grad
    )


Tensor.new_tensor = _new_tensor


def _new(self, *args, device=None):
    """Tensor(...) in this tensor's dtype."""
    return Tensor._legacy_new(*args, _dtype=self.dtype)


Tensor.new = _new

_nonzero_rows = Tensor.nonzero


def _nonzero(self, *, as_tuple=False):
    """Where this tensor is not zero: (n, dims), or with as_tuple one vector a dimension."""
    if not isinstance(as_tuple, bool):
        name = _C._type_name(as_tuple)
        raise TypeError(f"nonzero(): argument 'as_tuple' must be bool, not {name}")
    return self.nonzero_numpy() if as_tuple else _nonzero_rows(self)


Tensor.nonzero = _nonzero


def _storage(self):
    """The elements that this tensor looks at: a TypedStorage, which is deprecated."""
    from . import storage

    storage._warn_typed_storage_removal()
    return storage.typed_storage(self)


def _typed_storage(self):
    from . import storage

    return storage.typed_storage(self)


def _storage_type(self):
    """The storage class for this tensor's dtype."""
    return _storage(self)._get_legacy_storage_class()


def _is_shared(self):
    """Whether other processes see this tensor's memory."""
    return self.untyped_storage().is_shared()


Tensor.storage = _storage
Tensor._typed_storage = _typed_storage
Tensor.storage_type = _storage_type
Tensor.is_shared = _is_shared


def _pin_memory(self, device=None):
    raise RuntimeError("Cannot access accelerator device when none is available.")


Tensor.pin_memory = _pin_memory
Tensor.is_pinned = lambda self, device=None: False
Tensor.get_device = lambda self: -1
Tensor.is_set_to = lambda self, other: (
    self._storage_ptr() == other._storage_ptr()
    and self.storage_offset() == other.storage_offset()
    and self.shape == other.shape
    and self.stride() == other.stride()
)
Tensor.is_same_size = lambda self, other: self.shape == other.shape
Tensor.__rdiv__ = lambda self, other: self.reciprocal() * other

Tensor.__div__ = lambda self, other: self / other
for _name in ("is_vulkan", "is_ipu", "is_xla", "is_maia", "is_mtia"):
    if not hasattr(Tensor, _name):
        setattr(Tensor, _name, property(lambda self: False))


def _dim_order(self, ambiguity_check=False):
    """The dimensions from the outermost in memory to the innermost."""
    strides = self.stride()
    return tuple(sorted(range(self.dim()), key=lambda d: -strides[d]))


Tensor.dim_order = _dim_order
Tensor.__nonzero__ = Tensor.__bool__


Tensor.__idiv__ = Tensor.__itruediv__
