# What type checkers see of facula. Ops come from _ops.pyi, generated from spec/.
from contextlib import AbstractContextManager
from typing import Any

from . import autograd as autograd
from . import cuda as cuda
from . import nn as nn
from . import optim as optim
from . import random as random
from . import utils as utils
from ._ops import *  # noqa: F403
from ._types import Generator as Generator
from ._types import Size as Size
from ._types import Tensor as Tensor
from ._types import _bool, _device, _dtype, _float, _int
from ._types import device as device
from ._types import dtype as dtype
from ._types import layout as layout
from ._types import memory_format as memory_format
from .autograd.grad_mode import enable_grad as enable_grad
from .autograd.grad_mode import inference_mode as inference_mode
from .autograd.grad_mode import no_grad as no_grad
from .autograd.grad_mode import set_grad_enabled as set_grad_enabled

__version__: str
inf: _float
nan: _float
pi: _float
e: _float
newaxis: None
strided: layout
sparse_coo: layout
contiguous_format: memory_format
channels_last: memory_format
channels_last_3d: memory_format
preserve_format: memory_format
bool: dtype
uint8: dtype
uint16: dtype
uint32: dtype
uint64: dtype
int8: dtype
int16: dtype
int32: dtype
int64: dtype
float16: dtype
bfloat16: dtype
float32: dtype
float64: dtype
complex64: dtype
complex128: dtype
half: dtype
float: dtype
double: dtype
short: dtype
int: dtype
long: dtype
cfloat: dtype
cdouble: dtype

def tensor(
    data: Any,
    *,
    dtype: _dtype | None = None,
    device: _device | str | _int | None = None,
    requires_grad: _bool = False,
    pin_memory: _bool = False,
) -> Tensor: ...
def as_tensor(
    data: Any, dtype: _dtype | None = None, device: _device | str | None = None
) -> Tensor: ...
def from_numpy(array: Any) -> Tensor: ...
def frombuffer(
    buffer: Any,
    *,
    dtype: _dtype,
    count: _int = -1,
    offset: _int = 0,
    requires_grad: _bool = False,
) -> Tensor: ...
def is_tensor(obj: object) -> _bool: ...
def manual_seed(seed: _int) -> Generator: ...
def seed() -> _int: ...
def initial_seed() -> _int: ...
def get_rng_state() -> Tensor: ...
def set_rng_state(new_state: Tensor) -> None: ...
def fork_rng(*args: Any, **kwargs: Any) -> AbstractContextManager[None]: ...
def is_grad_enabled() -> _bool: ...
def is_inference_mode_enabled() -> _bool: ...
def is_anomaly_enabled() -> _bool: ...
def is_anomaly_check_nan_enabled() -> _bool: ...
def set_default_dtype(d: _dtype, /) -> None: ...
def get_default_dtype() -> _dtype: ...
def promote_types(type1: _dtype, type2: _dtype) -> _dtype: ...
def can_cast(from_: _dtype, to: _dtype) -> _bool: ...
def result_type(tensor: Any, other: Any) -> _dtype: ...
def set_num_threads(n: _int, /) -> None: ...
def get_num_threads() -> _int: ...
def set_printoptions(
    precision: _int | None = None,
    threshold: _float | None = None,
    edgeitems: _int | None = None,
    linewidth: _int | None = None,
    profile: str | None = None,
    sci_mode: _bool | None = None,
) -> None: ...
def einsum(equation: str, *operands: Any) -> Tensor: ...
def __getattr__(name: str) -> Any: ...
