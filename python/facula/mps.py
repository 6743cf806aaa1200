"""Metal: facula has no such back end."""


def is_available():
    """False."""
    return False


def device_count():
    """0."""
    return 0


def _unavailable(name):
    def call(*args, **kwargs):
        raise RuntimeError(f"Cannot execute {name}() without MPS backend.")

    call.__doc__ = "Raises: there is no Metal."
    return call


synchronize = _unavailable("deviceSynchronize")
empty_cache = _unavailable("emptyCache")
current_allocated_memory = _unavailable("getCurrentAllocatedMemory")
driver_allocated_memory = _unavailable("getDriverAllocatedMemory")
recommended_max_memory = _unavailable("getRecommendedMaxMemory")
set_per_process_memory_fraction = _unavailable("setMemoryFraction")
seed = get_rng_state = set_rng_state = _unavailable("getDefaultGenerator")


def manual_seed(seed):
    """Remembered by no device: there is none."""
