"""Small parts of the levels that every program needs: which overrides are looked for, and the
methods of Tensor that are written in Python made visible to them."""

import threading as _threading
import types as _types

from . import _C
from ._C import Tensor

MODES, SUBCLASSES = 0, 1  # bits of _C._set_level_bit


class _Transforms(_threading.local):
    """How many of torch.func's transforms this thread is within."""

    depth = 0

    def __enter__(self):
        self.depth += 1

    def __exit__(self, *exc):
        self.depth -= 1

    def refuse_backward(self):
        if self.depth:
            raise RuntimeError(
                "backward() called inside a functorch transform. This is not supported, please "
                "use functorch.grad or functorch.vjp instead or call backward() outside of "
                "functorch transforms."
            )


transforms = _Transforms()


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
        if not isinstance(value, _types.FunctionType):
            continue
        if value.__name__ != name:  # a helper here, a method in messages
            value.__name__, value.__qualname__ = name, f"Tensor.{name}"
        if name not in _NOT_OVERRIDABLE:
            setattr(Tensor, name, _C._overridable(value))
