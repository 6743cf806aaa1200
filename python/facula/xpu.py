"""XPU: facula has no such back end."""


def is_available():
    """False."""
    return False


def is_initialized():
    """False."""
    return False


def device_count():
    """0."""
    return 0


def is_bf16_supported(including_emulation=True):
    """False."""
    return False


def empty_cache():
    """Nothing to empty."""


def manual_seed(seed):
    """Remembered by no device: there is none."""


manual_seed_all = manual_seed


def seed():
    """Remembered by no device: there is none."""


seed_all = seed


def memory_allocated(device=None):
    """0."""
    return 0


max_memory_allocated = memory_reserved = max_memory_reserved = memory_allocated


def _lazy_init(*args, **kwargs):
    """Raises: there is no XPU."""
    raise AssertionError("Torch not compiled with XPU enabled")


init = synchronize = current_device = set_device = current_stream = set_stream = _lazy_init
get_device_name = get_device_properties = get_device_capability = _lazy_init
get_rng_state = set_rng_state = initial_seed = _lazy_init
