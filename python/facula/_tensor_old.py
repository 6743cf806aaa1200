"""Methods of tensors that older programs call, and those of other devices."""

import warnings

from . import _C
from ._C import Tensor


def _resize(self, *sizes):
    """This tensor in another shape of as many elements; deprecated for view and reshape."""
    warnings.warn("non-inplace resize is deprecated", stacklevel=2)
    sizes = sizes[0] if len(sizes) == 1 and isinstance(sizes[0], (tuple, list)) else sizes
    count = 1
    for n in sizes:
        count *= n
    if count != self.numel():
        raise RuntimeError(
            f"requested resize to {'x'.join(map(str, sizes))} ({count} elements in total), but the "
            f"given tensor has a size of {'x'.join(map(str, self.shape))} ({self.numel()} "
            "elements). autograd's resize can only change the shape of a given tensor, while "
            "preserving the number of elements. "
        )
    return self.contiguous().view(*sizes)


def _resize_as(self, tensor):
    """This tensor in the shape of another; deprecated for view_as and reshape_as."""
    warnings.warn("non-inplace resize_as is deprecated", stacklevel=2)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return _resize(self, tuple(tensor.shape))


_OTHERS = {1: ["'other'"], 2: ["argument 'x'", "argument 'y'"]}  # as the texts of errors call them


def _real(x):
    import math

    math.isnan(x)  # refuses texts, which float() takes
    return float(x)


def _integer(x):
    from operator import index

    return int(x) if isinstance(x, float) else index(x)


def _elementwise(name, self, callable, others):
    if any(t.requires_grad for t in (self, *others)):
        raise RuntimeError(
            f"Can't call {name}() on Variable that requires grad. "
            f"Use var.detach().{name}() instead."
        )
    for i, other in enumerate(others):
        if other.dtype is not self.dtype:
            raise TypeError(
                f"{name}: expected {self.type()} for {_OTHERS[len(others)][i]} (got {other.type()})"
            )
    rows = [t.expand(self.shape).flatten().tolist() for t in (self, *others)]
    if self.dtype.is_floating_point:
        of = _real
    else:
        of = complex if self.dtype.is_complex else _integer
    values = [of(callable(*row)) for row in zip(*rows)]
    return self.copy_(_C.tensor(values, dtype=self.dtype).view(self.shape))


def _apply_(self, callable):
    """Replaces each element x by callable(x): slow, and on the CPU alone."""
    return _elementwise("apply_", self, callable, ())


def _map_(self, tensor, callable):
    """Replaces each element x by callable(x, y), y that of the other tensor."""
    return _elementwise("map_", self, callable, (tensor,))


def _map2_(self, x, y, callable):
    """Replaces each element by callable() of it and of those of x and y."""
    return _elementwise("map2_", self, callable, (x, y))


def _not_compiled(name):
    def move(self, device=None, non_blocking=False, memory_format=_C.preserve_format):
        if name == "ipu":
            raise RuntimeError("PyTorch is not linked with support for ipu devices")
        raise AssertionError(f"Torch not compiled with {name.upper()} enabled")

    move.__name__ = name
    move.__doc__ = f"Raises: facula has no {name} back end."
    return move


def _record_stream(self, stream):
    """Raises: memory of the CPU is used in the order of calls, in no stream."""
    raise NotImplementedError(
        "Could not run 'aten::record_stream' with arguments from the 'CPU' backend."
    )


def _share_memory_(self):
    """Moves this tensor's memory to where other processes can see it."""
    self.untyped_storage().share_memory_()
    return self


def _module_load(self, other, assign=False):
    """What load_state_dict() puts in this tensor's place: other, or a copy of it."""
    return other.detach() if assign else self.copy_(other).detach()


Tensor.resize = _resize
Tensor.resize_as = _resize_as
Tensor.apply_ = _apply_
Tensor.map_ = _map_
Tensor.map2_ = _map2_
Tensor.record_stream = _record_stream
Tensor.share_memory_ = _share_memory_
Tensor.module_load = _module_load
Tensor.is_distributed = lambda self: False
for _name in ("xpu", "ipu", "mtia"):
    setattr(Tensor, _name, _not_compiled(_name))


def _refuse(name):
    def set_(self, value):
        raise AttributeError(f"attribute '{name}' of 'Tensor' objects is not writable")

    return set_


def _volatile(self):
    warnings.warn("volatile was removed (Variable.volatile is always False)", stacklevel=2)
    return False


def _set_volatile(self, value):
    warnings.warn(
        "volatile was removed and now has no effect. Use `with torch.no_grad():` instead.",
        stacklevel=2,
    )


Tensor.name = property(lambda self: None, _refuse("name"))
Tensor.volatile = property(_volatile, _set_volatile)
Tensor.is_sparse_csr = property(lambda self: False, _refuse("is_sparse_csr"))
