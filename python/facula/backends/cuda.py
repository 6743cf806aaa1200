"""CUDA's switches: kept as they are set, without effect while there is no CUDA plug-in."""

import contextlib


class _Matmul:
    allow_tf32 = False
    allow_fp16_reduced_precision_reduction = True
    allow_bf16_reduced_precision_reduction = True
    allow_fp16_accumulation = False
    fp32_precision = "none"


matmul = _Matmul()
_sdp = {"flash": True, "mem_efficient": True, "math": True, "cudnn": True}


def is_built():
    """False: facula was built without CUDA."""
    return False


def flash_sdp_enabled():
    """Whether flash attention may be chosen."""
    return _sdp["flash"]


def mem_efficient_sdp_enabled():
    """Whether memory-efficient attention may be chosen."""
    return _sdp["mem_efficient"]


def math_sdp_enabled():
    """Whether plain attention may be chosen."""
    return _sdp["math"]


def cudnn_sdp_enabled():
    """Whether cuDNN's attention may be chosen."""
    return _sdp["cudnn"]


def enable_flash_sdp(enabled):
    """Lets flash attention be chosen or not."""
    _sdp["flash"] = bool(enabled)


def enable_mem_efficient_sdp(enabled):
    """Lets memory-efficient attention be chosen or not."""
    _sdp["mem_efficient"] = bool(enabled)


def enable_math_sdp(enabled):
    """Lets plain attention be chosen or not."""
    _sdp["math"] = bool(enabled)


def enable_cudnn_sdp(enabled):
    """Lets cuDNN's attention be chosen or not."""
    _sdp["cudnn"] = bool(enabled)


@contextlib.contextmanager
def sdp_kernel(enable_flash=True, enable_math=True, enable_mem_efficient=True, enable_cudnn=True):
    """The kinds of attention that may be chosen, inside the block."""
    old = dict(_sdp)
    _sdp.update(
        flash=bool(enable_flash),
        math=bool(enable_math),
        mem_efficient=bool(enable_mem_efficient),
        cudnn=bool(enable_cudnn),
    )
    try:
        yield {}
    finally:
        _sdp.update(old)
