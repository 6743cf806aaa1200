"""Tensors of layout sparse_coo."""

from . import _C
from ._C import Tensor
from .autograd.function import Function


def sparse_coo_tensor(
    indices,
    values=None,
    size=None,
    *,
    dtype=None,
    device=None,
    pin_memory=False,
    requires_grad=False,
    check_invariants=None,
    is_coalesced=None,
):
    """A tensor that is zero but at the columns of indices, (sparse_dim, nnz), where it has values.

    Without size, the smallest that holds all places; with size alone, zeros. Places that lie
    outside are refused always, whatever check_invariants says.
    """
    if pin_memory:
        raise RuntimeError("Cannot access accelerator device when none is available.")
    if values is None:
        size = indices if size is None else size
        result = _C.zeros(size, dtype=dtype, layout=_C.sparse_coo, device=device)
        return result.requires_grad_(requires_grad)
    indices = _C._from_data(indices, _C.int64, device, False)
    if not isinstance(values, Tensor):
        values = _C._from_data(values, dtype, device, False)
    elif dtype is not None:
        values = values.to(dtype)
    if size is None:
        if indices.dim() != 2:
            raise RuntimeError(f"indices must be sparse_dim x nnz, but got: {list(indices.shape)}")
        if indices.size(1) == 0:
            size = [0] * indices.size(0)
        else:
            size = (indices.amax(1) + 1).tolist()
        size += values.shape[1:]
    result = _C._sparse_coo_tensor_unsafe(indices, values, size, is_coalesced=is_coalesced)
    return result.detach().requires_grad_() if requires_grad else result


def mm(mat1, mat2):
    """The product of a sparse and a strided matrix."""
    return _C.mm(mat1, mat2)


def sum(input, dim=None, dtype=None):
    """The sum of a sparse tensor, over all or some dimensions."""
    return _C.sum(input, dtype=dtype) if dim is None else _C.sum(input, dim, dtype=dtype)


class _ToDense(Function):
    """to_dense() whose gradient has all places, not only those of its operand."""

    @staticmethod
    def forward(ctx, x):
        return x._to_dense()

    @staticmethod
    def backward(ctx, grad):
        return grad.to_sparse()
