"""NVTX: marks in CUDA's profiler, which need CUDA."""

import contextlib

__all__ = ["mark", "range", "range_end", "range_pop", "range_push", "range_start"]


def _unavailable(*args, **kwargs):
    """Raises: there is no CUDA."""
    raise RuntimeError("NVTX functions not installed. Are you sure you have a CUDA build?")


mark = range_push = range_pop = range_start = range_end = _unavailable


@contextlib.contextmanager
def range(msg, *args, **kwargs):
    """A marked block."""
    range_push(msg.format(*args, **kwargs))
    yield
