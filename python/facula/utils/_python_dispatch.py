"""The dispatch level: a mode that sees every primitive op below autograd.

Casts made by autocast and the ops of backward pass it as well. A composite op is seen as the ops
that it is made of.
"""

from contextlib import contextmanager

from facula import _C


class TorchDispatchMode:
    """Within `with mode:`, every primitive comes to its `__torch_dispatch__`.

    The mode is left while it handles an op, and nothing that it calls is recorded.
    """

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError

    def __enter__(self):
        _C._push_dispatch_mode(self)
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        _C._pop_dispatch_mode()

    @classmethod
    def push(cls, *args, **kwargs):
        """An instance, as older code wrote it."""
        return cls(*args, **kwargs)


class BaseTorchDispatchMode(TorchDispatchMode):
    """A mode that changes nothing."""

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


def _get_current_dispatch_mode():
    modes = _C._dispatch_modes()
    return modes[-1] if modes else None


def _get_current_dispatch_mode_stack():
    return _C._dispatch_modes()


@contextmanager
def _disable_current_modes():
    modes = [_C._pop_dispatch_mode() for _ in _C._dispatch_modes()]
    try:
        yield modes
    finally:
        for mode in reversed(modes):
            _C._push_dispatch_mode(mode)
