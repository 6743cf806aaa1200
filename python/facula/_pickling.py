"""Pickles that name PyTorch's modules, so that PyTorch and facula read each other's.

Written names are mapped from facula to torch, read ones back. Unrestricted reading is Python's own
unpickler under that mapping; reading of weights alone is Unpickler here, which runs the few
instructions that tensors in containers need, and calls nothing but what is on its list.
"""

import pickle
import struct
import types
from collections import Counter, OrderedDict

from . import _C, storage
from ._C import Tensor

# --- names ---------------------------------------------------------------------------------------


def torch_name(module):
    """The module of PyTorch's that a module of facula's stands for."""
    if module == "facula" or module.startswith("facula."):
        return "torch" + module[6:]
    return module


def facula_name(module):
    """The module of facula's that stands for one of PyTorch's."""
    if module == "torch" or module.startswith("torch."):
        return "facula" + module[5:]
    return module


def find_torch(module, name):
    """The object that PyTorch keeps as module.name, in facula."""
    import importlib

    if (module, name) == ("torch._C", "_VariableFunctionsClass"):
        return importlib.import_module("facula")  # what PyTorch takes torch.relu from
    if name in storage._NAMES and module in ("torch", "torch.cuda"):
        return getattr(storage, name)  # where the bytes go is another field's matter
    try:
        value = importlib.import_module(facula_name(module))
        for part in name.split("."):
            value = getattr(value, part)
    except (ImportError, AttributeError):
        raise AttributeError(
            f"facula does not have {module}.{name}, which the file names"
        ) from None
    return value


def _reduce_special(obj):
    """How PyTorch pickles what facula pickles otherwise; None: as facula does."""
    if isinstance(obj, _C.dtype):
        return str(obj).rpartition(".")[2]
    if isinstance(obj, _C.device):
        return _C.device, (obj.type,) if obj.index is None else (obj.type, obj.index)
    if type(obj) is _C.Size:
        return _C.Size, (tuple(obj),)
    if isinstance(obj, _C.layout):
        from .serialization import _get_layout

        return _get_layout, (str(obj),)
    if isinstance(obj, _C.Generator):
        state = (obj.initial_seed(), None, obj.get_state())
        return _C.Generator, (obj.device,), state
    return None


def _is_own(function):
    return torch_name(function.__module__ or "") != function.__module__


def _public_name(function):
    """Where PyTorch has a function, whose module here may be another."""
    from .overrides import resolve_name

    return resolve_name(function) or f"{function.__module__}.{function.__qualname__}"


class Pickler(pickle._Pickler):
    """Writes facula's names as PyTorch's. Python's own pickler: C's insists on the real ones."""

    def reducer_override(self, obj):
        kind = type(obj)
        if kind in _PLAIN:
            return NotImplemented
        if isinstance(obj, type):
            return NotImplemented if obj in _SINGLE else obj.__qualname__
        if kind is types.FunctionType and not _is_own(obj):
            return obj.__qualname__
        if kind is _C._Overridable or kind is types.FunctionType:
            space, _, name = _public_name(obj).rpartition(".")
            return (getattr, (Tensor, name)) if space == "torch.Tensor" else name
        special = _reduce_special(obj)
        return NotImplemented if special is None else special

    def save_global(self, obj, name=None):
        name = name or getattr(obj, "__qualname__", None) or obj.__name__
        if isinstance(obj, (_C._Overridable, types.FunctionType)) and _is_own(obj):
            module = _public_name(obj).rpartition(".")[0]
        else:
            module = "torch" if isinstance(obj, _C.dtype) else pickle.whichmodule(obj, name)
        if module == "facula._C" and find_torch("torch", name) is obj:
            module = "torch"
        module = torch_name(module)
        if not (module == "torch" or module.startswith("torch.")):
            try:
                super().save_global(obj, name)
            except (pickle.PicklingError, AttributeError):
                pickle.dumps(obj, self.proto)  # C's pickler has other words for what it refuses
                raise
            return
        try:
            found = find_torch(module, name)
        except AttributeError:
            found = None
        if found is not obj or "." in name:
            raise pickle.PicklingError(
                f"Can't pickle {obj!r}: it's not the same object as {module}.{name}"
            )
        if self.proto >= 4:
            self.save(module)
            self.save(name)
            self.write(pickle.STACK_GLOBAL)
        else:
            self.write(pickle.GLOBAL + f"{module}\n{name}\n".encode())
        self.memoize(obj)


_PLAIN = frozenset(
    (int, float, bool, str, bytes, bytearray, list, tuple, dict, set, frozenset, type(None),
     OrderedDict)
)  # fmt: skip
_SINGLE = frozenset((type(None), type(NotImplemented), type(...)))


# --- weights alone -------------------------------------------------------------------------------

_BLOCKED = frozenset(("sys", "os", "posix", "nt"))
_user_allowed = []  # objects, or (object, the name that files have for it)


def full_name(obj):
    """The name by which pickles know a function or class."""
    module, name = torch_name(obj.__module__), obj.__qualname__
    return name if module == "builtins" else f"{module}.{name}"


def _encode(text, encoding):
    # what pickles of bytes are made of before protocol 3
    if encoding not in ("latin1", "latin-1", "utf-8"):
        raise pickle.UnpicklingError(f"bytes in a pickle are not encoded as {encoding!r}")
    return text.encode(encoding)


def _make_allowed():
    import builtins

    from . import _tensor, _types_legacy, _utils, serialization
    from .nn.parameter import Parameter

    utils = """
        _rebuild_device_tensor_from_cpu_tensor _rebuild_meta_tensor_no_storage _rebuild_parameter
        _rebuild_parameter_with_state _rebuild_sparse_tensor _rebuild_tensor _rebuild_tensor_v2
        _rebuild_tensor_v3
    """
    allowed = {f"torch._utils.{name}": getattr(_utils, name) for name in utils.split()}
    allowed.update(
        {
            "_codecs.encode": _encode,
            "collections.OrderedDict": OrderedDict,
            "collections.Counter": Counter,
            "torch.Size": _C.Size,
            "torch.Tensor": Tensor,
            "torch.device": _C.device,
            "torch._tensor._rebuild_from_type_v2": _tensor._rebuild_from_type_v2,
            "torch.nn.parameter.Parameter": Parameter,
            "torch.serialization._get_layout": serialization._get_layout,
            "torch.storage.TypedStorage": storage.TypedStorage,
            "torch.storage.UntypedStorage": storage.UntypedStorage,
        }
    )
    for name in ("bytearray", "complex", "set"):
        allowed[f"builtins.{name}"] = allowed[f"__builtin__.{name}"] = getattr(builtins, name)
    for name in storage._NAMES:
        allowed[f"torch.{name}"] = allowed[f"torch.cuda.{name}"] = getattr(storage, name)
    for name in _types_legacy._NAMES:
        allowed[f"torch.{name}"] = getattr(_types_legacy, name)
    for name in vars(_C):
        value = getattr(_C, name)
        if isinstance(value, _C.dtype):
            allowed[f"torch.{name}"] = value
    return allowed


_allowed = {}


def allowed_globals():
    """What weights may name: name -> object."""
    if not _allowed:
        _allowed.update(_make_allowed())
    if not _user_allowed:
        return _allowed
    both = dict(_allowed)
    for item in _user_allowed:
        obj, name = item if isinstance(item, tuple) else (item, full_name(item))
        both[name] = obj
        if name == getattr(obj, "__qualname__", None):
            both[f"builtins.{name}"] = both[f"__builtin__.{name}"] = obj
    return both


def _shown(module, name):
    return name if module in ("builtins", "__builtin__") else f"{module}.{name}"


class Unpickler:
    """Reads one pickle of tensors, numbers, strings and containers, in constant stack."""

    def __init__(self, file, persistent_load, encoding="bytes"):
        self._read = file.read
        self._readline = file.readline
        self._persistent_load = persistent_load
        self._encoding = encoding
        self._allowed = allowed_globals()
        self._ids = {id(value) for value in self._allowed.values()}
        self._own = [item[0] if isinstance(item, tuple) else item for item in _user_allowed]
        self._stack = []
        self._marks = []
        self._memo = {}
        self.proto = None

    def load(self):
        read, run = self._read, _INSTRUCTIONS
        while True:
            code = read(1)
            if not code:
                raise EOFError
            if code == b".":
                return self._pop()
            if code not in run:
                raise pickle.UnpicklingError(f"Unsupported operand {code[0]}")
            run[code](self)

    # --- the stack

    def _pop(self):
        if not self._stack:
            raise pickle.UnpicklingError("unexpected end of the pickle's stack")
        return self._stack.pop()

    def _top(self):
        if not self._stack:
            raise pickle.UnpicklingError("unexpected end of the pickle's stack")
        return self._stack[-1]

    def _pop_mark(self):
        if not self._marks:
            raise pickle.UnpicklingError("a mark that the pickle needs was not set")
        items, self._stack = self._stack, self._marks.pop()
        return items

    def _bytes(self, n):
        if n < 0:
            raise pickle.UnpicklingError("a negative count in the pickle")
        data = self._read(n)
        if len(data) != n:
            raise EOFError(f"the pickle was truncated: expected {n} bytes, got {len(data)}")
        return data

    def _number(self, form):
        return struct.unpack(form, self._bytes(struct.calcsize(form)))[0]

    def _line(self):
        line = self._readline()
        if line[-1:] != b"\n":
            raise EOFError("the pickle was truncated")
        return line[:-1].decode("utf-8")

    # --- instructions

    def _proto(self):
        self.proto = self._bytes(1)[0]
        if self.proto != 2:
            import warnings

            warnings.warn(
                f"Detected pickle protocol {self.proto} in the checkpoint, which was not the "
                "default pickle protocol used by `torch.load` (2). The weights_only Unpickler "
                "might not support all instructions implemented by this protocol, please file an "
                "issue for adding support if you encounter this.",
                stacklevel=2,
            )

    def _global(self):
        module, name = self._line(), self._line()
        full = f"{module}.{name}"
        value = self._allowed.get(full)
        if value is None:
            shown = _shown(module, name)
            if module.partition(".")[0] in _BLOCKED:
                raise pickle.UnpicklingError(
                    f"Trying to load unsupported GLOBAL {full} whose module {module} is blocked."
                )
            raise pickle.UnpicklingError(
                f"Unsupported global: GLOBAL {shown} was not an allowed global by default. Please "
                f"use `torch.serialization.add_safe_globals([{shown}])` or the "
                f"`torch.serialization.safe_globals([{shown}])` context manager to allowlist this "
                "global if you trust this class/function."
            )
        self._stack.append(value)

    def _newobj(self):
        args, cls = self._pop(), self._pop()
        if not isinstance(args, tuple):
            raise pickle.UnpicklingError("the arguments of a new object must be a tuple")
        if isinstance(cls, type) and id(cls) in self._ids and cls is not bytearray:
            self._stack.append(cls.__new__(cls, *args))
        else:
            raise pickle.UnpicklingError(
                f"Can not create new object for unrecognized class {cls}"
            )  # fmt: skip

    def _reduce(self):
        args, func = self._pop(), self._pop()
        if id(func) not in self._ids:
            raise pickle.UnpicklingError(f"Trying to call reduce for unrecognized function {func}")
        if not isinstance(args, tuple):
            raise pickle.UnpicklingError("the arguments of a call must be a tuple")
        if func is bytearray and any(isinstance(a, int) for a in args):
            raise pickle.UnpicklingError("bytearray() of a number is not weights")
        self._stack.append(func(*args))

    def _build(self):
        from ._tensor import _set_state

        state, obj = self._pop(), self._top()
        kind = type(obj)
        if any(kind is own for own in self._own):
            if hasattr(obj, "__setstate__"):
                obj.__setstate__(state)
            else:
                _set_state(obj, state)
        elif kind is OrderedDict:
            obj.__dict__.update(state)
        elif isinstance(obj, Tensor):
            source, *geometry = state
            view = _over(source, obj.dtype, *geometry)
            obj.set_(view)
        else:
            raise pickle.UnpicklingError(
                "Can only build Tensor, Parameter, OrderedDict or types allowlisted via "
                f"`add_safe_globals`, but got {kind}"
            )

    def _extend(self, items):
        target = self._top()
        if type(target) is not list:
            raise pickle.UnpicklingError(f"Can only append to lists, but got {type(target)}")
        target.extend(items)

    def _update(self, items):
        target = self._top()
        if not isinstance(target, dict):
            raise pickle.UnpicklingError(f"Can only set items of dicts, but got {type(target)}")
        if len(items) % 2:
            raise pickle.UnpicklingError("a key without its value")
        for i in range(0, len(items), 2):
            target[items[i]] = items[i + 1]

    def _tuple(self, n):
        if len(self._stack) < n:
            raise pickle.UnpicklingError("unexpected end of the pickle's stack")
        self._stack[len(self._stack) - n :] = [tuple(self._stack[len(self._stack) - n :])]

    def _marked_tuple(self):
        items = self._pop_mark()
        self._stack.append(tuple(items))

    def _set_mark(self):
        self._marks.append(self._stack)
        self._stack = []

    def _persistent(self):
        self._stack.append(self._persistent_load(self._pop()))

    def _recall(self, key):
        if key not in self._memo:
            raise pickle.UnpicklingError(f"Memo value not found at index {key}")
        self._stack.append(self._memo[key])

    def _remember(self, key):
        self._memo[key] = self._top()

    def _short_string(self):
        data = self._bytes(self._bytes(1)[0])
        self._stack.append(data if self._encoding == "bytes" else data.decode(self._encoding))


def _over(source, dtype, offset=0, size=None, stride=None):
    if isinstance(source, storage.TypedStorage):
        source = source._untyped_storage
    size = (source.nbytes() // dtype.itemsize,) if size is None else size
    return _C._over_storage(source, dtype, offset, tuple(size), stride, False)


def _push(make):
    def instruction(self):
        self._stack.append(make(self))

    return instruction


_INSTRUCTIONS = {
    pickle.PROTO: Unpickler._proto,
    pickle.GLOBAL: Unpickler._global,
    pickle.NEWOBJ: Unpickler._newobj,
    pickle.REDUCE: Unpickler._reduce,
    pickle.BUILD: Unpickler._build,
    pickle.BINPERSID: Unpickler._persistent,
    pickle.MARK: Unpickler._set_mark,
    pickle.NONE: _push(lambda self: None),
    pickle.NEWTRUE: _push(lambda self: True),
    pickle.NEWFALSE: _push(lambda self: False),
    pickle.EMPTY_TUPLE: _push(lambda self: ()),
    pickle.EMPTY_LIST: _push(lambda self: []),
    pickle.EMPTY_DICT: _push(lambda self: {}),
    pickle.EMPTY_SET: _push(lambda self: set()),
    pickle.BININT: _push(lambda self: self._number("<i")),
    pickle.BININT1: _push(lambda self: self._bytes(1)[0]),
    pickle.BININT2: _push(lambda self: self._number("<H")),
    pickle.BINFLOAT: _push(lambda self: self._number(">d")),
    pickle.LONG1: _push(lambda self: pickle.decode_long(self._bytes(self._bytes(1)[0]))),
    pickle.BINUNICODE: _push(
        lambda self: str(self._bytes(self._number("<I")), "utf-8", "surrogatepass")
    ),
    pickle.SHORT_BINSTRING: Unpickler._short_string,
    pickle.APPEND: lambda self: self._extend((self._pop(),)),
    pickle.APPENDS: lambda self: self._extend(self._pop_mark()),
    pickle.SETITEM: lambda self: self._update((self._pop(), self._pop())[::-1]),
    pickle.SETITEMS: lambda self: self._update(self._pop_mark()),
    pickle.TUPLE: Unpickler._marked_tuple,
    pickle.TUPLE1: lambda self: self._tuple(1),
    pickle.TUPLE2: lambda self: self._tuple(2),
    pickle.TUPLE3: lambda self: self._tuple(3),
    pickle.BINGET: lambda self: self._recall(self._bytes(1)[0]),
    pickle.LONG_BINGET: lambda self: self._recall(self._number("<I")),
    pickle.BINPUT: lambda self: self._remember(self._bytes(1)[0]),
    pickle.LONG_BINPUT: lambda self: self._remember(self._number("<I")),
}
