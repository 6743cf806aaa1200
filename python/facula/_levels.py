"""Small parts of the levels that every program needs: which overrides are looked for, and the
methods of Tensor that are written in Python made visible to them."""

import types as _types

from . import _C
from ._C import Tensor

MODES, SUBCLASSES = 0, 1  # bits of _C._set_level_bit


class _Bits:
    bits = ()

    def __enter__(self):
        self._old = [(bit, _C._set_level_bit(bit, value)) for bit, value in self.bits]
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        for bit, old in self._old:
            _C._set_level_bit(bit, old)


class DisableTorchFunctionSubclass(_Bits):
    """Classes' overrides are ignored; modes are not."""

    bits = ((SUBCLASSES, True),)


class DisableTorchFunction(_Bits):
    """No override is looked for."""

    bits = ((SUBCLASSES, True), (MODES, False))


_C.DisableTorchFunction = DisableTorchFunction
_C.DisableTorchFunctionSubclass = DisableTorchFunctionSubclass

_NOT_OVERRIDABLE = frozenset(
    """
    __init__ __new__ __hash__ __iter__ __init_subclass__ __class_getitem__ __torch_function__
    """.split()
)


def guard_methods():
    """Lets overrides see the methods of Tensor that are written in Python."""
    for name, value in list(vars(Tensor).items()):
        if isinstance(value, _types.FunctionType) and name not in _NOT_OVERRIDABLE:
            setattr(Tensor, name, _C._overridable(value))
