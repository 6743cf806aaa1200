"""Padding as modules. One number pads every side alike."""

from facula.nn import functional as F
from facula.nn.modules.module import Module
from facula.nn.modules.utils import _ntuple

__all__ = [
    f"{kind}Pad{n}d"
    for kind in ("Circular", "Constant", "Reflection", "Replication", "Zero")
    for n in (1, 2, 3)
]


class _PadNd(Module):
    """Subclasses give the mode and the number of sides."""

    _mode = None
    _sides = None

    def __init__(self, padding):
        super().__init__()
        self.padding = _ntuple(self._sides, "padding")(padding)

    def forward(self, input):
        return F.pad(input, self.padding, self._mode)

    def extra_repr(self):
        return f"{self.padding}"


class _CircularPadNd(_PadNd):
    _mode = "circular"

    def _check_input_dim(self, input):
        n = self._sides // 2
        if input.dim() not in (n + 1, n + 2):
            raise ValueError(f"expected {n + 1}D or {n + 2}D input (got {input.dim()}D input)")

    def forward(self, input):
        self._check_input_dim(input)
        return F.pad(input, self.padding, self._mode)


class CircularPad1d(_CircularPadNd):
    """Pads (N, C, L) with values from the other end."""

    _sides = 2


class CircularPad2d(_CircularPadNd):
    """Pads (N, C, H, W) with values from the other end."""

    _sides = 4


class CircularPad3d(_CircularPadNd):
    """Pads (N, C, D, H, W) with values from the other end."""

    _sides = 6


class _ConstantPadNd(_PadNd):
    def __init__(self, padding, value):
        Module.__init__(self)
        self.value = value
        self.padding = _ntuple(self._sides, "padding")(padding)

    def forward(self, input):
        return F.pad(input, self.padding, "constant", self.value)

    def extra_repr(self):
        return f"padding={self.padding}, value={self.value}"


class ConstantPad1d(_ConstantPadNd):
    """Pads the last dimension with a value."""

    _sides = 2


class ConstantPad2d(_ConstantPadNd):
    """Pads the last two dimensions with a value."""

    _sides = 4


class ConstantPad3d(_ConstantPadNd):
    """Pads the last three dimensions with a value."""

    _sides = 6


class _ReflectionPadNd(_PadNd):
    _mode = "reflect"


class ReflectionPad1d(_ReflectionPadNd):
    """Pads (N, C, L) with values mirrored at the border."""

    _sides = 2


class ReflectionPad2d(_ReflectionPadNd):
    """Pads (N, C, H, W) with values mirrored at the border."""

    _sides = 4


class ReflectionPad3d(_ReflectionPadNd):
    """Pads (N, C, D, H, W) with values mirrored at the border."""

    _sides = 6


class _ReplicationPadNd(_PadNd):
    _mode = "replicate"


class ReplicationPad1d(_ReplicationPadNd):
    """Pads (N, C, L) with the value at the border."""

    _sides = 2


class ReplicationPad2d(_ReplicationPadNd):
    """Pads (N, C, H, W) with the value at the border."""

    _sides = 4


class ReplicationPad3d(_ReplicationPadNd):
    """Pads (N, C, D, H, W) with the value at the border."""

    _sides = 6


class ZeroPad1d(ConstantPad1d):
    """Pads the last dimension with zeros."""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ZeroPad2d(ConstantPad2d):
    """Pads the last two dimensions with zeros."""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"


class ZeroPad3d(ConstantPad3d):
    """Pads the last three dimensions with zeros."""

    def __init__(self, padding):
        super().__init__(padding, 0.0)

    def extra_repr(self):
        return f"{self.padding}"
