"""Versions of facula and of what it could run on, under the names that programs read."""

from .torch_version import TorchVersion

__version__ = TorchVersion("2.13.0+facula0.1.0")
debug = False
cuda = None
hip = None
rocm = None
xpu = None
git_version = "unknown"
