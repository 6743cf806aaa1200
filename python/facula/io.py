"""Tensors in files: NumPy's .npy, and safetensors with the names of safetensors.torch.

Files are checked completely before anything in them is used; what breaks the format's rules is a
ValueError. (torch.save and torch.load are in facula.serialization.)
"""

import os

from . import _C

__all__ = ["load_file", "read_npy", "safe_open", "save_file", "write_npy"]


def read_npy(path):
    """The array in a .npy file as a tensor."""
    os.stat(path)  # the system's own error for a missing file
    return _C._npy_read(path)


def write_npy(path, tensor):
    """Write a tensor as a .npy file."""
    _C._npy_write(path, tensor)


class safe_open:
    """A safetensors file, mapped into memory: tensors share its pages until they are written to.

    with safe_open("model.safetensors") as f:
        weight = f.get_tensor("weight")
    """

    def __init__(self, filename, framework="pt", device="cpu"):
        if framework not in ("pt", "torch", "pytorch"):
            raise ValueError(f"framework {framework!r} is not supported")
        os.stat(filename)
        self._file = _C._safetensors_open(filename)
        self._device = device

    def __enter__(self):
        return self

    def __exit__(self, *error):
        self._file = None

    def _open_file(self):
        if self._file is None:
            raise ValueError("the safetensors file is closed")
        return self._file

    def keys(self):
        """The tensors' names, sorted."""
        return _C._safetensors_names(self._open_file())

    def __iter__(self):
        return iter(self.keys())

    def __len__(self):
        return len(self.keys())

    def metadata(self):
        """The file's own notes as a dictionary, None where it has none."""
        return _C._safetensors_metadata(self._open_file()) or None

    def get_tensor(self, name):
        """The tensor of that name."""
        tensor = _C._safetensors_get(self._open_file(), name)
        return tensor if self._device == "cpu" else tensor.to(self._device)


def load_file(filename, device="cpu"):
    """All tensors of a safetensors file by name."""
    with safe_open(filename, device=device) as f:
        return {name: f.get_tensor(name) for name in f.keys()}


def save_file(tensors, filename, metadata=None):
    """Write a dictionary of tensors as a safetensors file; metadata is a dictionary of texts."""
    pairs = [(name, tensor.detach()) for name, tensor in tensors.items()]
    _C._safetensors_write(filename, pairs, list((metadata or {}).items()))
