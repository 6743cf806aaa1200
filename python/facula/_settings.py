"""Switches of the whole process, and small checks and numbers under torch's names.

Most of the switches choose between kernels that PyTorch has and facula has not: what they are set
to is kept and read back, and results are the same either way.
"""

import warnings

from . import _C

_deterministic = {"mode": False, "warn_only": False}
_precision = "highest"
_interop = 1


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Kept, without effect: every kernel of facula is deterministic."""
    if not isinstance(mode, bool):
        raise TypeError(
            "_set_deterministic_algorithms(): argument 'mode' (position 1) must be bool, "
            f"not {_C._type_name(mode)}"
        )
    _deterministic.update(mode=mode, warn_only=bool(warn_only))


def are_deterministic_algorithms_enabled():
    """Whether use_deterministic_algorithms(True) was called; the kernels are always so."""
    return _deterministic["mode"]


def is_deterministic_algorithms_warn_only_enabled():
    """What use_deterministic_algorithms() was told of warn_only."""
    return _deterministic["warn_only"]


def set_warn_always(b):
    """Whether warnings that come once a process come every time."""
    if not isinstance(b, bool):
        raise RuntimeError(f"setWarnOnlyOnce expects a bool, but got {_C._type_name(b)}")
    _C._set_warn_always(b)


def is_warn_always_enabled():
    """What set_warn_always() was told; False at first."""
    return _C._is_warn_always_enabled()


def set_deterministic_debug_mode(debug_mode):
    """0 or "default", 1 or "warn", 2 or "error": use_deterministic_algorithms() by a number."""
    if not isinstance(debug_mode, (int, str)):
        raise TypeError(f"debug_mode must be str or int, but got {type(debug_mode)}")
    names = ("default", "warn", "error")
    if isinstance(debug_mode, str):
        if debug_mode not in names:
            raise RuntimeError(
                "invalid value of debug_mode, expected one of `default`, "
                f"`warn`, `error`, but got {debug_mode}"
            )
        debug_mode = names.index(debug_mode)
    if debug_mode not in (0, 1, 2):
        raise RuntimeError(
            f"invalid value of debug_mode, expected 0, 1, or 2, but got {debug_mode}"
        )
    use_deterministic_algorithms(debug_mode > 0, warn_only=debug_mode == 1)


def get_deterministic_debug_mode():
    """0, 1 or 2: see set_deterministic_debug_mode()."""
    return (1 if _deterministic["warn_only"] else 2) if _deterministic["mode"] else 0


def set_float32_matmul_precision(precision):
    """Kept, without effect: products of float32 are always computed in float32."""
    global _precision
    if not isinstance(precision, str):
        raise RuntimeError(
            f"set_float32_matmul_precision expects a str, but got {_C._type_name(precision)}"
        )
    if precision in ("highest", "high", "medium"):
        _precision = precision
    else:
        warnings.warn(
            f"{precision} is not one of 'highest', 'high', or 'medium'; the current"
            "setFloat32MatmulPrecision call has no effect.",
            stacklevel=2,
        )


def get_float32_matmul_precision():
    """'highest', or what set_float32_matmul_precision() was told."""
    return _precision


def set_num_interop_threads(n):
    """Kept, without effect: there is one pool."""
    global _interop
    if not isinstance(n, int) or isinstance(n, bool):
        raise RuntimeError(f"set_num_interop_threads expects an int, but got {_C._type_name(n)}")
    if n < 1:
        raise RuntimeError("set_num_interop_threads expects a positive integer")
    _interop = n


def get_num_interop_threads():
    """1, or what set_num_interop_threads() was told."""
    return _interop


def set_flush_denormal(mode):
    """Whether denormal numbers can be taken for zero: facula's kernels keep them."""
    if not isinstance(mode, bool):
        raise RuntimeError(f"flush_denormal expects a bool, but got {_C._type_name(mode)}")
    return not mode


def compiled_with_cxx11_abi():
    """True: nothing here has the older one."""
    return True


def set_anomaly_enabled(mode, check_nan=True):
    """Turns anomaly mode on or off."""
    _C._set_anomaly(mode, check_nan)


def _anomaly():
    now = _C._set_anomaly(False, True)
    _C._set_anomaly(*now)
    return now


def is_anomaly_enabled():
    """Whether anomaly mode is on."""
    return bool(_anomaly()[0])


def is_anomaly_check_nan_enabled():
    """Whether anomaly mode, where it is on, looks for nan."""
    return bool(_anomaly()[1])


def is_vulkan_available():
    """False."""
    return False


def get_device(input):
    """The number of input's device; -1 for the CPU."""
    if not isinstance(input, _C.Tensor):
        kind = _C._type_name(input)
        raise TypeError(f"get_device(): argument 'input' (position 1) must be Tensor, not {kind}")
    return input.get_device()


def is_distributed(input):
    """False."""
    return False


# ---- checks ------------------------------------------------------------------------------------


def _assert(condition, message):
    """An assert statement as a function."""
    if type(condition) is not _C.Tensor and _C._has_torch_function((condition,)):
        from .overrides import handle_torch_function

        return handle_torch_function(_assert, (condition,), condition, message)
    assert condition, message


def _check_with(error_type, cond, message=None):
    if not isinstance(cond, (bool, SymBool)):
        raise TypeError(f"cond must be a bool, but got {type(cond)}")
    if cond:
        return
    if message is None:
        text = (
            "Expected cond to be True, but got False. (Could this error message be improved? If "
            "so, please report an enhancement request to PyTorch.)"
        )
    elif callable(message):
        text = str(message())
    else:
        raise TypeError("message must be a callable")
    raise error_type(text)


def _check(cond, message=None):
    """Raises a RuntimeError unless cond holds; message makes its text."""
    _check_with(RuntimeError, cond, message)


def _check_index(cond, message=None):
    """Raises an IndexError unless cond holds."""
    _check_with(IndexError, cond, message)


def _check_value(cond, message=None):
    """Raises a ValueError unless cond holds."""
    _check_with(ValueError, cond, message)


def _check_type(cond, message=None):
    """Raises a TypeError unless cond holds."""
    _check_with(TypeError, cond, message)


def _check_not_implemented(cond, message=None):
    """Raises a NotImplementedError unless cond holds."""
    _check_with(NotImplementedError, cond, message)


def _check_is_size(i, message=None, *, max=None):
    """Raises a RuntimeError unless i is at least 0, and at most max."""
    _check(i >= 0, message)
    if max is not None:
        _check(i <= max, message)


# ---- numbers that graph capture would trace ----------------------------------------------------


class _Symbol:
    def __new__(cls, *args, **kwargs):
        raise TypeError(f"facula traces no numbers: there is no torch.{cls.__name__} to make")


class SymInt(_Symbol):
    """The type of traced integers, of which facula has none: integers are int."""


class SymFloat(_Symbol):
    """The type of traced floats, of which facula has none: floats are float."""


class SymBool(_Symbol):
    """The type of traced truth values, of which facula has none: they are bool."""


for _kind in (SymInt, SymFloat, SymBool):
    _kind.__module__ = "torch"


def sym_int(a):
    """a as an integer, cut off toward zero."""
    return int(a)


def sym_float(a):
    """a as a float."""
    return float(a)


def sym_not(a):
    """not a."""
    return not a


def sym_max(a, b):
    """The greater of a and b; a float where one is."""
    return type(0 * a + 0 * b)(max(a, b))


def sym_min(a, b):
    """The lesser of a and b; a float where one is."""
    return type(0 * a + 0 * b)(min(a, b))


def sym_sum(args):
    """The sum of args."""
    return sum(args)


def sym_ite(b, t, f):
    """t if b else f."""
    return t if b else f


def sym_sqrt(a):
    """The square root of a."""
    import math

    return math.sqrt(a)
