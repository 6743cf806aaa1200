"""Neural networks: modules, parameters, and their functional forms."""

import importlib

from facula.nn import functional, init, modules, parameter
from facula.nn.modules import *
from facula.nn.parameter import Buffer, Parameter

__all__ = [*modules.__all__, "Buffer", "Parameter", "functional", "init", "parameter"]

_SUBMODULES = ("attention", "parallel", "utils")


def __getattr__(name):
    # Imported on first use.
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name == "DataParallel":
        return importlib.import_module(f"{__name__}.parallel").DataParallel
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(_SUBMODULES))
