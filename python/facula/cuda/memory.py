"""The memory of CUDA devices: torch.cuda's functions of the same names."""

__all__ = [name for name in dir() if name[0] != "_"]
