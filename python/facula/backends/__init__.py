"""What programs ask of back ends: which there are, and switches with nothing to switch."""

from . import cpu, cuda, cudnn, mkl, mkldnn, mps, openmp

__all__ = ["cpu", "cuda", "cudnn", "mkl", "mkldnn", "mps", "openmp"]

# Accepted as everywhere; float32 is always computed in float32.
fp32_precision = "none"
