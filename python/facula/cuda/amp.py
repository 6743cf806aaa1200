"""torch.cuda.amp: autocast and gradient scaling by their older names, for the device cuda."""

from .. import amp as _amp
from ..amp._older_names import older_names, warn_older

__all__ = ["GradScaler", "autocast", "custom_bwd", "custom_fwd"]

autocast, GradScaler = older_names("cuda", None)


def custom_fwd(fwd=None, *, cast_inputs=None):
    """torch.amp.custom_fwd for cuda."""
    warn_older("cuda", "custom_fwd")
    return _amp.custom_fwd(fwd, device_type="cuda", cast_inputs=cast_inputs)


def custom_bwd(bwd):
    """torch.amp.custom_bwd for cuda."""
    warn_older("cuda", "custom_bwd")
    return _amp.custom_bwd(bwd, device_type="cuda")
