"""Helpers around tensors. The submodules are imported on first use."""

import importlib

_SUBMODULES = ("checkpoint", "data", "dlpack", "hooks", "model_zoo")


def __getattr__(name):
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(_SUBMODULES))
