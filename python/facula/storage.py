"""Storages: the memory behind tensors, as bytes (UntypedStorage) or, deprecated, as elements.

The bytes themselves are C's (python/src/storage.c); here are the classes with what is convenient
about them. FloatStorage and its kin are names for TypedStorage with a dtype, which isinstance()
understands.
"""

import collections.abc
import copy as _copy_module
import copyreg
import sys
import warnings

from . import _C
from ._C import Tensor
from ._utils import _found

__all__ = ["TypedStorage", "UntypedStorage"]

_NAMES = {
    "DoubleStorage": _C.float64, "FloatStorage": _C.float32, "HalfStorage": _C.float16,
    "LongStorage": _C.int64, "IntStorage": _C.int32, "ShortStorage": _C.int16,
    "CharStorage": _C.int8, "ByteStorage": _C.uint8, "BoolStorage": _C.bool,
    "BFloat16Storage": _C.bfloat16, "ComplexDoubleStorage": _C.complex128,
    "ComplexFloatStorage": _C.complex64,
}  # fmt: skip
_NAME_OF = {dtype: name for name, dtype in _NAMES.items()}

_WARNING = (
    "TypedStorage is deprecated. It will be removed in the future and UntypedStorage will be the "
    "only storage class. This should only matter to you if you are using storages directly.  To "
    "access UntypedStorage directly, use tensor.untyped_storage() instead of tensor.storage()"
)
_warned = False


def _warn_typed_storage_removal(stacklevel=2):
    global _warned
    if not _warned:
        _warned = True
        warnings.warn(_WARNING, UserWarning, stacklevel=stacklevel + 1)


def _no_cuda():
    raise AssertionError("Torch not compiled with CUDA enabled")


# --- bytes ---------------------------------------------------------------------------------------

_SIGNATURES = """
 * (*, int allocator = None, torch.device device = None)
 * (int size, *, int allocator = None, torch.device device = None)
 * (object sequence, *, int allocator = None, torch.device device = None)
"""


class _StorageBase:
    __slots__ = ()

    is_cuda = False
    is_hpu = False
    is_sparse = False
    is_sparse_csr = False

    def __iter__(self):
        return (self[i] for i in range(self.size()))

    def __repr__(self):
        data = "..."
        if self.device.type != "meta":
            data = " " + "\n ".join(map(str, memoryview(self)))
        return f"{data}\n[{_full_name(type(self))}(device={self.device}) of size {len(self)}]"

    __str__ = __repr__

    def __copy__(self):
        return self.clone()

    def __deepcopy__(self, memo):
        copies = memo.setdefault("torch", {})
        if self._cdata not in copies:
            copies[self._cdata] = self.clone()
        return copies[self._cdata]

    def __sizeof__(self):
        return super().__sizeof__() + self.size()

    def __reduce__(self):
        return _rebuild_storage, (bytes(memoryview(self)), None)

    def element_size(self):
        """The bytes of one element: 1."""
        return 1

    def get_device(self):
        """The device's number: the CPU has none."""

    @property
    def filename(self):
        """The file whose memory this is, where it has been given a name."""

    def clone(self):
        """A storage of its own with the same bytes."""
        return type(self)(self.nbytes(), device=self.device).copy_(self)

    def new(self):
        """An empty storage."""
        return type(self)()

    def tolist(self):
        """The bytes as a list of ints."""
        return list(self)

    def untyped(self):
        """This storage."""
        return self

    def cpu(self):
        """This storage on the CPU."""
        if self.device.type == "cpu":
            return self
        return type(self)(self.nbytes()).copy_(self)

    def cuda(self, device=None, non_blocking=False):
        """Raises: no CUDA plug-in is loaded."""
        _no_cuda()

    def to(self, *, device, non_blocking=False):
        """This storage on a device."""
        device = _C.device(device)
        if device == self.device:
            return self
        return type(self)(self.nbytes(), device=device).copy_(self)

    def type(self, dtype=None, non_blocking=False):
        """The name of this storage's class, or its bytes as elements of another class."""
        if dtype is None:
            return _full_name(type(self))
        return self._to(_storage_dtype(dtype))

    def _to(self, dtype):
        """Every byte as an element of dtype: a TypedStorage."""
        bytes_ = _C._over_storage(self, _C.uint8, 0, (self.nbytes(),), None, False)
        return _typed(bytes_.to(dtype, copy=True))

    def byteswap(self, dtype):
        """Turns each element of dtype round, in place."""
        width = dtype.itemsize
        if dtype.is_complex:
            width //= 2
        if width == 1:
            return
        n = self.nbytes() // width
        elements = _C._over_storage(self, _C.uint8, 0, (n, width), None, False)
        elements.copy_(elements.flip(1))

    def is_pinned(self, device="cuda"):
        """False: no memory is pinned."""
        return False

    def pin_memory(self, device="cuda"):
        """Raises: there is no accelerator to pin memory for."""
        raise RuntimeError("Cannot access accelerator device when none is available.")

    def is_shared(self):
        """Whether other processes may see this memory."""
        return _C._storage_file(self) >= 0

    def share_memory_(self):
        """Moves the memory to where other processes can see it."""
        _C._storage_share(self)
        return self

    @classmethod
    def from_file(cls, filename, shared=False, nbytes=0):
        """The first bytes of a file, mapped. shared=True writes to the file."""
        return _C._storage_from_file(filename, shared, nbytes)

    @classmethod
    def from_buffer(cls, buffer, byte_order=None, count=-1, offset=0, *, dtype=None):
        """A copy of an object's bytes, turned to this machine's order."""
        if dtype is None:
            raise RuntimeError("argument 'dtype' cannot be None")
        if byte_order is None:
            if dtype.itemsize != 1:
                raise TypeError("function missing required argument 'byte_order' (pos 2)")
            byte_order = "native"
        if byte_order not in ("native", "little", "big"):
            raise ValueError(
                f"invalid byte_order '{byte_order}' (expected 'big', 'little', or 'native')"
            )
        data = memoryview(buffer).cast("B")
        size = dtype.itemsize
        if not 0 <= offset <= len(data):
            raise ValueError(
                f"offset must be non-negative and no greater than buffer length ({len(data)}) , "
                f"but got {offset}"
            )
        if count < 0:
            if (len(data) - offset) % size:
                raise ValueError(
                    f"buffer size ({len(data) - offset}) must be a multiple of element size "
                    f"({size})"
                )
            count = (len(data) - offset) // size
        if offset + count * size > len(data):
            raise ValueError(
                f"buffer has only {len(data) - offset} elements after offset {offset}, but "
                f"specified a size of {count}"
            )
        result = _from_bytes(data[offset : offset + count * size])
        if byte_order not in ("native", sys.byteorder):
            result.byteswap(dtype)
        if dtype is _C.bool:
            result._clean_bools()
        return result


def _caster(name, dtype):
    def cast(self):
        return self._to(dtype)

    cast.__name__ = name
    cast.__doc__ = f"Every element as {dtype}: a TypedStorage."
    return cast


_CASTS = {
    "double": _C.float64, "float": _C.float32, "half": _C.float16, "long": _C.int64,
    "int": _C.int32, "short": _C.int16, "char": _C.int8, "byte": _C.uint8, "bool": _C.bool,
    "bfloat16": _C.bfloat16, "complex_double": _C.complex128, "complex_float": _C.complex64,
}  # fmt: skip
for _name, _dtype in _CASTS.items():
    setattr(_StorageBase, _name, _caster(_name, _dtype))


class UntypedStorage(_C.StorageBase, _StorageBase):
    """The bytes that tensors look at."""

    def __new__(cls, *args, allocator=None, device=None, **keywords):
        if len(args) > 1 or set(keywords) - {"size", "sequence"} or (args and keywords):
            got = [_C._type_name(a) for a in args]
            got = ", ".join(got) + "".join(f"{k}={_C._type_name(v)}, " for k, v in keywords.items())
            raise TypeError(
                "torch.UntypedStorage() received an invalid combination of arguments - got "
                f"({got}), but expected one of:{_SIGNATURES}"
            )
        if allocator is not None:
            raise RuntimeError(
                "torch.UntypedStorage(): facula has no storages with an allocator of their own"
            )
        return super().__new__(cls, *args, *keywords.values(), device=device)

    def __init__(self, *args, **keywords):
        pass

    __iter__ = _StorageBase.__iter__


UntypedStorage.__module__ = "torch.storage"
_C._register_storage_type(UntypedStorage)


def _full_name(cls):
    return f"{cls.__module__}.{cls.__qualname__}"


def _from_bytes(data):
    """A storage with a copy of an object's bytes."""
    result = UntypedStorage(len(data))
    memoryview(result)[:] = data
    return result


def _rebuild_storage(data, dtype):
    storage = _from_bytes(data)
    if dtype is None:
        return storage
    if dtype is _C.bool:
        storage._clean_bools()
    return TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)


def _load_from_bytes(data):
    """What PyTorch's pickles of storages call: data is a saved file."""
    import io

    from .serialization import load

    return load(io.BytesIO(data), weights_only=False)


# --- elements ------------------------------------------------------------------------------------


def _typed(tensor):
    """The storage of a tensor made for this, with the tensor's dtype."""
    return TypedStorage(
        wrap_storage=tensor.untyped_storage(), dtype=tensor.dtype, _internal=True
    )  # fmt: skip


def _storage_dtype(kind):
    """The dtype that a storage class or its name stands for."""
    name = kind if isinstance(kind, str) else _full_name(kind)
    module, _, name = name.rpartition(".")
    if module == "torch.cuda":
        _no_cuda()
    if module != "torch" or name not in _NAMES:
        raise RuntimeError(f"invalid type: '{kind}'")
    return _NAMES[name]


class TypedStorage:
    """The elements that tensors look at. Deprecated in favour of UntypedStorage."""

    is_sparse = False
    _fake_device = None

    def __new__(cls, *args, wrap_storage=None, dtype=None, device=None, _internal=False):
        if not _internal:
            _warn_typed_storage_removal()
        if cls is TypedStorage:
            return super().__new__(cls)
        # FloatStorage(...) and its kin
        text = (
            f"{cls}.__new__ received an invalid combination of arguments. Expected one of:\n"
            " * no arguments\n * (int size)\n * (Sequence data)\n"
            " * (*, UntypedStorage wrap_storage)\n"
        )
        if dtype is not None:
            raise RuntimeError(f"{text}Keyword argument 'dtype' cannot be specified")
        if device is not None:
            raise RuntimeError(f"{text}Keyword argument 'device' cannot be specified")
        if len(args) > 1 or (args and wrap_storage is not None):
            raise RuntimeError(
                text
                + (
                    "Too many positional arguments"
                    if wrap_storage is None
                    else "No positional arguments should be given when using 'wrap_storage'"
                )
            )
        if args and not isinstance(args[0], (int, collections.abc.Sequence)):
            raise TypeError(f"{text}Argument type not recognized: {type(args[0])}")
        return TypedStorage(*args, wrap_storage=wrap_storage, dtype=cls.dtype, _internal=True)

    def __init__(self, *args, device=None, dtype=None, wrap_storage=None, _internal=False):
        text = (
            "TypedStorage.__init__ received an invalid combination of arguments. Expected one of:\n"
            " * (*, torch.device device, torch.dtype dtype)\n"
            " * (int size, *, torch.device device, torch.dtype dtype)\n"
            " * (Sequence data, *, torch.device device, torch.dtype dtype)\n"
            " * (*, UntypedStorage wrap_storage, torch.dtype dtype)\n"
        )
        if wrap_storage is not None:
            if args:
                raise RuntimeError(
                    f"{text}No positional arguments should be given when using 'wrap_storage'"
                )
            if dtype is None:
                raise RuntimeError(f"{text}Argument 'dtype' must be specified")
            if not isinstance(dtype, _C.dtype):
                raise TypeError(f"{text}Argument 'dtype' must be torch.dtype, not {type(dtype)}")
            if device is not None:
                raise RuntimeError(
                    f"{text}Argument 'device' should not be specified when 'wrap_storage' is given"
                )
            if not isinstance(wrap_storage, UntypedStorage):
                raise TypeError(
                    f"{text}Argument 'wrap_storage' must be UntypedStorage, but got "
                    f"{type(wrap_storage)}"
                )
            self.dtype, self._untyped_storage = dtype, wrap_storage
            return
        self.dtype = _C.get_default_dtype() if dtype is None else dtype
        if len(args) > 1:
            raise RuntimeError(f"{text}Too many positional arguments")
        if args and not isinstance(args[0], int):
            if not isinstance(args[0], collections.abc.Sequence):
                raise TypeError(f"{text}Argument type not recognized: {type(args[0])}")
            data = _C._from_data(args[0], self.dtype, device, True)
            self._untyped_storage = data.untyped_storage()
            return
        size = (args[0] if args else 0) * self.dtype.itemsize
        self._untyped_storage = UntypedStorage(size, device=device or "cpu")
        if self.dtype is _C.bool:
            self._untyped_storage.fill_(0)

    @property
    def _dtype(self):
        return self.dtype

    @property
    def device(self):
        """Where the memory is."""
        return self._untyped_storage.device

    is_cuda = property(lambda self: False)
    is_hpu = property(lambda self: False)
    _cdata = property(lambda self: self._untyped_storage._cdata)

    def _tensor(self):
        return _C._over_storage(self._untyped_storage, self.dtype, 0, (len(self),), None, False)

    def _same(self, storage):
        return TypedStorage(wrap_storage=storage, dtype=self.dtype, _internal=True)

    def __len__(self):
        return self._untyped_storage.nbytes() // self.dtype.itemsize

    size = _size = __len__

    def nbytes(self):
        """The bytes of the storage."""
        return self._untyped_storage.nbytes()

    _nbytes = nbytes

    def element_size(self):
        """The bytes of one element."""
        return self.dtype.itemsize

    _element_size = element_size

    def untyped(self):
        """The bytes."""
        return self._untyped_storage

    def __getitem__(self, i):
        if isinstance(i, slice):
            raise RuntimeError("slices are only supported in UntypedStorage.__getitem__")
        if not isinstance(i, int):
            raise RuntimeError(f"can't index a {type(self)} with {type(i)}")
        n = len(self)
        if not -n <= i < n:
            raise IndexError(f"index {i} out of range for storage of size {n}")
        return self._tensor()[i].item()

    def __setitem__(self, i, value):
        if not isinstance(i, (int, slice)):
            raise RuntimeError(f"can't index a {type(self)} with {type(i)}")
        self._tensor()[i] = value

    def __iter__(self):
        return iter(self.tolist())

    def __eq__(self, other):
        if isinstance(other, TypedStorage):
            return self is other
        return NotImplemented

    __hash__ = object.__hash__

    def tolist(self):
        """The elements as a list of numbers."""
        return self._tensor().tolist()

    _getitem = __getitem__
    _setitem = __setitem__

    def __repr__(self):
        data = "..."
        if self.device.type != "meta":
            data = " " + "\n ".join(map(str, self.tolist()))
        return (
            f"{data}\n[torch.storage.TypedStorage(dtype={self.dtype}, device={self.device}) "
            f"of size {len(self)}]"
        )

    __str__ = __repr__

    def __copy__(self):
        return self.clone()

    def __deepcopy__(self, memo):
        return self._same(_copy_module.deepcopy(self._untyped_storage, memo))

    _deepcopy = __deepcopy__

    def __reduce__(self):
        return _rebuild_storage, (bytes(memoryview(self._untyped_storage)), self.dtype)

    def fill_(self, value):
        """Sets every element."""
        self._tensor().fill_(value)
        return self

    def copy_(self, source, non_blocking=None):
        """Copies the bytes of a storage of the same length."""
        self._untyped_storage.copy_(
            source._untyped_storage if isinstance(source, TypedStorage) else source
        )
        return self

    def clone(self):
        """A storage of its own with the same elements."""
        return self._same(self._untyped_storage.clone())

    def resize_(self, size):
        """Makes room for size elements."""
        self._untyped_storage.resize_(size * self.dtype.itemsize)

    _resize_ = resize_

    def _to(self, dtype):
        return _typed(self._tensor().to(dtype, copy=True))

    def type(self, dtype=None, non_blocking=False):
        """The name of this storage's class, or its elements as another class's."""
        if dtype is None:
            return f"torch.{self.pickle_storage_type()}"
        return self._to(_storage_dtype(dtype))

    def pickle_storage_type(self):
        """The name of the class for this dtype: FloatStorage."""
        if self.dtype not in _NAME_OF:
            raise KeyError(f"dtype {self.dtype} is not recognized")
        return _NAME_OF[self.dtype]

    _pickle_storage_type = pickle_storage_type

    def _get_legacy_storage_class(self):
        name = _NAME_OF.get(self.dtype)
        return None if name is None else globals()[name]

    def data_ptr(self):
        """The first element's address."""
        return self._untyped_storage.data_ptr()

    _data_ptr = data_ptr

    def cpu(self):
        """This storage on the CPU."""
        return self._same(self._untyped_storage.cpu())

    def cuda(self, device=None, non_blocking=False):
        """Raises: no CUDA plug-in is loaded."""
        _no_cuda()

    def to(self, *, device, non_blocking=False):
        """This storage on a device."""
        return self._same(self._untyped_storage.to(device=device))

    def resizable(self):
        """Whether the memory is this library's own."""
        return self._untyped_storage.resizable()

    def get_device(self):
        """The device's number: the CPU has none."""

    @property
    def filename(self):
        """The file whose memory this is, where it has been given a name."""
        return self._untyped_storage.filename

    def is_pinned(self, device="cuda"):
        """False: no memory is pinned."""
        return False

    def pin_memory(self, device="cuda"):
        """Raises: there is no accelerator to pin memory for."""
        return self._untyped_storage.pin_memory(device)

    def is_shared(self):
        """Whether other processes see this memory."""
        return self._untyped_storage.is_shared()

    _is_shared = is_shared

    def share_memory_(self):
        """Moves the memory to where other processes can see it."""
        self._untyped_storage.share_memory_()
        return self

    @classmethod
    def _dtype_of(cls):
        dtype = cls.__dict__.get("dtype")
        if dtype is None:
            raise RuntimeError(f"{cls.__name__}: only storage classes with a dtype can do this")
        return dtype

    @classmethod
    def from_buffer(cls, buffer, byte_order=None, count=-1, offset=0):
        """A copy of an object's bytes, turned to this machine's order."""
        dtype = cls._dtype_of()
        storage = UntypedStorage.from_buffer(buffer, byte_order, count, offset, dtype=dtype)
        return TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)

    @classmethod
    def from_file(cls, filename, shared=False, size=0):
        """The first elements of a file, mapped. shared=True writes to the file."""
        dtype = cls._dtype_of()
        storage = UntypedStorage.from_file(filename, shared, size * dtype.itemsize)
        return TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)


TypedStorage.__module__ = "torch.storage"
for _name, _dtype in _CASTS.items():
    setattr(TypedStorage, _name, _caster(_name, _dtype))


class _LegacyStorageMeta(type):
    def __instancecheck__(cls, instance):
        return type(instance) is TypedStorage and instance.dtype is cls.__dict__.get("dtype")


class _LegacyStorage(TypedStorage, metaclass=_LegacyStorageMeta):
    pass


for _name, _dtype in _NAMES.items():
    globals()[_name] = _LegacyStorageMeta(
        _name, (_LegacyStorage,), {"dtype": _dtype, "__module__": "torch"}
    )
Storage = globals()["FloatStorage"]


def _reduce_class(cls):
    return _found, (cls.__name__,)


copyreg.pickle(_LegacyStorageMeta, _reduce_class)


# --- tensors -------------------------------------------------------------------------------------


def typed_storage(tensor):
    """The elements that a tensor looks at."""
    return TypedStorage(wrap_storage=tensor.untyped_storage(), dtype=tensor.dtype, _internal=True)


def from_file(filename, shared=None, size=0, *, dtype=None, layout=None, device=None,
              pin_memory=None):  # fmt: skip
    """A vector over the first elements of a file. shared=True writes to the file."""
    dtype = dtype or _C.get_default_dtype()
    storage = UntypedStorage.from_file(filename, bool(shared), size * dtype.itemsize)
    return _C._over_storage(storage, dtype, 0, (size,), None, False)


def over(storage, dtype):
    """A vector over the whole of a storage; dtype None is the storage's own or the default."""
    if isinstance(storage, TypedStorage):
        dtype = dtype or storage.dtype
        if dtype is not storage.dtype:
            from ._types_legacy import _C_TYPES

            name = str(dtype).rpartition(".")[2]
            raise RuntimeError(
                f"Expected a Storage of type {_C_TYPES.get(name, name)} or an UntypedStorage, but "
                f"got type {storage.pickle_storage_type()[:-7]} for argument 1 'storage'"
            )
        storage = storage._untyped_storage
    dtype = dtype or _C.get_default_dtype()
    size = storage.nbytes() // dtype.itemsize
    return _C._over_storage(storage, dtype, 0, (size,), None, False)


_set = Tensor.set_


def _set_(self, source=None, storage_offset=None, size=None, stride=None):
    """This tensor becomes one over source, a storage or a tensor, with the geometry given."""
    if isinstance(source, (UntypedStorage, TypedStorage)):
        whole = over(source, self.dtype)
        if size is None and storage_offset is None:
            return _set(self, whole)
        if size is not None and storage_offset is not None:
            storage = whole.untyped_storage()
            view = _C._over_storage(storage, self.dtype, storage_offset, size, stride, True)
            return _set(self, view)
    given = (source, storage_offset, size, stride)
    names = ("source", "storage_offset", "size", "stride")
    return _set(self, **{k: v for k, v in zip(names, given) if v is not None})


Tensor.set_ = _set_
