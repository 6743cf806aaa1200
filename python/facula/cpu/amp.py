"""torch.cpu.amp: autocast and gradient scaling by their older names, for the CPU."""

from .. import _C
from ..amp._older_names import older_names

__all__ = ["GradScaler", "autocast"]

autocast, GradScaler = older_names("cpu", _C.bfloat16)
