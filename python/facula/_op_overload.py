"""Ops as objects: `torch.ops.aten.mm.default`, and what a `__torch_dispatch__` is given.

The names are PyTorch's. One op here may be several overloads there (`add.Tensor` takes numbers as
well); which one a call was is told from its arguments.
"""

from . import _C

_NEW, _INPLACE, _OUT = 0, 1, 2
_table = None
_cache = {}

# Overload names by op: for tensors (T), numbers (S), numbers first (R), with dim (D) and without
# (N), and for anything else (-).
_BINARY = {"T": "Tensor", "S": "Tensor", "R": "Tensor"}
_BY_KIND = {"T": "Tensor", "S": "Scalar", "R": "Scalar_Tensor"}
_POWER = {"T": "Tensor_Tensor", "S": "Tensor_Scalar", "R": "Scalar"}
_REDUCTION = {"D": "dim", "N": "default"}
_OVERLOADS = {
    **dict.fromkeys("add sub mul div true_divide rsub multiply subtract divide".split(), _BINARY),
    **dict.fromkeys(
        "eq ne lt le gt ge remainder fmod bitwise_and bitwise_or bitwise_xor bitwise_left_shift "
        "bitwise_right_shift fill masked_fill".split(),
        _BY_KIND,
    ),
    "floor_divide": {"T": "default", "S": "default"},
    "arange_end": {"-": "default"},
    "arange": {"-": "start_step"},
    "pow": _POWER,
    "where": {"-": "self", "T": "self", "S": "ScalarOther"},
    "sum": {"D": "dim_IntList", "N": "default"},
    **dict.fromkeys("mean any all prod std var".split(), _REDUCTION),
    "select": {"-": "int"},
    "transpose": {"-": "int"},
    "slice": {"-": "Tensor"},
    "split": {"-": "Tensor"},
    "unbind": {"-": "int"},
    "softmax": {"-": "int"},
    "log_softmax": {"-": "int"},
    "empty": {"-": "memory_format"},
    "index": {"-": "Tensor"},
}
_TYPES = {"Number": "Scalar", "tuple of Tensors": "Tensor[]", "tuple of ints": "int[]"}


def _rows():
    global _table
    if _table is None:
        _table = _C._op_table()
    return _table


class _Schema:
    """An op's signature as PyTorch writes it."""

    def __init__(self, name, overload, params, nout, how):
        self.name = f"aten::{name}"
        self.overload_name = overload
        self.arguments = [_Argument(*p) for p in params]
        self._inplace, self._nout = how == _INPLACE, nout
        self.is_mutable = how != _NEW

    def __str__(self):
        parts, star = [], False
        for i, a in enumerate(self.arguments):
            if a.kwarg_only and not star:
                parts.append("*")
                star = True
            text = str(a)
            if i == 0 and self._inplace:
                text = text.replace("Tensor", "Tensor(a!)", 1)
            parts.append(text)
        name = self.name + (f".{self.overload_name}" if self.overload_name else "")
        result = "Tensor(a!)" if self._inplace else ", ".join(["Tensor"] * self._nout)
        return f"{name}({', '.join(parts)}) -> {result if self._nout == 1 else f'({result})'}"

    __repr__ = __str__


class _Argument:
    def __init__(self, type_text, name, initial, kind, kwarg_only):
        self.name = "self" if name == "input" else name
        self.type = _TYPES.get(type_text, type_text)
        self.default_value = initial
        self.kwarg_only = kwarg_only
        self._optional = initial == "None"

    def __str__(self):
        text = f"{self.type}{'?' if self._optional else ''} {self.name}"
        return text if self.default_value is None else f"{text}={self.default_value}"


class OpOverload:
    """One overload of one op; calling it runs the op."""

    namespace = "aten"
    is_view = property(lambda self: bool(self._flags & 2))

    def __init__(self, op, how, opname, overload):
        _, _, _, flags, params, nout = _rows()[op]
        self._op, self._how, self._flags = op, how, flags
        self._opname = opname
        self._overloadname = overload
        self.__name__ = f"{opname}.{overload}"
        self.__qualname__ = self._name = f"aten::{opname}"
        if overload != "default":
            self._name += f".{overload}"
        self.__module__ = "torch._ops.aten"
        text = "" if overload == "default" else overload
        self._schema = _Schema(opname, text, params, max(nout, 1), how)

    def __call__(self, *args, **kwargs):
        if "self" in kwargs:
            kwargs["input"] = kwargs.pop("self")
        return _C._call_op(self._op, self._how, *args, **kwargs)

    def name(self):
        """aten::mm, aten::add.Tensor"""
        return self._name

    @property
    def overloadpacket(self):
        """The op that this is an overload of."""
        return getattr(aten, self._opname)

    @property
    def op(self):
        """The op itself; here, this object."""
        return self

    def __str__(self):
        return f"aten.{self._opname}.{self._overloadname}"

    def __repr__(self):
        return f"<OpOverload(op='aten.{self._opname}', overload='{self._overloadname}')>"

    def __hash__(self):
        return hash((self._opname, self._overloadname))

    def __deepcopy__(self, memo):
        return self


def _overload(op, how, kind):
    """The object for a call of op number `op`; what the dispatch level hands to handlers."""
    key = (op, how, kind)
    found = _cache.get(key)
    if found is None:
        name, overload, python, _, _, _ = _rows()[op]
        names = _OVERLOADS.get(name) or _OVERLOADS.get(python)
        if not overload:
            overload = names.get(kind, names.get("-", "default")) if names else "default"
        opname = python + "_" if how == _INPLACE else python
        if how == _OUT:
            plain = overload in ("default", "Tensor")
            overload = "out" if plain else overload.replace("dim_IntList", "IntList") + "_out"
        found = _cache[key] = _interned(op, how, opname, overload)
    return found


def _interned(op, how, opname, overload):
    key = (how, opname, overload)
    if key not in _cache:
        _cache[key] = OpOverload(op, how, opname, overload)
    return _cache[key]


class OpOverloadPacket:
    """All overloads of one name: torch.ops.aten.add."""

    def __init__(self, name, found):
        self.__name__ = self._name = name
        self._found = found

    def overloads(self):
        """The overloads' names."""
        return list(self._found)

    def __getattr__(self, name):
        if name in self.__dict__.get("_found", ()):
            return self._found[name]
        if name.startswith("__"):
            raise AttributeError(name)
        raise AttributeError(
            f"The underlying op of 'aten.{self._name}' has no overload name '{name}'"
        )

    def __call__(self, *args, **kwargs):
        error = None
        for overload in self._found.values():
            try:
                return overload(*args, **kwargs)
            except TypeError as err:
                error = err
        raise error

    def __str__(self):
        return f"aten.{self._name}"

    def __repr__(self):
        return f"<OpOverloadPacket(op='aten.{self._name}')>"


class _Namespace:
    def __init__(self, name):
        self._name = name
        self._packets = {}

    def __getattr__(self, name):
        if name.startswith("__"):
            raise AttributeError(name)
        if name not in self._packets:
            self._packets[name] = _packet(name)
        return self._packets[name]


_INPLACE_FLAG, _OUT_FLAG, _COMPOSITE, _MUTATES = 1 << 5, 1 << 6, 1 << 0, 1 << 12


def _packet(name):
    found = {}
    for i, (_, _, python, flags, _, _) in enumerate(_rows()):
        if python == name:
            for kind in "-TSRDN":
                o = _overload(i, _NEW, kind)
                found.setdefault(o._overloadname, o)
                if flags & _OUT_FLAG:
                    o = _overload(i, _OUT, kind)
                    found.setdefault(o._overloadname, o)
        elif python + "_" == name and flags & (_INPLACE_FLAG | _MUTATES):
            for kind in "-TSRDN":
                o = _overload(i, _INPLACE, kind)
                found.setdefault(o._overloadname, o)
    if not found:
        raise AttributeError(f"'_OpNamespace' 'aten' object has no attribute '{name}'")
    return OpOverloadPacket(name, found)


aten = _Namespace("aten")


class _Ops:
    aten = aten

    def __getattr__(self, name):
        raise AttributeError(f"facula has no torch.ops.{name}")


ops = _Ops()
