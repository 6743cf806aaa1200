"""How tensors and storages cross from one process to another: as the number of a shared file."""

from multiprocessing.reduction import DupFd, ForkingPickler

from .. import _C
from ..nn.parameter import Parameter
from ..storage import TypedStorage, UntypedStorage


def _rebuild_storage(file, nbytes):
    return _C._storage_from_shared(file.detach(), nbytes)


def reduce_storage(storage):
    """A storage as what makes one over the same memory elsewhere."""
    if storage.device.type != "cpu":
        return storage.__reduce_ex__(2)
    storage.share_memory_()
    return _rebuild_storage, (DupFd(_C._storage_file(storage)), storage.nbytes())


def _rebuild_typed_storage(storage, dtype):
    return TypedStorage(wrap_storage=storage, dtype=dtype, _internal=True)


def reduce_typed_storage(storage):
    """A typed storage as what makes one over the same memory elsewhere."""
    return _rebuild_typed_storage, (storage._untyped_storage, storage.dtype)


def _rebuild_tensor(kind, storage, dtype, offset, size, stride, requires_grad):
    tensor = _C._over_storage(storage, dtype, offset, size, stride, False)
    if kind is Parameter:
        return Parameter(tensor, requires_grad)
    return tensor.requires_grad_(True) if requires_grad else tensor


def reduce_tensor(tensor):
    """A tensor as what makes one over the same memory elsewhere."""
    if tensor.requires_grad and not tensor.is_leaf:
        raise RuntimeError(
            "Cowardly refusing to serialize non-leaf tensor which requires_grad, since autograd "
            "does not support crossing process boundaries.  If you just want to transfer the data, "
            "call detach() on the tensor before serializing (e.g., putting it on the queue)."
        )
    from ..utils.hooks import warn_if_has_hooks

    warn_if_has_hooks(tensor)
    if tensor.device.type != "cpu" or tensor.is_sparse or tensor.is_conj() or tensor.is_neg():
        return tensor.__reduce_ex__(2)
    geometry = (tensor.storage_offset(), tuple(tensor.shape), tensor.stride())
    parts = (tensor.untyped_storage(), tensor.dtype, *geometry, tensor.requires_grad)
    return _rebuild_tensor, (type(tensor), *parts)


def init_reductions():
    """Tells multiprocessing's pickler of tensors and storages."""
    ForkingPickler.register(UntypedStorage, reduce_storage)
    ForkingPickler.register(TypedStorage, reduce_typed_storage)
    ForkingPickler.register(_C.Tensor, reduce_tensor)
    ForkingPickler.register(Parameter, reduce_tensor)
