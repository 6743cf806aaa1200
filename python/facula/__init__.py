"""facula: PyTorch's tensors and autograd, small."""

from ._C import *  # noqa: F403
from . import _C, _tensor, _tensor_str  # noqa: F401
from ._C import Generator, Size, Tensor, device, dtype, layout, memory_format, tensor  # noqa: F401
from ._numeric import finfo, iinfo  # noqa: F401
from ._tensor import as_tensor, asarray, from_dlpack, frombuffer, is_tensor, typename  # noqa: F401
from ._tensor import is_complex, is_floating_point, is_storage, numel, to_dlpack  # noqa: F401
from ._tensor_str import set_printoptions  # noqa: F401
from ._types_legacy import *  # noqa: F403
from .autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled  # noqa: F401
from .functional import *  # noqa: F403
from .random import (  # noqa: F401
    default_generator,
    fork_rng,
    get_rng_state,
    initial_seed,
    manual_seed,
    seed,
    set_rng_state,
)
from . import autograd, cuda, nn, random  # noqa: E402, F401

__version__ = "2.13.0+facula0.1.0"

from math import e, inf, nan, pi  # noqa: E402, F401

newaxis = None

# Modules that few programs need load when they are first asked for.
_LAZY = {"optim", "utils", "func", "distributed", "linalg", "fft", "special", "sparse", "testing", "jit",
         "backends", "multiprocessing", "overrides", "amp", "profiler", "hub", "onnx", "distributions",
         "return_types", "version", "types", "serialization", "storage", "mps", "xpu", "library",
         "compiler", "nested", "quantization", "ao", "futures"}  # fmt: skip
_FROM = {"save": "serialization", "load": "serialization", "vmap": "func",
         "autocast": "amp", "UntypedStorage": "storage", "TypedStorage": "storage"}  # fmt: skip


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
    raise AttributeError(f"module 'torch' has no attribute '{name}' (facula does not have it)")


def get_device_module(device=None):
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
