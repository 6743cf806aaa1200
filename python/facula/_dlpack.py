"""DLPack: memory shared with other array libraries, in both directions."""

import enum

from . import _C


class DLDeviceType(enum.IntEnum):
    """Devices by DLPack's numbers."""

    kDLCPU = 1
    kDLCUDA = 2
    kDLCUDAHost = 3
    kDLOpenCL = 4
    kDLVulkan = 7
    kDLMetal = 8
    kDLVPI = 9
    kDLROCM = 10
    kDLROCMHost = 11
    kDLExtDev = 12
    kDLCUDAManaged = 13
    kDLOneAPI = 14
    kDLWebGPU = 15
    kDLHexagon = 16
    kDLMAIA = 17


def from_dlpack(ext_tensor, *, device=None, copy=None):
    """A tensor over the memory of an object with __dlpack__; copy=True always copies."""
    if device is not None:
        device = _C.device(device)
        if device.type != "cpu":
            if device.type == "cuda":
                raise AssertionError("Torch not compiled with CUDA enabled")
            raise BufferError(f"Cannot pack tensors on {device}")
    if hasattr(ext_tensor, "__dlpack__"):
        if hasattr(ext_tensor, "__dlpack_device__"):
            ext_tensor.__dlpack_device__()
        keywords = {"max_version": (1, 0)}
        if copy is not None:
            keywords["copy"] = copy
        if device is not None:
            keywords["dl_device"] = (DLDeviceType.kDLCPU, 0)
        try:
            ext_tensor = ext_tensor.__dlpack__(**keywords)
        except TypeError:  # from before versions
            if copy is not None:
                raise
            ext_tensor = ext_tensor.__dlpack__()
    return _C._from_dlpack(ext_tensor)


def export(self, *, stream=-1, max_version=None, dl_device=None, copy=None):
    """This tensor's memory as a DLPack capsule."""
    if self.requires_grad:
        raise BufferError("Can't export tensors that require gradient, use tensor.detach()")
    if self.is_conj():
        raise BufferError("Can't export tensors with the conjugate bit set")
    if self.layout != _C.strided:
        raise BufferError("Can't export tensors with layout other than torch.strided")
    if self.device.type != "cpu":
        raise BufferError(f"Cannot pack tensors on {self.device}")
    if stream is not None and stream != -1:
        raise AssertionError("stream should be None on cpu.")
    if dl_device is not None and int(dl_device[0]) != DLDeviceType.kDLCPU:
        raise BufferError(f"facula has no device of DLPack type {int(dl_device[0])}")
    versioned = max_version is not None and max_version[0] >= 1
    t = self.resolve_neg()
    if copy and t is self:
        t = self.detach().clone()
    return _C._to_dlpack(t, versioned, bool(copy))


def device_of(self):
    """The kind and number of this tensor's device in DLPack."""
    if self.device.type != "cpu":
        raise ValueError(f"Unknown device type {self.device.type} for Dlpack")
    return DLDeviceType.kDLCPU, 0


def to_dlpack(tensor):
    """tensor as a DLPack capsule."""
    return _C._to_dlpack(tensor, False, False)
