"""Which kinds of attention scaled_dot_product_attention() may choose; facula has one of its own."""

import contextlib
import enum

from facula.backends import cuda

__all__ = ["SDPBackend", "sdpa_kernel"]


class SDPBackend(enum.IntEnum):
    """The kinds of attention that PyTorch has."""

    ERROR = -1
    MATH = 0
    FLASH_ATTENTION = 1
    EFFICIENT_ATTENTION = 2
    CUDNN_ATTENTION = 3
    OVERRIDEABLE = 4

    def __repr__(self):
        return f"<SDPBackend.{self.name}: {self.value}>"


@contextlib.contextmanager
def sdpa_kernel(backends, set_priority=False):
    """The kinds of attention that may be chosen, inside the block: kept, without effect."""
    assert isinstance(backends, (list, SDPBackend)), (
        "Backend must be an instance of SDPBackend or a list of SDPBackend instances, got "
        f"{type(backends).__name__}"
    )
    allowed = [backends] if isinstance(backends, SDPBackend) else backends
    with cuda.sdp_kernel(
        SDPBackend.FLASH_ATTENTION in allowed,
        SDPBackend.MATH in allowed,
        SDPBackend.EFFICIENT_ATTENTION in allowed,
        SDPBackend.CUDNN_ATTENTION in allowed,
    ):
        yield {}
