"""Grad modes, as context managers and decorators."""

import functools

from .. import _C


class _Mode:
    def __call__(self, func):
        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            with self.clone():
                return func(*args, **kwargs)

        return wrapper

    def clone(self):
        return type(self)()


class no_grad(_C._Recording, _Mode):
    """Nothing is recorded inside."""

    _target = False


class enable_grad(_C._Recording, _Mode):
    """Everything is recorded inside, even within no_grad."""

    _target = True


class set_grad_enabled(_Mode):
    """Recording on or off, from the call on, or inside the block."""

    def __repr__(self):
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"

    def __str__(self):
        return f"set_grad_enabled(mode={self.mode})"

    def __init__(self, mode):
        if not isinstance(mode, bool):
            raise TypeError(
                "set_grad_enabled(): argument 'enabled' (position 1) must be bool, "
                f"not {_C._type_name(mode)}"
            )
        self.mode = mode
        self.prev = _C._set_grad_enabled(mode)

    def __call__(self, func):
        _C._set_grad_enabled(self.prev)
        return super().__call__(func)

    def __enter__(self):
        _C._set_grad_enabled(self.mode)

    def __exit__(self, *exc):
        _C._set_grad_enabled(self.prev)

    def clone(self):
        return set_grad_enabled(self.mode)


class inference_mode(_Mode):
    """Like no_grad, and results carry no version or view records."""

    def __new__(cls, mode=True):
        if callable(mode):
            self = object.__new__(cls)
            self.mode = True
            return self(mode)
        return object.__new__(cls)

    def __init__(self, mode=True):
        self.mode = mode

    def __enter__(self):
        self.prev = _C._set_inference(self.mode)
        self.prev_grad = _C._set_grad_enabled(not self.mode and _C.is_grad_enabled())

    def __exit__(self, *exc):
        _C._set_inference(self.prev)
        _C._set_grad_enabled(self.prev_grad)

    def clone(self):
        return inference_mode(self.mode)
