"""Tensors of layout sparse_coo: the places of the elements that are there, and their values."""


@op("composite", python="_sparse_coo_tensor_unsafe", sparse=True, node="SparseCooTensorWithDimsAndTensorsBackward0", grads={"values": ["indices"]})
def sparse_coo_tensor(indices: Tensor, values: Tensor, size: Ints, *, is_coalesced: bool | None = None) -> Tensor:
    """sparse_coo_tensor(indices, values, size, *, is_coalesced=None) -> Tensor

    A tensor of shape size that is zero but at the columns of indices, (sparse_dim, nnz) int64. values is (nnz, *dense sizes). Places may repeat: their values add up.
    """


@op("composite", function=False, method=True, sparse=True, node="CoalesceBackward0", grads={"input": []})
def coalesce(input: Tensor) -> Tensor:
    """coalesce() -> Tensor

    The same tensor with its places sorted and each named once.
    """


@op("composite", function=False, method=True, sparse=True, no_grad=True)
def indices(input: Tensor) -> Tensor:
    """indices() -> Tensor

    The places of a coalesced tensor, (sparse_dim, nnz) int64.
    """


@op("composite", function=False, method=True, sparse=True, node="ValuesBackward0", grads={"input": ["input"]})
def values(input: Tensor) -> Tensor:
    """values() -> Tensor

    The values of a coalesced tensor, (nnz, *dense sizes).
    """


@op("composite", function=False, method=True, sparse=True, no_grad=True)
def _indices(input: Tensor) -> Tensor:
    """_indices() -> Tensor

    The places as they are, coalesced or not.
    """


@op("composite", function=False, method=True, sparse=True, no_grad=True)
def _values(input: Tensor) -> Tensor:
    """_values() -> Tensor

    The values as they are, coalesced or not.
    """


@op("composite", python="_to_dense", function=False, method=True, sparse=True, node="ToDenseBackward0", grads={"input": ["input"]})
def to_dense(input: Tensor) -> Tensor:
    """to_dense() -> Tensor

    The strided tensor of the same elements.
    """


@op("composite", python="_to_sparse", function=False, method=True, sparse=True, node="ToSparseBackward1", grads={"input": []})
def to_sparse(input: Tensor, sparse_dim: int | None = None) -> Tensor:
    """to_sparse(sparse_dim=None) -> Tensor

    The elements that are not zero, or the slices over the dimensions behind sparse_dim.
    """


@op("composite", function=False, method=True, sparse=True, node="SparseMaskBackward0", grads={"input": ["mask"]})
def sparse_mask(input: Tensor, mask: Tensor) -> Tensor:
    """sparse_mask(mask) -> Tensor

    The elements of a strided tensor at the places of a sparse one.
    """
