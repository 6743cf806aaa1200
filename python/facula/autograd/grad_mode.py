"""Grad modes, as context managers and decorators."""

import functools

from .. import _C

_IS_GENERATOR = 0x20  # inspect.CO_GENERATOR, without importing inspect


class _Mode:
    """What enters a mode for a block, for each call of a function, or for each stretch that a
    generator runs."""

    def __call__(self, func):
        if isinstance(func, type):
            import warnings

            warnings.warn(
                "Decorating classes is deprecated and will be disabled in future versions. You "
                "should only decorate functions or methods. To preserve the current behavior of "
                "class decoration, you can directly decorate the `__init__` method and nothing "
                "else.",
                FutureWarning,
                stacklevel=2,
            )
        code = getattr(func, "__code__", None)
        if code is not None and code.co_flags & _IS_GENERATOR:
            return self._decorated_generator(func)

        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            with self.clone():
                return func(*args, **kwargs)

        return wrapper

    def _decorated_generator(self, func):
        @functools.wraps(func)
        def wrapper(*args, **kwargs):
            generator = func(*args, **kwargs)
            step, given = generator.send, (None,)
            while True:
                try:
                    with self.clone():
                        value = step(*given)
                except StopIteration as end:
                    return end.value
                try:
                    step, given = generator.send, ((yield value),)
                except GeneratorExit:
                    with self.clone():
                        generator.close()
                    raise
                except BaseException as error:
                    step, given = generator.throw, (error,)

        return wrapper

    def clone(self):
        return type(self)()


class _Switch(_C._Recording, _Mode):
    def __reduce__(self):
        return type(self), ()


class no_grad(_Switch):
    """Nothing is recorded inside."""

    _target = False


class enable_grad(_Switch):
    """Everything is recorded inside, even within no_grad."""

    _target = True


class set_grad_enabled(_Mode):
    """Recording on or off, from the call on, or inside the block."""

    def __repr__(self):
        return f"torch.autograd.grad_mode.set_grad_enabled(mode={self.mode})"

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
        if isinstance(mode, bool):
            return object.__new__(cls)
        return cls(True)(mode)

    def __init__(self, mode=True):
        self.mode = mode

    def __enter__(self):
        self.prev_grad = _C.is_grad_enabled()
        self.prev = _C._set_inference(self.mode)
        _C._set_grad_enabled(not self.mode)

    def __exit__(self, *exc):
        _C._set_inference(self.prev)
        _C._set_grad_enabled(self.prev_grad)

    def clone(self):
        return inference_mode(self.mode)
