"""facula: PyTorch's tensors and autograd, small."""

from . import _C
from ._C import *
from . import _levels, _tensor, _tensor_str
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

__version__ = "2.13.0+facula0.1.0"

from math import e, inf, nan, pi

newaxis = None

# Modules that few programs need load when they are first asked for.
_LAZY = frozenset(
    """
    optim utils func distributed linalg fft special sparse testing jit backends
    io multiprocessing overrides amp profiler hub onnx distributions return_types version types
    serialization storage mps xpu library compiler nested quantization ao futures
    """.split()
)
_FROM = {"save": "serialization", "load": "serialization", "vmap": "func",
         "autocast": "amp", "ops": "_op_overload", "capture": "_capture",
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
        is_autocast_enabled set_autocast_enabled get_autocast_dtype set_autocast_dtype
        is_autocast_cache_enabled set_autocast_cache_enabled clear_autocast_cache
        autocast_increment_nesting autocast_decrement_nesting is_autocast_cpu_enabled
        set_autocast_cpu_enabled get_autocast_cpu_dtype set_autocast_cpu_dtype
        get_autocast_gpu_dtype
        """.split(),
        "amp.autocast_mode",
    )
)


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
    if name[:1] == "_" and name[:2] != "__" and hasattr(_C, name):  # ops that PyTorch keeps private
        return getattr(_C, name)
    raise AttributeError(f"module 'torch' has no attribute '{name}' (facula does not have it)")


def get_device_module(device=None):  # noqa: F811
    """The module of a device type: torch.cpu or torch.cuda."""
    return cuda


def is_grad_enabled():
    """Whether this thread records."""
    return _C.is_grad_enabled()


def use_deterministic_algorithms(mode, *, warn_only=False):
    """Nothing to change: every kernel of facula is deterministic."""


def are_deterministic_algorithms_enabled():
    """True: every kernel of facula is deterministic."""
    return True


def set_float32_matmul_precision(precision):
    """Accepted and ignored: products of float32 are always computed in float32."""
    if precision not in ("highest", "high", "medium"):
        raise RuntimeError(
            f"{precision} is not one of 'highest', 'high', or 'medium', "
            "the currently supported float32_matmul_precision types"
        )


def get_float32_matmul_precision():
    """Always 'highest'."""
    return "highest"


def set_num_interop_threads(n):
    """Accepted and ignored: there is one pool."""


def get_num_interop_threads():
    """One: there is one pool."""
    return 1


def compile(model=None, **kwargs):
    """Raises: facula has no compiler yet."""
    raise NotImplementedError("facula has no torch.compile")
