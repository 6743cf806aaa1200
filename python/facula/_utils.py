"""What pickles of parameters name, and exceptions that cross processes."""

import contextlib
import threading


def _named(name, args):
    """What pickles of dtypes, devices, sizes and the Tensor class are made of."""
    import facula

    value = getattr(facula, name)
    return value if args is None else value(*args)


def _found(path):
    """What pickles of functions and classes are made of that tell PyTorch's module, or none."""
    import importlib

    space, _, name = path.rpartition(".")
    value = importlib.import_module("facula")
    for part in filter(None, space.split(".")):
        if not hasattr(value, part):
            importlib.import_module(f"{value.__name__}.{part}")
        value = getattr(value, part)
    return getattr(value, name)


def _reduce_function(function):
    from .overrides import resolve_name

    name = resolve_name(function)
    if name is None:
        raise TypeError(f"cannot pickle {function!r}, which has no public name")
    return _found, (name.removeprefix("torch."),)


def _record(name, values):
    """A named result, as torch.max(x, 0) returns."""
    from . import return_types

    return getattr(return_types, name)(values)


def _reduce_record(record):
    return _record, (type(record).__name__, tuple(record))


def _rebuild_tensor(storage, storage_offset, size, stride):
    """A tensor over a storage. What reaches beyond the storage's end is refused."""
    from facula import _C

    return _C._over_storage(
        storage._untyped_storage, storage.dtype, storage_offset, size, stride, False
    )


def _finish(tensor, requires_grad, hooks, metadata):
    if metadata:
        unknown = set(metadata) - {"conj", "neg"}
        if unknown:
            raise RuntimeError(f"unknown tensor metadata in a pickle: {sorted(unknown)}")
        from facula import _C

        if metadata.get("neg"):
            tensor = _C._neg_view(tensor)
        if metadata.get("conj"):
            tensor = tensor.conj()
    if requires_grad:
        tensor.requires_grad_(True)
    if hooks:
        tensor._backward_hooks = hooks
    return tensor


def _rebuild_tensor_v2(
    storage, storage_offset, size, stride, requires_grad, backward_hooks, metadata=None
):
    tensor = _rebuild_tensor(storage, storage_offset, size, stride)
    return _finish(tensor, requires_grad, backward_hooks, metadata)


def _rebuild_tensor_v3(
    storage, storage_offset, size, stride, requires_grad, backward_hooks, dtype, metadata=None
):
    from facula import _C

    storage = getattr(storage, "_untyped_storage", storage)
    tensor = _C._over_storage(storage, dtype, storage_offset, size, stride, False)
    return _finish(tensor, requires_grad, backward_hooks, metadata)


def _rebuild_meta_tensor_no_storage(dtype, size, stride, requires_grad):
    from facula import _C

    return _C.empty_strided(
        size, stride, dtype=dtype, device="meta", requires_grad=requires_grad
    )  # fmt: skip


def _rebuild_device_tensor_from_cpu_tensor(data, dtype, device, requires_grad):
    tensor = data.to(device=device, dtype=dtype)
    return tensor.requires_grad_(requires_grad)


_loading = threading.local()  # .sparse: what finishes tensors whose indices are yet to be read


@contextlib.contextmanager
def sparse_pending():
    """Within it, sparse tensors are made of zeros: a list of what makes them anew later."""
    before = getattr(_loading, "sparse", None)
    _loading.sparse = []
    try:
        yield _loading.sparse
    finally:
        _loading.sparse = before


def _rebuild_sparse_tensor(layout, data):
    from facula import _C
    from facula.sparse import sparse_coo_tensor

    if layout is not _C.sparse_coo:
        raise NotImplementedError(f"rebuilding sparse tensor for layout {layout}")
    indices, values, size, *rest = data
    coalesced = rest[0] if rest else None

    def make():
        return sparse_coo_tensor(indices, values, size, is_coalesced=coalesced)

    tensor = make()
    pending = getattr(_loading, "sparse", None)
    if pending is not None:
        pending.append(lambda: setattr(tensor, "data", make()))
    return tensor


def _rebuild_parameter(data, requires_grad, backward_hooks):
    from facula.nn.parameter import Parameter

    param = Parameter(data, requires_grad)
    if backward_hooks:
        param._backward_hooks = backward_hooks
    return param


def _rebuild_parameter_with_state(data, requires_grad, backward_hooks, state):
    param = _rebuild_parameter(data, requires_grad, backward_hooks)
    return _set_state(param, state)


def _get_state(obj):
    """An object's attributes, as pickles have them: its dictionary, with its slots if any."""
    import copyreg

    state = dict(obj.__dict__) if getattr(obj, "__dict__", None) else None
    slots = {
        name: getattr(obj, name) for name in copyreg._slotnames(type(obj)) if hasattr(obj, name)
    }
    return (state, slots) if slots else state


def _set_state(obj, state):
    """Gives an object the attributes that _get_state() found."""
    if isinstance(state, tuple):
        if len(state) != 2:
            raise RuntimeError(f"Invalid serialized state: {state}")
        states = state
    else:
        states = (state,)
    for part in states:
        for name, value in (part or {}).items():
            if name[:2] == "__":
                raise RuntimeError(f"{name} is not an attribute that a pickle may set")
            setattr(obj, name, value)
    return obj


class KeyErrorMessage(str):
    """A text whose repr is itself: KeyError prints the repr of its argument."""

    def __repr__(self):
        return self


class ExceptionWrapper:
    """An exception on its way to another thread or process, with its traceback as text."""

    def __init__(self, exc_info=None, where="in background"):
        import sys
        import traceback

        kind, value, trace = exc_info or sys.exc_info()
        self.exc_type = kind
        self.exc_msg = "".join(traceback.format_exception(kind, value, trace))
        self.where = where

    def __getstate__(self):
        import pickle

        state = self.__dict__.copy()
        try:
            pickle.dumps(self.exc_type)
        except Exception:
            state["exc_type"] = RuntimeError  # a class that the other side could not find
            state["name"] = self.exc_type.__name__
        return state

    def reraise(self):
        """Raise the exception again, its text with the traceback from where it came."""
        name = self.__dict__.get("name", self.exc_type.__name__)
        text = f"Caught {name} {self.where}.\nOriginal {self.exc_msg}"
        if self.exc_type is KeyError:
            text = KeyErrorMessage(text)
        elif getattr(self.exc_type, "message", None):
            raise self.exc_type(message=text)
        try:
            exception = self.exc_type(text)
        except Exception:
            raise RuntimeError(text) from None  # its constructor takes something else
        raise exception


def _flatten_dense_tensors(tensors):
    """The elements of several tensors of one dtype as a single vector."""
    from facula import _C

    return _C.cat([t.contiguous().view(-1) for t in tensors])


def _unflatten_dense_tensors(flat, tensors):
    """Views of a vector in the shapes of tensors, one after the other."""
    from facula import _C

    views, at = [], 0
    for t in tensors:
        n = t.numel()  # empty tensors share nothing
        views.append(flat.narrow(0, at, n).view_as(t) if n else _C.zeros_like(t))
        at += n
    return tuple(views)
