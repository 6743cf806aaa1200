"""Names for type annotations."""

import os
from collections.abc import Sequence
from typing import IO, Union

from . import SymBool, SymFloat, SymInt, Tensor
from ._C import Size
from ._C import device as _device
from .autograd.graph import GradientEdge

__all__ = ["Device", "FileLike", "Number"]

_TensorOrTensors = Union[Tensor, Sequence[Tensor]]
_TensorOrTensorsOrGradEdge = Union[Tensor, Sequence[Tensor], GradientEdge, Sequence[GradientEdge]]
_size = Union[Size, list[int], tuple[int, ...]]
_symsize = Union[Size, Sequence[Union[int, SymInt]]]
_dispatchkey = str
IntLikeType = Union[int, SymInt]
FloatLikeType = Union[float, SymFloat]
BoolLikeType = Union[bool, SymBool]
py_sym_types = (SymInt, SymFloat, SymBool)
PySymType = Union[SymInt, SymFloat, SymBool]
Number = Union[int, float, bool]
Device = Union[_device, str, int, None]
FileLike = Union[str, os.PathLike, IO[bytes]]


def __getattr__(name):
    if name in ("Storage", "UntypedStorage"):
        from .storage import UntypedStorage

        return UntypedStorage
    raise AttributeError(f"module 'torch.types' has no attribute '{name}'")
