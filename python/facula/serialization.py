"""torch.save and torch.load: objects with tensors in them, as PyTorch's files.

A file is a zip archive (_records.py) of a pickle (_pickling.py) in which each storage is a
persistent id, and of the storages' bytes, one record each, so that views which share memory share
it again. Files of before PyTorch 1.6, pickles one after the other with the bytes behind, are read
and, when asked for, written as well.
"""

import contextlib
import enum
import io
import os
import pickle
import struct
import sys

from . import _C, _pickling, _utils, storage
from ._pickling import find_torch
from ._records import ALIGNMENT, Reader, Writer, read_exactly
from .storage import TypedStorage, UntypedStorage

__all__ = [
    "LoadEndianness", "add_safe_globals", "clear_safe_globals", "default_restore_location",
    "get_crc32_options", "get_default_load_endianness", "get_default_mmap_options",
    "get_safe_globals", "get_unsafe_globals_in_checkpoint", "load", "location_tag",
    "normalize_storage_type", "register_package", "safe_globals", "save", "set_crc32_options",
    "set_default_load_endianness", "set_default_mmap_options",
]  # fmt: skip

DEFAULT_PROTOCOL = 2
MAP_SHARED, MAP_PRIVATE = 1, 2
_MAGIC = 0x1950A86A20F9469CFC6C
_LEGACY_VERSION = 1001


class LoadEndianness(enum.Enum):
    """The byte order of files that don't say theirs."""

    NATIVE = 1
    LITTLE = 2
    BIG = 3


# --- settings ------------------------------------------------------------------------------------

_settings = {"endianness": None, "mmap": MAP_PRIVATE, "crc32": True}


def get_default_load_endianness():
    """The byte order of files that don't say theirs; None: little."""
    return _settings["endianness"]


def set_default_load_endianness(endianness):
    """Sets the byte order of files that don't say theirs."""
    if endianness is not None and not isinstance(endianness, LoadEndianness):
        raise TypeError("Invalid argument type in function set_default_load_endianness")
    _settings["endianness"] = endianness


def get_crc32_options():
    """Whether save() computes checksums and load() verifies them."""
    return _settings["crc32"]


def set_crc32_options(compute_crc32):
    """Sets whether save() computes checksums and load() verifies them."""
    _settings["crc32"] = bool(compute_crc32)


def get_default_mmap_options():
    """How load(mmap=True) maps files: MAP_PRIVATE or MAP_SHARED."""
    return _settings["mmap"]


class set_default_mmap_options:
    """Sets how load(mmap=True) maps files, for good or for a with block."""

    def __init__(self, flags):
        if flags not in (MAP_PRIVATE, MAP_SHARED):
            raise ValueError(
                "Invalid argument in function set_default_mmap_options, expected mmap.MAP_PRIVATE "
                f"or mmap.MAP_SHARED, but got {flags}"
            )
        self._before = _settings["mmap"]
        _settings["mmap"] = flags

    def __enter__(self):
        pass

    def __exit__(self, *exception):
        _settings["mmap"] = self._before


def add_safe_globals(safe_globals):
    """Lets load(weights_only=True) use functions and classes, or (one, its name in files)."""
    for item in safe_globals:
        if item not in _pickling._user_allowed:
            _pickling._user_allowed.append(item)


def get_safe_globals():
    """What add_safe_globals() was given."""
    return list(_pickling._user_allowed)


def clear_safe_globals():
    """Takes back what add_safe_globals() was given."""
    _pickling._user_allowed.clear()


@contextlib.contextmanager
def safe_globals(safe_globals):
    """add_safe_globals() for the length of a with block."""
    before = list(_pickling._user_allowed)
    add_safe_globals(safe_globals)
    try:
        yield
    finally:
        _pickling._user_allowed[:] = before


# --- where storages go ---------------------------------------------------------------------------


def _cpu_tag(obj):
    return "cpu" if obj.device.type == "cpu" else None


def _cpu_restore(obj, location):
    return obj if location.startswith("cpu") else None


def _meta_tag(obj):
    return "meta" if obj.device.type == "meta" else None


def _meta_restore(obj, location):
    if not location.startswith("meta"):
        return None
    return obj if obj.device.type == "meta" else UntypedStorage(obj.nbytes(), device="meta")


def _cuda_restore(obj, location):
    if location.startswith("cuda"):
        raise RuntimeError(
            "Attempting to deserialize object on a CUDA device but torch.cuda.is_available() is "
            "False. If you are running on a CPU-only machine, please use torch.load with "
            "map_location=torch.device('cpu') to map your storages to the CPU."
        )


_packages = [
    (10, _cpu_tag, _cpu_restore),
    (20, lambda obj: None, _cuda_restore),
    (22, _meta_tag, _meta_restore),
]


def register_package(priority, tagger, deserializer):
    """Adds a kind of place: tagger(storage) names it, deserializer(storage, name) moves there."""
    _packages.append((priority, tagger, deserializer))
    _packages.sort(key=lambda item: item[0])


def location_tag(storage):
    """The name of the place where a storage is."""
    for _, tagger, _ in _packages:
        tag = tagger(storage)
        if tag:
            return tag
    raise RuntimeError(f"don't know how to determine data location of {_typename(storage)}")


def default_restore_location(storage, location):
    """The storage in the place of a name."""
    for _, _, restore in _packages:
        result = restore(storage, location)
        if result is not None:
            return result
    raise RuntimeError(
        f"don't know how to restore data location of {_typename(storage)} (tagged with {location})"
    )


def _typename(obj):
    return f"{type(obj).__module__}.{type(obj).__qualname__}"


def normalize_storage_type(storage_type):
    """The class of torch that stands for storages like those of a class."""
    return getattr(storage, storage_type.__name__)


def _get_layout(name):
    """The layout that a pickle names."""
    layout = getattr(_C, name.rpartition(".")[2], None) if isinstance(name, str) else None
    if not isinstance(layout, _C.layout):
        raise RuntimeError(f"facula does not have the layout {name}")
    return layout


def _restorer(map_location):
    if map_location is None:
        return default_restore_location
    if isinstance(map_location, dict):

        def restore(storage, location):
            return default_restore_location(storage, map_location.get(location, location))

    elif isinstance(map_location, (str, bytes)):
        name = map_location if isinstance(map_location, str) else os.fsdecode(map_location)

        def restore(storage, location):
            return default_restore_location(storage, name)

    elif isinstance(map_location, _C.device):

        def restore(storage, location):
            return default_restore_location(storage, str(map_location))

    else:

        def restore(storage, location):
            result = map_location(storage, location)
            return default_restore_location(storage, location) if result is None else result

    return restore


# --- saving --------------------------------------------------------------------------------------


class _Storages:
    """The storages of a pickle, each under a key of its own."""

    def __init__(self, key_of):
        self._key_of = key_of
        self._keys = {}
        self._dtypes = {}
        self.found = {}  # key -> UntypedStorage
        self.itemsizes = {}

    def persistent_id(self, obj):
        if isinstance(obj, TypedStorage):
            kind, dtype, bytes_ = obj._get_legacy_storage_class(), obj.dtype, obj._untyped_storage
            if kind is None:
                raise RuntimeError(f"storages of {dtype} have no name in saved files")
        elif isinstance(obj, UntypedStorage):
            kind, dtype, bytes_ = UntypedStorage, None, obj
        else:
            return None
        if bytes_.data_ptr() and self._dtypes.setdefault(bytes_.data_ptr(), dtype) is not dtype:
            raise RuntimeError(
                "Cannot save multiple tensors or storages that view the same data as different "
                "types"
            )
        key = self._keys.get(bytes_._cdata)
        if key is None:
            key = self._keys[bytes_._cdata] = self._key_of(bytes_, len(self._keys))
            self.found[key] = bytes_
            self.itemsizes[key] = 1 if dtype is None else dtype.itemsize
        return ("storage", kind, key, location_tag(bytes_), len(obj))


def _pickler(pickle_module, file, protocol, persistent_id):
    """A pickler of pickle_module that writes storages as ids."""
    if pickle_module is pickle:
        base = _pickling.Pickler
    else:
        base = pickle_module.Pickler
    cls = type("Pickler", (base,), {"persistent_id": staticmethod(persistent_id)})
    return cls(file, protocol=protocol)


def _bytes_of(storage):
    return memoryview(storage.cpu())


def _save_records(obj, writer, pickle_module, protocol, byteorder):
    storages = _Storages(lambda storage, n: str(n))
    data = io.BytesIO()
    _pickler(pickle_module, data, protocol, storages.persistent_id).dump(obj)
    writer.record("data.pkl", data.getbuffer())
    writer.record(".format_version", b"1")
    writer.record(".storage_alignment", str(ALIGNMENT).encode())
    if byteorder:
        writer.record("byteorder", sys.byteorder.encode())
    for key, bytes_ in storages.found.items():
        writer.record(f"data/{key}", _bytes_of(bytes_))
    writer.record("version", b"3\n")
    writer.record(".data/serialization_id", writer.identity())
    writer.close()


def _save_legacy(obj, file, pickle_module, protocol):
    storages = _Storages(lambda storage, n: str(storage._cdata))

    def persistent_id(obj):
        found = storages.persistent_id(obj)
        return None if found is None else (*found, None)

    def dump(obj):
        pickle_module.dump(obj, file, protocol=protocol)

    dump(_MAGIC)
    dump(_LEGACY_VERSION)
    dump({"protocol_version": _LEGACY_VERSION, "little_endian": sys.byteorder == "little",
          "type_sizes": {"short": 2, "int": 4, "long": 4}})  # fmt: skip
    _pickler(pickle_module, file, protocol, persistent_id).dump(obj)
    keys = sorted(storages.found)
    dump(keys)
    if hasattr(file, "flush"):
        file.flush()
    for key in keys:
        bytes_ = storages.found[key]
        file.write(struct.pack("<q", bytes_.nbytes() // storages.itemsizes[key]))
        file.write(_bytes_of(bytes_))


def _archive_name(path):
    """What the records of a file are filed under: its name, where that is ASCII."""
    path = os.fspath(path)
    path = os.fsdecode(path) if isinstance(path, bytes) else path
    if not path.isascii():
        return "archive"
    name = os.path.basename(path)
    stem = name[: name.rindex(".")] if "." in name else name
    if not stem:
        raise RuntimeError(f"invalid file name: {name}")
    return stem


@contextlib.contextmanager
def _opened(f, mode):
    if not isinstance(f, (str, bytes, os.PathLike)):
        yield f
        if mode == "wb" and hasattr(f, "flush"):
            f.flush()
        return
    with open(f, mode) as file:
        yield file


def _check_parent(f):
    if isinstance(f, (str, bytes, os.PathLike)):
        folder = os.path.dirname(os.path.abspath(os.fsdecode(f)))
        if not os.path.isdir(folder):
            raise RuntimeError(f"Parent directory {folder} does not exist.")
    elif not hasattr(f, "write"):
        raise AttributeError(
            "expected 'f' to be string, path, or a file-like object with a 'write' attribute"
        )


def save(
    obj,
    f,
    pickle_module=pickle,
    pickle_protocol=DEFAULT_PROTOCOL,
    _use_new_zipfile_serialization=True,
    _disable_byteorder_record=False,
):
    """Writes obj, with the tensors in it, to f: a path or a file open for writing bytes."""
    _check_parent(f)
    if not _use_new_zipfile_serialization:
        with _opened(f, "wb") as file:
            _save_legacy(obj, file, pickle_module, pickle_protocol)
        return
    is_path = isinstance(f, (str, bytes, os.PathLike))
    name = _archive_name(f) if is_path else "archive"
    with _opened(f, "wb") as file:
        writer = Writer(file.write, name, _settings["crc32"])
        _save_records(obj, writer, pickle_module, pickle_protocol, not _disable_byteorder_record)


# --- loading -------------------------------------------------------------------------------------

_CHANGED = (
    "In PyTorch 2.6, we changed the default value of the `weights_only` argument in `torch.load` "
    "from `False` to `True`. Re-running `torch.load` with `weights_only` set to `False` will "
    "likely succeed, but it can result in arbitrary code execution. Do it only if you got the file "
    "from a trusted source."
)
_DOCS = (
    "\n\nCheck the documentation of torch.load to learn more about types accepted by default with "
    "weights_only https://pytorch.org/docs/stable/generated/torch.load.html."
)


def _refusal(message):
    """What is said when weights alone were asked for and the pickle has something else."""
    if "Unsupported global" in message:
        text = (
            "Weights only load failed. This file can still be loaded, to do so you have two "
            "options, \033[1mdo those steps only if you trust the source of the checkpoint\033[0m. "
            f"\n\t(1) {_CHANGED}\n\t(2) Alternatively, to load with `weights_only=True` please "
            "check the recommended steps in the following error message.\n\t"
            f"WeightsUnpickler error: {message}"
        )
    elif "blocked" in message:
        text = f"Weights only load failed. {_CHANGED}\n\n\n{message}"
    else:
        text = (
            f"Weights only load failed. {_CHANGED}\nPlease file an issue with the following so "
            "that we can make `weights_only=True` compatible with your use case: WeightsUnpickler "
            f"error: \n\n{message}"
        )
    return pickle.UnpicklingError(text + _DOCS)


def _unpickler(file, persistent_load, pickle_module, keywords):
    """An unrestricted unpickler of pickle_module, for PyTorch's names."""
    base = pickle_module.Unpickler

    class Unpickler(base):
        def find_class(self, module, name):
            if module == "torch" or module.startswith("torch."):
                return find_torch(module, name)
            return super().find_class(module, name)

    unpickler = Unpickler(file, **keywords)
    unpickler.persistent_load = persistent_load
    return unpickler


class _Source:
    """What is loaded from: how pickles are read, and where storages go."""

    def __init__(self, map_location, pickle_module, weights_only, keywords):
        self.restore = _restorer(map_location)
        self.pickle_module = pickle_module
        self.weights_only = weights_only
        self.keywords = keywords

    def unpickle(self, file, persistent_load):
        if not self.weights_only:
            return _unpickler(file, persistent_load, self.pickle_module, self.keywords).load()
        encoding = self.keywords.get("encoding", "bytes")
        unpickler = _pickling.Unpickler(file, persistent_load, encoding)
        try:
            return unpickler.load()
        except pickle.UnpicklingError as err:
            raise _refusal(str(err)) from None

    def plain(self, file):
        """An object of numbers and strings."""

        def refuse(saved_id):
            raise pickle.UnpicklingError("a storage where none is expected")

        return self.unpickle(file, refuse)


def _dtype_of(kind):
    if kind is UntypedStorage:
        return _C.uint8
    if isinstance(kind, type) and issubclass(kind, TypedStorage) and "dtype" in vars(kind):
        return kind.dtype
    raise pickle.UnpicklingError(f"{kind} is not a storage's class")


def _parse_id(saved_id, length):
    if not isinstance(saved_id, tuple) or len(saved_id) < length:
        raise pickle.UnpicklingError("a persistent id must be a tuple that describes a storage")
    kind = saved_id[0]
    if isinstance(kind, bytes):
        kind = kind.decode("ascii", "replace")
    if kind != "storage":
        raise pickle.UnpicklingError(f"Only persistent_load of storage is allowed, but got {kind}")
    _, cls, key, location, numel = saved_id[:5]
    key, location = (v.decode() if isinstance(v, bytes) else v for v in (key, location))
    if not (isinstance(key, str) and isinstance(location, str) and type(numel) is int):
        raise pickle.UnpicklingError("a persistent id has values of other types")
    dtype = _dtype_of(cls)
    if not 0 <= numel <= sys.maxsize // dtype.itemsize:
        raise pickle.UnpicklingError(f"a storage of {numel} elements cannot be")
    return cls, dtype, key, location, numel * dtype.itemsize


def _wrapped(cls, dtype, bytes_):
    if not isinstance(bytes_, UntypedStorage):
        bytes_ = bytes_._untyped_storage
    return TypedStorage(wrap_storage=bytes_, dtype=dtype, _internal=True)


class _ZipFile:
    """The storages of a zip archive, read as the pickle asks for them."""

    def __init__(self, file, source, mapped):
        self._records = Reader(file, _settings["crc32"])
        self._source = source
        self._mapped = mapped  # the whole file as a storage, or None
        self._storages = {}
        if "constants.pkl" in self._records:
            raise RuntimeError(
                "the file is a TorchScript archive, which torch.jit.load reads; facula does not "
                "have it"
            )
        self._foreign = self._byte_order() != sys.byteorder

    def _byte_order(self):
        if "byteorder" in self._records:
            order = self._records.read("byteorder").decode("ascii", "replace")
            if order not in ("little", "big"):
                raise ValueError("Unknown endianness type: " + order)
            return order
        default = _settings["endianness"]
        if default is LoadEndianness.NATIVE:
            return sys.byteorder
        return "big" if default is LoadEndianness.BIG else "little"

    def load(self):
        data = io.BytesIO(self._records.read("data.pkl"))
        return self._source.unpickle(data, self._persistent_load)

    def _persistent_load(self, saved_id):
        cls, dtype, key, location, nbytes = _parse_id(saved_id, 5)
        if key not in self._storages:
            bytes_ = self._read(key, nbytes, dtype)
            self._storages[key] = (self._source.restore(bytes_, location), nbytes)
        bytes_, size = self._storages[key]
        if size != nbytes:
            raise pickle.UnpicklingError(f"storage {key} has {size} bytes, not {nbytes}")
        return _wrapped(cls, dtype, bytes_)

    def _read(self, key, nbytes, dtype):
        name = f"data/{key}"
        offset, size = self._records.place(name)[:2]
        if size != nbytes:
            raise RuntimeError(
                f"record {name} has {size} bytes, but the pickle names a storage of {nbytes}"
            )
        aligned = offset % dtype.itemsize == 0
        if self._mapped is not None and aligned and not self._foreign and dtype is not _C.bool:
            return self._mapped[offset : offset + nbytes]
        bytes_ = UntypedStorage(nbytes)
        self._records.read_into(name, memoryview(bytes_))
        if self._foreign:
            bytes_.byteswap(dtype)
        if dtype is _C.bool:
            bytes_._clean_bools()
        return bytes_


def _load_legacy(file, source):
    """A file of before PyTorch 1.6: five pickles, then each storage's length and bytes."""
    if source.plain(file) != _MAGIC:
        raise RuntimeError("Invalid magic number; corrupt file?")
    version = source.plain(file)
    if version != _LEGACY_VERSION:
        raise RuntimeError(f"Invalid protocol version: {version}")
    info = source.plain(file)
    little = info.get("little_endian", True) if isinstance(info, dict) else True
    foreign = little != (sys.byteorder == "little")
    storages = {}  # key -> the storage that is filled at the end, what tensors got, its dtype

    def persistent_load(saved_id):
        kind = saved_id[0] if isinstance(saved_id, tuple) and saved_id else None
        if kind in ("module", b"module"):
            return saved_id[1]  # source code of old checkpoints: the class itself
        cls, dtype, key, location, nbytes = _parse_id(saved_id, 5)
        if key not in storages:
            # nothing is set aside for a length that the file merely claims
            raw = UntypedStorage(nbytes if nbytes <= rest(file) else 0)
            if raw.nbytes() != nbytes:
                raise pickle.UnpicklingError("a storage is larger than the file")
            raw.fill_(0)
            storages[key] = (raw, source.restore(raw, location), dtype)
        raw, placed, _ = storages[key]
        if raw.nbytes() != nbytes:
            raise pickle.UnpicklingError(f"storage {key} has {raw.nbytes()} bytes, not {nbytes}")
        view = saved_id[5] if len(saved_id) > 5 else None
        if view is None:
            return _wrapped(cls, dtype, placed)
        _, start, length = view
        start, length = start * dtype.itemsize, length * dtype.itemsize
        if not 0 <= start <= start + length <= nbytes:
            raise pickle.UnpicklingError(f"a view lies outside of storage {key}")
        return _wrapped(cls, dtype, placed[start : start + length])

    with _utils.sparse_pending() as sparse:
        result = source.unpickle(file, persistent_load)
    keys = source.plain(file)
    for key in keys:
        if key not in storages:
            raise RuntimeError(f"storage {key} has bytes in the file but no tensor")
        raw, placed, dtype = storages.pop(key)
        length = bytearray(8)
        read_exactly(file, memoryview(length))
        if struct.unpack("<q" if little else ">q", length)[0] * dtype.itemsize != raw.nbytes():
            raise RuntimeError(f"storage {key} has another length than the pickle says")
        read_exactly(file, memoryview(raw))
        if foreign:
            raw.byteswap(dtype)
        if dtype is _C.bool:
            raw._clean_bools()
        if placed is not raw and placed.device.type != "meta":
            placed.copy_(raw)
    if storages:
        raise RuntimeError(f"the file lacks the bytes of storages {sorted(storages)}")
    for finish in sparse:  # their indices were not there yet
        finish()
    return result


def rest(file):
    """The bytes of a seekable file from its position on."""
    at = file.tell()
    end = file.seek(0, os.SEEK_END)
    end = file.tell() if end is None else end
    file.seek(at)
    return end - at


def _check_seekable(f):
    try:
        f.seek(f.tell())
    except (io.UnsupportedOperation, AttributeError) as err:
        missing = getattr(err, "name", None) or "seek"
        raise type(err)(
            f"'{type(f).__name__}' object has no attribute '{missing}'. You can only torch.load "
            "from a file that is seekable. Please pre-load the data into a buffer like io.BytesIO "
            "and try to load from it instead."
            if isinstance(err, AttributeError)
            else f"{err}. You can only torch.load from a file that is seekable. Please pre-load "
            "the data into a buffer like io.BytesIO and try to load from it instead."
        ) from None


def _wants_weights_only(weights_only, pickle_module):
    forced = os.environ.get("TORCH_FORCE_WEIGHTS_ONLY_LOAD", "") in ("1", "y", "yes", "true")
    forced_off = os.environ.get("TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD", "") in ("1", "y", "yes", "true")
    if forced and forced_off:
        raise RuntimeError(
            "Only one of `TORCH_FORCE_WEIGHTS_ONLY_LOAD` or `TORCH_FORCE_NO_WEIGHTS_ONLY_LOAD` "
            "should be set, but both were set."
        )
    if forced:
        weights_only = True
    elif weights_only is None:
        weights_only = pickle_module is None and not forced_off
    if weights_only and pickle_module is not None:
        raise RuntimeError("Can not safely load weights when explicit pickle_module is specified")
    return weights_only


def _mapped_file(f):
    if not isinstance(f, (str, bytes, os.PathLike)):
        raise ValueError("f must be a file path in order to use the mmap argument")
    return UntypedStorage.from_file(os.fspath(f), _settings["mmap"] == MAP_SHARED, 0)


def load(
    f, map_location=None, pickle_module=None, *, weights_only=None, mmap=None, **pickle_load_args
):
    """What save() wrote to f, a path or a seekable file open for reading bytes.

    By default only tensors, numbers, strings and containers of them are read, whatever the file
    says; weights_only=False unpickles, which runs code that the file names. map_location says where
    storages go, mmap=True leaves their bytes in the file until they are used.
    """
    weights_only = _wants_weights_only(weights_only, pickle_module)
    if weights_only and set(pickle_load_args) - {"encoding"}:
        import warnings

        warnings.warn("pickle_load_args only works if `weights_only=False`.", stacklevel=2)
        unknown = next(name for name in pickle_load_args if name != "encoding")
        raise TypeError(f"Unpickler.__init__() got an unexpected keyword argument '{unknown}'")
    if not weights_only:
        pickle_load_args.setdefault("encoding", "utf-8")
    source = _Source(map_location, pickle_module or pickle, weights_only, pickle_load_args)
    with _opened(f, "rb") as file:
        _check_seekable(file)
        start = file.tell()
        magic = file.read(4)
        file.seek(start)
        if magic == b"PK\3\4":
            mapped = _mapped_file(f) if mmap else None
            return _ZipFile(file, source, mapped).load()
        if mmap:
            name = os.fspath(f) if isinstance(f, (str, bytes, os.PathLike)) else ""
            raise RuntimeError(
                "mmap can only be used with files saved with "
                f"`torch.save({name}, _use_new_zipfile_serialization=True), please torch.save your "
                "checkpoint with this option in order to use mmap."
            )
        return _load_legacy(file, source)


def get_unsafe_globals_in_checkpoint(f):
    """The names in a file that load(weights_only=True) would refuse, unless they are added."""
    import pickletools

    with _opened(f, "rb") as file:
        _check_seekable(file)
        data = Reader(file).read("data.pkl")
    allowed = _pickling.allowed_globals()
    names = []
    for instruction, argument, _ in pickletools.genops(data):
        if instruction.name == "GLOBAL":
            module, _, name = argument.partition(" ")
            if f"{module}.{name}" not in allowed:
                shown = _pickling._shown(module, name)
                if shown not in names:
                    names.append(shown)
    return names
