"""The function level: `__torch_function__` of classes, and modes that see every call.

A call looks for overrides in its modes, innermost first, then in its arguments' classes from left
to right, subclasses before their bases. Whatever an override calls runs below it: a mode is left
while it handles a call, and a class ends its own turn with `DisableTorchFunctionSubclass`.
"""

import functools
import threading
import types as _types
from contextlib import contextmanager

from . import _C, _levels
from ._C import Tensor, TensorBase

__all__ = [
    "BaseTorchFunctionMode",
    "TorchFunctionMode",
    "enable_reentrant_dispatch",
    "get_default_nowrap_functions",
    "get_ignored_functions",
    "get_overridable_functions",
    "get_testing_overrides",
    "handle_torch_function",
    "has_torch_function",
    "has_torch_function_unary",
    "has_torch_function_variadic",
    "is_tensor_like",
    "is_tensor_method_or_property",
    "redispatch_function",
    "resolve_name",
    "wrap_torch_function",
]

has_torch_function = _C._has_torch_function
has_torch_function_unary = _C._has_torch_function_unary
has_torch_function_variadic = _C._has_torch_function_variadic

_MODES, _SUBCLASSES = _levels.MODES, _levels.SUBCLASSES


class _Local(threading.local):
    def __init__(self):
        self.modes = []


_local = _Local()


# --- modes ----------------------------------------------------------------------------------------


def _push_mode(mode):
    _local.modes.append(mode)
    _C._set_level_bit(_MODES, True)


def _pop_mode():
    mode = _local.modes.pop()
    if not _local.modes:
        _C._set_level_bit(_MODES, False)
    return mode


@contextmanager
def _pop_mode_temporarily():
    mode = _pop_mode()
    try:
        yield mode
    finally:
        _push_mode(mode)


def _get_current_function_mode():
    return _local.modes[-1] if _local.modes else None


def _get_current_function_mode_stack():
    return list(_local.modes)


def _is_torch_function_mode_enabled():
    return bool(_local.modes)


class TorchFunctionMode:
    """Within `with mode:`, every call comes to its `__torch_function__` first."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        raise NotImplementedError

    def __enter__(self):
        _push_mode(self)
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        _pop_mode()

    @classmethod
    def push(cls, *args, **kwargs):
        """An instance, as older code wrote it."""
        return cls(*args, **kwargs)


class BaseTorchFunctionMode(TorchFunctionMode):
    """A mode that changes nothing."""

    def __torch_function__(self, func, types, args=(), kwargs=None):
        return func(*args, **(kwargs or {}))


DisableTorchFunction = _C.DisableTorchFunction
DisableTorchFunctionSubclass = _C.DisableTorchFunctionSubclass


# --- who has the call -----------------------------------------------------------------------------


def _overloaded(relevant, plain):
    """Of each class that overrides one argument, in the order in which they are asked."""
    found = []
    for arg in relevant:
        kind = type(arg)
        if not (_overrides(arg) or (plain and kind is Tensor)) or any(
            type(o) is kind for o in found
        ):
            continue
        at = next((i for i, other in enumerate(found) if issubclass(kind, type(other))), len(found))
        found.insert(at, arg)
    return found


def _overrides(arg):
    if type(arg) is Tensor or isinstance(arg, type):
        return False
    method = getattr(type(arg), "__torch_function__", None)
    return method is not None and method is not _C._disabled_torch_function_impl


def _flat(args, kwargs):
    values = [*args, *kwargs.values()] if kwargs else args
    for value in values:
        if type(value) in (tuple, list):
            yield from value
        else:
            yield value


def _no_implementation(func, refused):
    name = resolve_name(func) or repr(func)
    if isinstance(func, (_types.FunctionType, _C._Overridable)) and "." in name:
        classes = [type(r) for r in refused]
        return TypeError(
            f"no implementation found for '{name}' on types that implement "
            f"__torch_function__: {classes}"
        )
    lines = "".join(
        f"\n  - mode object {r!r}"
        if isinstance(r, TorchFunctionMode)
        else f"\n  - tensor subclass {type(r)!r}"
        for r in refused
    )
    return TypeError(
        f"Multiple dispatch failed for '{name}'; all __torch_function__ handlers returned "
        f"NotImplemented:\n{lines}\n\nFor more information, try re-running with "
        "TORCH_LOGS=not_implemented"
    )


def _ask(func, found, args, kwargs):
    """The first answer of modes and classes to func(*args, **kwargs)."""
    types = tuple(type(a) for a in found)
    call = (func, types, args) if kwargs is None else (func, types, args, kwargs)
    refused = []
    if _local.modes:
        with _pop_mode_temporarily() as mode:
            result = mode.__torch_function__(*call)
        if result is not NotImplemented:
            return result
        refused.append(mode)
    if not _C._level_bit(_SUBCLASSES):
        for arg in found:
            result = arg.__torch_function__(*call)
            if result is not NotImplemented:
                return result
            refused.append(arg)
    raise _no_implementation(func, refused)


def _dispatch(func, args, kwargs):
    """What the extension calls: kwargs is None where there are none."""
    plain = isinstance(func, _C._Overridable)
    found = _overloaded(_flat(args, kwargs), plain)
    if plain:
        args, kwargs = _spelt(func, args, kwargs)
    return _ask(func, found, args, kwargs)


def _spelt(func, args, kwargs):
    """The arguments as functions written in Python pass them on: all that have defaults by name."""
    parameters = _parameters(func)
    if parameters is None:
        return args, kwargs
    import inspect

    try:
        bound = inspect.signature(func).bind(*args, **(kwargs or {}))
    except TypeError:
        return args, kwargs  # func itself complains
    bound.apply_defaults()
    given = bound.arguments
    named = {n: given[n] for n, required in parameters.items() if not required}
    return tuple(given[n] for n, required in parameters.items() if required), named


@functools.lru_cache(None)
def _parameters(func):
    """Whether each parameter is required, by name; None where some have no name."""
    import inspect

    found = inspect.signature(func).parameters
    if any(p.kind in (p.VAR_POSITIONAL, p.VAR_KEYWORD) for p in found.values()):
        return None
    return {n: p.default is p.empty for n, p in found.items()}


def handle_torch_function(public_api, relevant_args, *args, **kwargs):
    """Ask modes and the classes of relevant_args for public_api(*args, **kwargs)."""
    return _ask(public_api, _overloaded(relevant_args, True), args, kwargs)


def _tensor_default(cls, func, types, args=(), kwargs=None):
    """Tensor.__torch_function__: the call itself, its results as cls."""
    if not all(issubclass(cls, t) for t in types):
        return NotImplemented
    with DisableTorchFunctionSubclass():
        result = func(*args, **(kwargs or {}))
        if func in get_default_nowrap_functions():
            return result
        return _convert(result, cls)


def _convert(result, cls):
    if cls is Tensor:
        return result
    if isinstance(result, Tensor):
        return result if isinstance(result, cls) else result.as_subclass(cls)
    if isinstance(result, (tuple, list)):
        return type(result)(_convert(r, cls) for r in result)
    return result


# --- about functions ------------------------------------------------------------------------------

_cache = {}


def _cached(make):
    def get():
        if make not in _cache:
            _cache[make] = make()
        return _cache[make]

    get.__name__, get.__doc__, get.__qualname__ = make.__name__, make.__doc__, make.__qualname__
    return get


@_cached
def get_default_nowrap_functions():
    """Getters whose result is not made a subclass: what they return has a class of its own."""
    return {Tensor._base.__get__, Tensor.grad.__get__}


@_cached
def get_ignored_functions():
    """Functions of the namespace that take no tensors, or that no override sees."""
    import facula as torch

    names = """is_tensor is_storage set_default_dtype get_default_dtype set_default_tensor_type
        manual_seed seed initial_seed get_rng_state set_rng_state set_printoptions typename
        set_num_threads get_num_threads is_grad_enabled no_grad enable_grad set_grad_enabled
        promote_types can_cast is_inference_mode_enabled inference_mode from_numpy from_dlpack
        to_dlpack frombuffer compile save load tensor as_tensor asarray zeros ones full empty rand
        randn randint randperm arange linspace logspace eye range empty_strided get_device_module
        use_deterministic_algorithms are_deterministic_algorithms_enabled vmap fork_rng
        """.split()
    found = {getattr(torch, n) for n in names if n in torch.__dict__ or n in torch._C.__dict__}
    return found | {Tensor.__new__, Tensor.__init__, Tensor.__hash__, Tensor.__torch_function__}


@_cached
def _names():
    """The public name of every overridable function."""
    import facula as torch
    import facula.functional
    import facula.nn.functional
    import facula.nn.init

    found, lists = {}, {}
    ignored = get_ignored_functions()

    def add(f, name, space):
        try:
            if f in found:
                return
        except TypeError:  # cannot be a key
            return
        found[f] = name
        if f not in ignored:
            lists.setdefault(space, []).append(f)

    for name in dir(Tensor):
        value = getattr(Tensor, name, None)
        if isinstance(value, (_types.GetSetDescriptorType, property)):
            add(value.__get__, f"torch.Tensor.{name}.__get__", Tensor)
            add(value.__set__, f"torch.Tensor.{name}.__set__", Tensor)
        elif callable(value) and not isinstance(value, type):
            if not name.startswith("__") or name in vars(Tensor) or name in vars(TensorBase):
                add(value, f"torch.Tensor.{name}", Tensor)
    spaces = [
        (torch.nn.functional, "torch.nn.functional"),
        (torch.nn.init, "torch.nn.init"),
        (torch.functional, "torch.functional"),
        (torch, "torch"),
    ]
    for extra in ("linalg", "fft", "special"):
        try:
            spaces.append((getattr(torch, extra), f"torch.{extra}"))
        except AttributeError:
            pass
    for space, prefix in spaces:
        for name in [*vars(space), *getattr(space, "_DIRECT", ())]:
            value = getattr(space, name, None)
            if name.startswith("_") or not callable(value) or isinstance(value, type):
                continue
            if getattr(value, "__module__", "") in ("contextlib", "functools", "math"):
                continue
            add(value, f"{prefix}.{name}", space)
    return found, lists


def get_overridable_functions():
    """By namespace, the functions that `__torch_function__` sees."""
    return {space: list(functions) for space, functions in _names()[1].items()}


def get_testing_overrides():
    """Raises: facula keeps no list of dummy overrides."""
    raise NotImplementedError("facula has no torch.overrides.get_testing_overrides")


def resolve_name(f):
    """The public name of f, or None."""
    try:
        return _names()[0].get(f) or (
            str(f) if type(f).__name__ in ("OpOverload", "OpOverloadPacket") else None
        )
    except TypeError:
        return None


def is_tensor_method_or_property(func):
    """Whether func is a method of Tensor or one of its getters and setters."""
    return func in _names()[1][Tensor] or getattr(func, "__name__", None) in ("__get__", "__set__")


def is_tensor_like(inp):
    """Whether inp is a Tensor or an object with `__torch_function__`."""
    return type(inp) is Tensor or hasattr(inp, "__torch_function__")


def wrap_torch_function(dispatcher):
    """Decorator: dispatcher(*args) gives the arguments whose overrides the function asks."""

    def decorate(func):
        def wrapped(*args, **kwargs):
            relevant = dispatcher(*args, **kwargs)
            if has_torch_function(relevant):
                return handle_torch_function(wrapped, relevant, *args, **kwargs)
            return func(*args, **kwargs)

        for name in ("__module__", "__name__", "__qualname__", "__doc__"):
            setattr(wrapped, name, getattr(func, name))
        wrapped.__wrapped__ = func
        return wrapped

    return decorate


@contextmanager
def enable_reentrant_dispatch():
    """Within a `__torch_dispatch__`, calls go through every level again."""
    old = _C._set_below_autograd(False)
    try:
        yield
    finally:
        _C._set_below_autograd(old)


def redispatch_function(func, types, args=(), kwargs=None):
    """func as if no class overrode it."""
    with DisableTorchFunctionSubclass():
        return func(*args, **(kwargs or {}))
