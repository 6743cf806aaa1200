"""facula: PyTorch's tensors and autograd, small."""

from . import _C
from ._C import *
from . import _levels, _tensor, _tensor_old, _tensor_str
from ._C import Generator, Size, Tensor, device, dtype, layout, memory_format, tensor
from ._device import get_default_device, set_default_device
from ._numeric import finfo, iinfo
from ._tensor import (
    as_tensor,
    asarray,
    frombuffer,
    is_complex,
    is_conj,
    is_floating_point,
    is_inference,
    is_neg,
    is_same_size,
    is_signed,
    is_storage,
    is_tensor,
    numel,
    scalar_tensor,
    typename,
)
from ._tensor_str import set_printoptions
from ._types_legacy import *
from .autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from .functional import *
from .random import (
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)

_levels.guard_methods()

# These read names of this module as they load.
from . import autograd, cuda, nn, random
from .version import __version__

from math import e, inf, nan, pi

newaxis = None

# Modules that few programs need load when they are first asked for.
_LAZY = frozenset(
    """
    optim utils func distributed linalg fft special sparse testing jit backends
    io multiprocessing overrides amp profiler hub onnx distributions return_types version types
    serialization storage mps xpu mtia cpu accelerator library compiler nested quantization ao
    futures __config__ torch_version masked export fx hub package monitor quasirandom signal
    """.split()
)
_FROM = {"save": "serialization", "load": "serialization", "vmap": "func",
         "autocast": "amp", "GradScaler": "amp", "ops": "_op_overload", "capture": "_capture",
         "DisableTorchFunction": "overrides", "DisableTorchFunctionSubclass": "overrides",
         "sparse_coo_tensor": "sparse", "from_dlpack": "_dlpack", "to_dlpack": "_dlpack",
         "UntypedStorage": "storage", "TypedStorage": "storage", "Storage": "storage",
         "from_file": "storage"}  # fmt: skip
_FROM.update(
    dict.fromkeys(
        """
        BFloat16Storage BoolStorage ByteStorage CharStorage ComplexDoubleStorage
        ComplexFloatStorage DoubleStorage FloatStorage HalfStorage IntStorage LongStorage
        ShortStorage
        """.split(),
        "storage",
    )
)
_FROM.update(
    dict.fromkeys(
        """
        use_deterministic_algorithms are_deterministic_algorithms_enabled
        is_deterministic_algorithms_warn_only_enabled set_deterministic_debug_mode
        get_deterministic_debug_mode set_float32_matmul_precision get_float32_matmul_precision
        set_num_interop_threads get_num_interop_threads set_flush_denormal
        set_warn_always is_warn_always_enabled
        compiled_with_cxx11_abi set_anomaly_enabled is_anomaly_enabled
        is_anomaly_check_nan_enabled is_vulkan_available get_device is_distributed
        SymInt SymFloat SymBool sym_int sym_float sym_not sym_max sym_min sym_sum sym_ite sym_sqrt
        _assert _check _check_index _check_value _check_type _check_not_implemented
        _check_is_size
        """.split(),
        "_settings",
    )
)
_FROM.update(dict.fromkeys(["norm_except_dim", "_weight_norm"], "nn.utils.weight_norm"))
_FROM.update(
    dict.fromkeys(
        "cosine_similarity pairwise_distance pixel_shuffle pixel_unshuffle bilinear".split(),
        "nn.functional",
    )
)
_FROM.update(dict.fromkeys(["AcceleratorError", "OutOfMemoryError"], "_errors"))
_FROM.update(
    dict.fromkeys(
        """
        is_autocast_enabled set_autocast_enabled get_autocast_dtype set_autocast_dtype
        is_autocast_cache_enabled set_autocast_cache_enabled clear_autocast_cache
        autocast_increment_nesting autocast_decrement_nesting is_autocast_cpu_enabled
        set_autocast_cpu_enabled get_autocast_cpu_dtype set_autocast_cpu_dtype
        get_autocast_gpu_dtype
        """.split(),
        "amp.autocast_mode",
    )
)


def __dir__():
    return sorted(set(globals()) | set(_FROM))


def __getattr__(name):
    import importlib

    if name in _LAZY:
        try:
            return importlib.import_module(f"{__name__}.{name}")
        except ModuleNotFoundError as err:
            if err.name == f"{__name__}.{name}":
                raise AttributeError(f"facula has no torch.{name}") from None
            raise
    if name in _FROM:
        value = getattr(importlib.import_module(f"{__name__}.{_FROM[name]}"), name)
        globals()[name] = value
        return value
    if name == "__all__":  # what a star imports
        names = set(globals()) | set(_FROM)
        return sorted(n for n in names if n[0] != "_" and not _is_module(globals().get(n)))
    if name.startswith("_foreach_"):
        from . import _foreach

        value = _foreach.function(name[len("_foreach_") :])
        if value is not None:
            globals()[name] = value
            return value
    if name[:1] == "_" and name[:2] != "__" and hasattr(_C, name):  # ops that PyTorch keeps private
        return getattr(_C, name)
    raise AttributeError(f"module 'torch' has no attribute '{name}' (facula does not have it)")


def _is_module(value):
    return isinstance(value, type(nn))


def get_device_module(device=None):  # noqa: F811
    """The module of a device type: torch.cpu or torch.cuda."""
    return cuda


def is_grad_enabled():
    """Whether this thread records."""
    return _C.is_grad_enabled()


def compile(model=None, **kwargs):
    """Raises: facula has no compiler yet."""
    raise NotImplementedError("facula has no torch.compile")
