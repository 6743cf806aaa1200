"""The device of what factory functions make when they are not told."""

from . import _C


def get_default_device():
    """The device on which this thread's factory functions make tensors."""
    device = _C._get_default_device()
    if device is None:
        return _C.device("cpu")
    if device.type == "cuda" and device.index is None:
        raise AssertionError("Torch not compiled with CUDA enabled")
    return device


def set_default_device(device):
    """Sets the device of this thread's factory functions; None: the CPU again."""
    _C._set_default_device(None if device is None else _C.device(device))
