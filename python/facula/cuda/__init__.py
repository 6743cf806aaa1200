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

    f.__name__ = f.__qualname__ = name
    return f


for _name in """
    init current_device get_device_name get_device_properties set_device current_stream
    default_stream get_device_capability mem_get_info get_rng_state set_rng_state
    memory_summary set_stream can_device_access_peer utilization temperature power_draw
    set_per_process_memory_fraction get_per_process_memory_fraction initial_seed cudart
    current_blas_handle current_solver_handle get_sync_debug_mode set_sync_debug_mode
    caching_allocator_alloc caching_allocator_delete memory_snapshot memory_usage clock_rate
    is_current_stream_capturing _sleep get_gencode_flags list_gpu_processes
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
memory_cached = max_memory_cached = memory_allocated


def memory_stats(device=None):
    """No counts: there is no device."""
    from collections import OrderedDict

    return OrderedDict()


def reset_peak_memory_stats(device=None):
    """Nothing to reset."""


reset_max_memory_allocated = reset_max_memory_cached = reset_peak_memory_stats
reset_accumulated_memory_stats = reset_peak_memory_stats


def ipc_collect():
    """Nothing to collect."""


def get_rng_state_all():
    """No device, so no state."""
    return []


def set_rng_state_all(new_states):
    """Sets no state: there is no device."""
    if list(new_states):
        _lazy_init()


def seed():
    """Remembered by no device: there is none."""


seed_all = seed
default_generators = ()
has_half = True
has_magma = False


def is_tf32_supported():
    """False."""
    return False


def get_arch_list():
    """Empty: facula was built without CUDA."""
    return []


class Stream:
    """Raises: there is no CUDA."""

    def __new__(cls, *args, **kwargs):
        raise RuntimeError("torch.cuda.Stream requires CUDA support")


class _Dummy:
    def __new__(cls, *args, **kwargs):
        raise RuntimeError(f"Tried to instantiate dummy base class {cls.__name__}")


class Event(_Dummy):
    """Raises: there is no CUDA."""


class CUDAGraph(_Dummy):
    """Raises: there is no CUDA."""


class graph:
    """Raises: there is no CUDA."""

    def __init__(self, cuda_graph, pool=None, stream=None, capture_error_mode="global"):
        Stream()


class device:
    """The current device inside a block: nothing happens for -1 or None."""

    def __init__(self, device):
        from .. import _C

        self.idx = -1 if device is None else device
        if not isinstance(self.idx, int):
            found = _C.device(self.idx)
            self.idx = -1 if found.type != "cuda" else 0 if found.index is None else found.index

    def __enter__(self):
        if self.idx >= 0:
            _lazy_init()

    def __exit__(self, *exc):
        return False


class device_of(device):
    """The device of a tensor inside a block: nothing happens for one that is not on CUDA."""

    def __init__(self, obj):
        super().__init__(obj.get_device() if obj.is_cuda else -1)


class StreamContext:
    """A block in a stream; without one, a block as any."""

    def __init__(self, stream):
        self.stream = stream

    def __enter__(self):
        if self.stream is not None:
            _lazy_init()

    def __exit__(self, *exc):
        return None


def stream(stream):
    """A block in a stream; without one, a block as any."""
    return StreamContext(stream)


_SUBMODULES = ("amp", "nvtx", "random", "memory")


def __getattr__(name):
    from .._types_legacy import cuda_types

    if name in cuda_types:
        return cuda_types[name]
    if name in _SUBMODULES:
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    if name == "OutOfMemoryError":
        from .._errors import OutOfMemoryError

        return OutOfMemoryError
    raise AttributeError(f"module 'torch.cuda' has no attribute '{name}'")
