"""Whatever accelerator there is, by one name: none, while no plug-in is loaded."""

__all__ = [
    "current_accelerator",
    "current_device_idx",
    "current_device_index",
    "current_stream",
    "device_count",
    "device_index",
    "empty_cache",
    "is_available",
    "max_memory_allocated",
    "max_memory_reserved",
    "memory_allocated",
    "memory_reserved",
    "memory_stats",
    "set_device_idx",
    "set_device_index",
    "set_stream",
    "synchronize",
]


def is_available():
    """False."""
    return False


def device_count():
    """0."""
    return 0


def current_accelerator(check_available=False):
    """None: there is none."""
    return None


def _unavailable(*args, **kwargs):
    """Raises: there is no accelerator."""
    raise RuntimeError("Cannot access accelerator device when none is available.")


current_device_index = current_device_idx = set_device_index = set_device_idx = _unavailable
current_stream = set_stream = synchronize = empty_cache = memory_stats = _unavailable
memory_allocated = max_memory_allocated = memory_reserved = max_memory_reserved = _unavailable


class device_index:
    """The current device inside a block: nothing happens for None."""

    def __init__(self, device):
        self.idx = device

    def __enter__(self):
        if self.idx is not None:
            _unavailable()

    def __exit__(self, *exc):
        return None
