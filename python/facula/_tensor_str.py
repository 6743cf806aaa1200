"""Tensors as text. The text itself is made in C (src/core/print.c)."""

import sys

from . import _C
from ._C import Tensor

__all__ = ["get_printoptions", "printoptions", "set_printoptions"]

_NEVER = 2**63 - 1
_FIELDS = ("precision", "threshold", "edgeitems", "linewidth", "sci_mode")
_PROFILES = {
    "default": (4, 1000, 3, 80),
    "short": (2, 1000, 2, 80),
    "full": (4, float("inf"), 3, 80),
}


def get_printoptions():
    """The current print options as a dictionary."""
    precision, threshold, edgeitems, linewidth, sci_mode = _C._get_print_options()
    if threshold == _NEVER:
        threshold = float("inf")
    sci_mode = None if sci_mode < 0 else bool(sci_mode)
    return dict(zip(_FIELDS, (precision, threshold, edgeitems, linewidth, sci_mode)))


def _store(options):
    threshold, sci_mode = options["threshold"], options["sci_mode"]
    _C._set_print_options(
        options["precision"],
        int(max(-_NEVER, min(threshold, _NEVER))),
        options["edgeitems"],
        options["linewidth"],
        -1 if sci_mode is None else int(bool(sci_mode)),
    )


def set_printoptions(
    precision=None, threshold=None, edgeitems=None, linewidth=None, profile=None, sci_mode=None
):
    """How tensors are printed.

    Args:
        precision: digits after the point (4).
        threshold: tensors with more elements than this are summarised (1000).
        edgeitems: elements shown at either end of a summarised dimension (3).
        linewidth: characters on a line (80).
        profile: "default", "short" or "full", a set of the above to start from.
        sci_mode: True for scientific notation, False for none; None (also the value when not
            given) lets the values decide.
    """
    options = get_printoptions()
    if profile is not None:
        options.update(zip(_FIELDS, _PROFILES.get(profile, ())))
    given = {
        "precision": precision,
        "threshold": threshold,
        "edgeitems": edgeitems,
        "linewidth": linewidth,
    }
    options.update({k: v for k, v in given.items() if v is not None})
    options["sci_mode"] = sci_mode
    _store(options)


class printoptions:
    """Print options for the duration of a `with` block."""

    def __init__(self, **kwargs):
        self._options = kwargs

    def __enter__(self):
        self._before = get_printoptions()
        set_printoptions(**self._options)

    def __exit__(self, *error):
        _store(self._before)


class _PrintOptions:
    """The options as attributes, to read and to set."""

    def __getattr__(self, name):
        if name not in _FIELDS:
            raise AttributeError(name)
        return get_printoptions()[name]

    def __setattr__(self, name, value):
        if name not in _FIELDS:
            raise AttributeError(name)
        _store({**get_printoptions(), name: value})

    def __repr__(self):
        fields = ", ".join(f"{k}={v}" for k, v in get_printoptions().items())
        return f"__PrinterOptions({fields})"


PRINT_OPTS = _PrintOptions()


def _str(self, *, tensor_contents=None):
    if _C._in_level(self):
        from facula.autograd.forward_ad import _repr

        return _repr(self, tensor_contents)
    return _plain_str(self, tensor_contents)


def _plain_str(self, tensor_contents=None, extra=()):
    parameters = sys.modules.get("facula.nn.parameter")  # without it there is no Parameter
    if type(self) is Tensor or parameters and type(self) is parameters.Parameter:
        return _C._repr(self, None, tensor_contents, extra, True)
    text = _C._repr(self, type(self).__name__, tensor_contents, extra, True)
    is_parameter = parameters and isinstance(self, parameters.Parameter)
    return f"Parameter({text})" if is_parameter else text


def _tensor_repr(self, *, tensor_contents=None):
    return _str(self, tensor_contents=tensor_contents)


_tensor_repr.__name__ = _tensor_repr.__qualname__ = "__repr__"
Tensor.__repr__ = _tensor_repr


def _tensor_format(self, format_spec):
    if self.dim() == 0 and not self.is_meta and type(self) is Tensor:
        return self.item().__format__(format_spec)
    if format_spec:
        name = type(self).__name__
        raise TypeError(f"unsupported format string passed to {name}.__format__")
    return str(self)


_tensor_format.__name__ = _tensor_format.__qualname__ = "__format__"
Tensor.__format__ = _tensor_format
