"""The parts of a DataLoader: fetching, collating, workers."""

from facula.utils.data._utils import collate, fetch, worker

__all__ = ["collate", "fetch", "worker"]
