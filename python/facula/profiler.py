"""Names for parts of a program in a profiler's table; facula has no profiler yet."""

from .autograd.profiler import record_function

__all__ = ["record_function"]
