"""autocast: within it, some ops run in a lower precision.

The casting itself is a level of the gate (src/levels/autocast.c); this is the context manager, the
state's getters and setters, and what custom autograd functions need.
"""

import functools
import threading
import warnings

from facula import _C

__all__ = [
    "autocast",
    "autocast_decrement_nesting",
    "autocast_increment_nesting",
    "clear_autocast_cache",
    "custom_bwd",
    "custom_fwd",
    "get_autocast_cpu_dtype",
    "get_autocast_dtype",
    "get_autocast_gpu_dtype",
    "is_autocast_available",
    "is_autocast_cache_enabled",
    "is_autocast_cpu_enabled",
    "is_autocast_enabled",
    "set_autocast_cache_enabled",
    "set_autocast_cpu_dtype",
    "set_autocast_cpu_enabled",
    "set_autocast_dtype",
    "set_autocast_enabled",
]

_LOWER = (_C.bfloat16, _C.float16)


class _Others(threading.local):
    """State of device types that no back end serves here: remembered, without effect."""

    def __init__(self):
        self.enabled = {}
        self.dtype = {"cuda": _C.float16, "xpu": _C.float16, "mps": _C.float16}


_others = _Others()


def _device_type(device_type):
    if not isinstance(device_type, str):
        raise ValueError(
            f"Expected `device_type` of type `str`, got: `{type(device_type).__name__}`"
        )
    return _C.device(device_type).type


def is_autocast_available(device_type):
    """Whether autocast can do anything on the device type."""
    return _device_type(device_type) in ("cpu", "cuda", "xpu", "mps", "hpu", "mtia", "xla")


def is_autocast_enabled(device_type=None):
    """Whether autocast is on for the device type; by default, for CUDA."""
    if device_type is None:
        device_type = "cuda"
    if device_type == "cpu":
        return _C._autocast_get()[0]
    return _others.enabled.get(device_type, False)


def set_autocast_enabled(device_type, enabled=None):
    """Turns autocast on or off for the device type; set_autocast_enabled(on) is CUDA's."""
    if enabled is None:
        device_type, enabled = "cuda", device_type
    if device_type == "cpu":
        _C._autocast_set(enabled, None, None)
    else:
        _others.enabled[device_type] = enabled


def get_autocast_dtype(device_type):
    """The lower precision of the device type."""
    if device_type == "cpu":
        return _C._autocast_get()[1]
    if device_type not in _others.dtype:
        raise RuntimeError("unsupported scalarType")
    return _others.dtype[device_type]


def set_autocast_dtype(device_type, dtype):
    """Sets the lower precision of the device type."""
    if device_type == "cpu":
        _C._autocast_set(None, dtype, None)
    else:
        _others.dtype[device_type] = dtype


def is_autocast_cache_enabled():
    """Whether casts of parameters are kept."""
    return _C._autocast_get()[2]


def set_autocast_cache_enabled(enabled):
    """Sets whether casts of parameters are kept."""
    _C._autocast_set(None, None, enabled)


def clear_autocast_cache():
    """Forgets the casts of parameters."""
    _C._autocast_clear_cache()


def autocast_increment_nesting():
    """Enters a context; the number of contexts entered."""
    return _C._autocast_nesting(1)


def autocast_decrement_nesting():
    """Leaves a context; the number that are left."""
    return _C._autocast_nesting(-1)


def _deprecated(name, device_type, getter):
    def f(*args):
        call = f"{getter}('{device_type}')" if not args else f"{getter}('{device_type}', ...)"
        warnings.warn(
            f"torch.{name}() is deprecated. Please use torch.{call} instead.", DeprecationWarning
        )
        return globals()[getter](device_type, *args)

    f.__name__ = f.__qualname__ = name
    return f


is_autocast_cpu_enabled = _deprecated("is_autocast_cpu_enabled", "cpu", "is_autocast_enabled")
set_autocast_cpu_enabled = _deprecated("set_autocast_cpu_enabled", "cpu", "set_autocast_enabled")
get_autocast_cpu_dtype = _deprecated("get_autocast_cpu_dtype", "cpu", "get_autocast_dtype")
set_autocast_cpu_dtype = _deprecated("set_autocast_cpu_dtype", "cpu", "set_autocast_dtype")
get_autocast_gpu_dtype = _deprecated("get_autocast_gpu_dtype", "cuda", "get_autocast_dtype")


class autocast:
    """Context manager or decorator: ops of the device type choose their precision."""

    def __init__(self, device_type, dtype=None, enabled=True, cache_enabled=None):
        device_type = _device_type(device_type)
        self.device = device_type
        self.fast_dtype = get_autocast_dtype(device_type) if dtype is None else dtype
        if not is_autocast_available(device_type):
            raise RuntimeError(
                f"User specified an unsupported autocast device_type '{device_type}'"
            )
        if enabled and device_type == "cpu" and self.fast_dtype not in _LOWER:
            warnings.warn(
                "In CPU autocast, but the target dtype is not supported. Disabling autocast.\n"
                "CPU Autocast only supports dtypes of torch.bfloat16, torch.float16 currently."
            )
            enabled = False
        elif enabled and device_type == "cuda":
            warnings.warn("CUDA is not available or torch_xla is imported. Disabling autocast.")
            enabled = False
        elif enabled and device_type != "cpu":
            warnings.warn(f"{device_type} is not available. Disabling autocast.")
            enabled = False
        self._enabled = bool(enabled)
        self._cache_enabled = (
            is_autocast_cache_enabled() if cache_enabled is None else cache_enabled
        )

    def __enter__(self):
        self.prev_cache_enabled = is_autocast_cache_enabled()
        self.prev = is_autocast_enabled(self.device)
        self.prev_fastdtype = get_autocast_dtype(self.device)
        set_autocast_dtype(self.device, self.fast_dtype)
        set_autocast_enabled(self.device, self._enabled)
        autocast_increment_nesting()
        set_autocast_cache_enabled(self._cache_enabled)
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        if autocast_decrement_nesting() == 0:
            clear_autocast_cache()
        set_autocast_enabled(self.device, self.prev)
        set_autocast_dtype(self.device, self.prev_fastdtype)
        set_autocast_cache_enabled(self.prev_cache_enabled)
        return False

    def __call__(self, func):
        @functools.wraps(func)
        def decorated(*args, **kwargs):
            with autocast(self.device, self.fast_dtype, self._enabled, self._cache_enabled):
                return func(*args, **kwargs)

        return decorated


def _cast(value, device_type, dtype):
    if isinstance(value, _C.Tensor):
        eligible = (
            value.is_floating_point()
            and value.device.type == device_type
            and value.dtype is not _C.float64
        )
        return value.to(dtype) if eligible else value
    if isinstance(value, dict):
        return {
            _cast(k, device_type, dtype): _cast(v, device_type, dtype) for k, v in value.items()
        }
    if isinstance(value, (list, tuple)):
        items = [_cast(v, device_type, dtype) for v in value]
        return type(value)(*items) if hasattr(value, "_fields") else type(value)(items)
    return value


def custom_fwd(fwd=None, *, device_type, cast_inputs=None):
    """Decorates the forward of a custom autograd function.

    Without cast_inputs it runs in the autocast state that it finds; with it, its inputs are cast
    and autocast is off.
    """
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if fwd is None:
        return functools.partial(custom_fwd, device_type=device_type, cast_inputs=cast_inputs)

    @functools.wraps(fwd)
    def decorated(*args, **kwargs):
        args[0]._dtype = get_autocast_dtype(device_type)
        if cast_inputs is None:
            args[0]._fwd_used_autocast = is_autocast_enabled(device_type)
            return fwd(*args, **kwargs)
        context = is_autocast_enabled(device_type)
        args[0]._fwd_used_autocast = False
        if not context:
            return fwd(*args, **kwargs)
        with autocast(device_type, enabled=False):
            return fwd(
                *_cast(args, device_type, cast_inputs), **_cast(kwargs, device_type, cast_inputs)
            )

    return decorated


def custom_bwd(bwd=None, *, device_type):
    """Decorates the backward of a custom autograd function: the forward's autocast state."""
    if not isinstance(device_type, str):
        raise ValueError(f"Expected `device_type` of type `str`, got: `{type(device_type)}`")
    if bwd is None:
        return functools.partial(custom_bwd, device_type=device_type)

    @functools.wraps(bwd)
    def decorated(*args, **kwargs):
        with autocast(device_type, enabled=args[0]._fwd_used_autocast, dtype=args[0]._dtype):
            return bwd(*args, **kwargs)

    return decorated
