"""torch.distributed, as in a PyTorch built without it: programs ask, and train in one process."""

__all__ = [
    "is_available",
    "is_gloo_available",
    "is_initialized",
    "is_mpi_available",
    "is_nccl_available",
    "is_torchelastic_launched",
]


def is_available():
    """False: facula has no process groups."""
    return False


def is_initialized():
    """False."""
    return False


def is_torchelastic_launched():
    """Whether torchrun started this process."""
    import os

    return os.environ.get("TORCHELASTIC_RUN_ID") is not None


def is_nccl_available():
    """False."""
    return False


is_gloo_available = is_mpi_available = is_nccl_available


def __getattr__(name):
    raise AttributeError(f"facula has no torch.distributed.{name}")
