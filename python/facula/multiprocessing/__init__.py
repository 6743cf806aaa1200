"""Python's multiprocessing, between whose processes tensors travel as memory that both see.

Importing this module teaches multiprocessing's queues, pipes and pools to send a tensor so: its
storage moves to shared memory, once, and what is received looks at the same bytes.
"""

import multiprocessing
from multiprocessing import *

from .reductions import init_reductions
from .spawn import (
    ProcessContext,
    ProcessExitedException,
    ProcessRaisedException,
    SpawnContext,
    spawn,
    start_processes,
)

__all__ = ["set_sharing_strategy", "get_sharing_strategy", "get_all_sharing_strategies"]
__all__ += multiprocessing.__all__

_STRATEGIES = {"file_descriptor", "file_system"}
_strategy = "file_descriptor"


def set_sharing_strategy(new_strategy):
    """Kept, without effect: shared memory has no name here, and so none can be left behind."""
    global _strategy
    assert new_strategy in _STRATEGIES, (
        f"invalid sharing strategy '{new_strategy}', expected one of {_STRATEGIES}"
    )
    _strategy = new_strategy


def get_sharing_strategy():
    """'file_descriptor', or what set_sharing_strategy() was told."""
    return _strategy


def get_all_sharing_strategies():
    """The names that set_sharing_strategy() takes."""
    return _STRATEGIES


init_reductions()
