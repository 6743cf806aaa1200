"""CUDA without a plug-in: not available, and said so."""


def is_available():
    """False: no CUDA plug-in is loaded."""
    return False


def device_count():
    """0."""
    return 0


def is_initialized():
    """False."""
    return False


def is_bf16_supported(including_emulation=True):
    """False."""
    return False


def _lazy_init():
    raise AssertionError("Torch not compiled with CUDA enabled")


def _unavailable(name):
    def f(*args, **kwargs):
        _lazy_init()

    f.__name__ = name
    return f


for _name in """
    current_device get_device_name get_device_properties set_device current_stream Stream
    Event get_device_capability mem_get_info
""".split():
    globals()[_name] = _unavailable(_name)


def synchronize(device=None):
    """Raises: there is nothing to wait for."""
    _lazy_init()


def empty_cache():
    """Nothing to empty."""


def manual_seed(seed):
    """Remembered by no device: there is none."""


manual_seed_all = manual_seed


def max_memory_allocated(device=None):
    """0."""
    return 0


def memory_allocated(device=None):
    """0."""
    return 0


memory_reserved = max_memory_reserved = memory_allocated


def reset_peak_memory_stats(device=None):
    """Nothing to reset."""
