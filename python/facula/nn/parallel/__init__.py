"""Modules run on several devices: facula has one, on which they run as they are."""

from .data_parallel import DataParallel, data_parallel

__all__ = ["DataParallel", "data_parallel"]


def __getattr__(name):
    raise AttributeError(f"facula has no torch.nn.parallel.{name}")
