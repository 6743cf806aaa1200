"""What programs that can be compiled by TorchScript also call when they are not.

facula does not compile: script, trace, load and their kin are not here.
"""

from collections import namedtuple
from typing import Final

__all__ = [
    "Attribute",
    "Final",
    "annotate",
    "export",
    "ignore",
    "is_scripting",
    "is_tracing",
    "isinstance",
    "script_if_tracing",
    "unused",
]

Attribute = namedtuple("Attribute", ["value", "type"])


def is_scripting():
    """False."""
    return False


def is_tracing():
    """False."""
    return False


def ignore(drop=False, **kwargs):
    """The function itself, as a call or a decorator."""
    if drop is True:
        import warnings

        warnings.warn(
            "ignore(True) has been deprecated. TorchScript will now drop the function call on "
            f"compilation. Use torch.jit.unused now. {kwargs}",
            FutureWarning,
            stacklevel=2,
        )
    return drop if callable(drop) else lambda fn: fn


def unused(fn):
    """fn itself."""
    return fn


def export(fn):
    """fn itself."""
    return fn


def script_if_tracing(fn):
    """fn, which runs as it is where nothing is traced."""
    import functools

    @functools.wraps(fn)
    def wrapper(*args, **kwargs):
        return fn(*args, **kwargs)

    return wrapper


def annotate(the_type, the_value):
    """the_value."""
    return the_value


def _is_of(obj, target_type):
    """Whether obj is of the type, and what it contains of the types that its arguments name."""
    import builtins
    import typing

    origin, args = typing.get_origin(target_type), typing.get_args(target_type)
    if builtins.isinstance(target_type, tuple) or origin is typing.Union:
        return any(_is_of(obj, kind) for kind in args or target_type)
    if origin is None:
        kind = builtins.type(None) if target_type is None else target_type
        return builtins.isinstance(obj, kind)
    if not builtins.isinstance(obj, origin):
        return False
    if origin is dict:
        return all(_is_of(k, args[0]) and _is_of(v, args[1]) for k, v in obj.items())
    if origin is tuple:
        return len(obj) == len(args) and all(map(_is_of, obj, args))
    return all(_is_of(item, args[0]) for item in obj)


isinstance = _is_of


def __getattr__(name):
    raise AttributeError(f"facula has no torch.jit.{name}: it does not compile with TorchScript")
