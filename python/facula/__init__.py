"""facula: PyTorch's tensors and autograd, small."""

from ._C import *  # noqa: F403
from . import _C, _tensor, _tensor_str
from ._C import Size, Tensor, device, dtype, layout, memory_format, tensor  # noqa: F401
from ._tensor import as_tensor, asarray, is_tensor  # noqa: F401
from ._tensor_str import set_printoptions  # noqa: F401
from .functional import einsum  # noqa: F401
from .autograd.grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled  # noqa: F401

__version__ = "0.1.0"
