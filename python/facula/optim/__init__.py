"""Optimizers."""

import importlib

from facula.optim import optimizer
from facula.optim.adadelta import Adadelta
from facula.optim.adagrad import Adagrad
from facula.optim.adam import Adam
from facula.optim.adamw import AdamW
from facula.optim.optimizer import Optimizer
from facula.optim.rmsprop import RMSprop
from facula.optim.sgd import SGD

__all__ = [
    "SGD",
    "Adadelta",
    "Adagrad",
    "Adam",
    "AdamW",
    "Optimizer",
    "RMSprop",
    "optimizer",
]

_SUBMODULES = (
    "adadelta",
    "adagrad",
    "adam",
    "adamw",
    "lr_scheduler",
    "rmsprop",
    "sgd",
    "swa_utils",
)
_RARE = {
    "ASGD": "asgd",
    "Adafactor": "_adafactor",
    "Adamax": "adamax",
    "LBFGS": "lbfgs",
    "NAdam": "nadam",
    "RAdam": "radam",
    "Rprop": "rprop",
    "SparseAdam": "sparse_adam",
}  # where classes are that are imported on first use


def __getattr__(name):
    # Imported on first use.
    if name in _SUBMODULES:
        return importlib.import_module(f"{__name__}.{name}")
    if name in _RARE:
        return getattr(importlib.import_module(f"{__name__}.{_RARE[name]}"), name)
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")


def __dir__():
    return sorted(set(globals()) | set(_SUBMODULES) | set(_RARE))
