"""Picking elements by tensors of positions, by masks and by value, and writing them back."""


@op("structured", function=False, node="IndexBackward0", grads={"input": ["input.shape", "indices"]})
def index(input: Tensor, indices: list[Tensor | None]) -> Tensor:
    """index(input, indices) -> Tensor

    input[indices]: each entry picks along one dimension, a mask along as many as it has; None
    takes a dimension whole. The indices broadcast; their shape stands where they were, or in front
    when they were not side by side.
    """


@op("structured", method=True, inplace=True, update=True, node="IndexPutBackward0",
    grads={"input": ["indices"], "values": ["indices", "values.shape"]})
def index_put(input: Tensor, indices: list[Tensor | None], values: Tensor, accumulate: bool = False) -> Tensor:
    """index_put(input, indices, values, accumulate=False) -> Tensor

    input with input[indices] = values, or += with accumulate, where repeated places add up.
    """


# --- along one dimension


@op("structured", apart=True, out_dtype="index_select(): self and result must have the same scalar type", method=True, out=True, node="IndexSelectBackward0", grads={"input": ["input.shape", "index"]})
def index_select(input: Tensor, dim: int, index: Tensor) -> Tensor:
    """index_select(input, dim, index, *, out=None) -> Tensor

    input's entries at the positions `index`, a vector, along `dim`.
    """


@op("structured", method=True, out=True, update=True, inplace="method", node="IndexAddBackward0", grads={"input": [], "source": ["index", "source.shape"]})
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Scalar = 1) -> Tensor:
    """index_add(input, dim, index, source, *, alpha=1, out=None) -> Tensor

    input with alpha * source[i] added at index[i] along `dim`; repeated indices add up.
    """


@op("structured", method=True, out=True, update=True, inplace="method", node="IndexCopyBackward0", grads={"input": ["index"], "source": ["index", "source.shape"]})
def index_copy(input: Tensor, dim: int, index: Tensor, source: Tensor) -> Tensor:
    """index_copy(input, dim, index, source, *, out=None) -> Tensor

    input with source[i] written at index[i] along `dim`.
    """


@op("structured", method=True, update=True, inplace="method", node="IndexFillBackward0", grads={"input": ["index"], "value": ["index"]},
    signature=[
        "(Tensor input, int dim, Tensor index, Tensor value)",
        "(Tensor input, int dim, Tensor index, Number value)",
    ],
    method_signature=[
        "(int dim, Tensor index, Tensor value)",
        "(int dim, Tensor index, Number value)",
    ],
)
def index_fill(input: Tensor, dim: int, index: Tensor, value: Value) -> Tensor:
    """index_fill(input, dim, index, value) -> Tensor

    input with one value written at the positions `index` along `dim`.
    """


@op("structured", method=True, out=True, update=True, inplace="method", node="IndexReduceBackward0", grads={"input": ["input", "index", "source", "result"], "source": ["input", "index", "source", "result"]})
def index_reduce(input: Tensor, dim: int, index: Tensor, source: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
    """index_reduce(input, dim, index, source, reduce, *, include_self=True, out=None) -> Tensor

    input with source[i] joined to it at index[i] along `dim` by "prod", "mean", "amax" or "amin".
    """


# --- element by element along one dimension


@op("structured", apart=True, method=True, out=True, node="GatherBackward0", grads={"input": ["input.shape", "index"]})
def gather(input: Tensor, dim: int, index: Tensor, *, sparse_grad: bool = False) -> Tensor:
    """gather(input, dim, index, *, sparse_grad=False, out=None) -> Tensor

    out[i][j] = input[index[i][j]][j] for dim 0, and so on for the others.
    """


@op("structured", method=True, out=True, update=True, inplace="method", python="scatter", overload="src", node="ScatterBackward0", grads={"input": ["index"], "src": ["index", "src.shape"]})
def scatter(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """scatter(input, dim, index, src, *, reduce=None, out=None) -> Tensor

    input with out[index[i][j]][j] = src[i][j] for dim 0, and so on for the others.
    """


@op("structured", method=True, out=True, update=True, inplace="method", python="scatter", overload="reduce", node="ScatterBackward2", grads={"input": [], "src": []})
def scatter_src_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, *, reduce: str) -> Tensor:
    """scatter(input, dim, index, src, *, reduce=None, out=None) -> Tensor

    scatter() that joins src to what is there: "add" or "multiply". Without gradient.
    """


@op("structured", method=True, out=True, update=True, inplace="method", python="scatter", overload="value", node="ScatterBackward1", grads={"input": ["index"]})
def scatter_value(input: Tensor, dim: int, index: Tensor, value: Scalar) -> Tensor:
    """scatter(input, dim, index, value, *, reduce=None, out=None) -> Tensor

    input with one value written at the places that `index` names along `dim`.
    """


@op("structured", method=True, out=True, update=True, inplace="method", python="scatter", overload="value_reduce", node="ScatterBackward3", grads={"input": []})
def scatter_value_reduce(input: Tensor, dim: int, index: Tensor, value: Scalar, *, reduce: str) -> Tensor:
    """scatter(input, dim, index, value, *, reduce=None, out=None) -> Tensor

    scatter() of one value, joined to what is there: "add" or "multiply". Without gradient.
    """


@op("structured", method=True, out=True, update=True, inplace="method", node="ScatterAddBackward0", grads={"input": [], "src": ["index", "src.shape"]})
def scatter_add(input: Tensor, dim: int, index: Tensor, src: Tensor) -> Tensor:
    """scatter_add(input, dim, index, src, *, out=None) -> Tensor

    input with src added at the places that `index` names along `dim`; repeated places add up.
    """


@op("structured", method=True, out=True, update=True, inplace="method", python="scatter_reduce", overload="two", node="ScatterReduceBackward0", grads={"input": ["input", "index", "src", "result"], "src": ["input", "index", "src", "result"]})
def scatter_reduce(input: Tensor, dim: int, index: Tensor, src: Tensor, reduce: str, *, include_self: bool = True) -> Tensor:
    """scatter_reduce(input, dim, index, src, reduce, *, include_self=True, out=None) -> Tensor

    input with src joined to it at the places that `index` names along `dim`, by "sum", "prod",
    "mean", "amax" or "amin".
    """


@op("composite", method=True, out=True)
def take_along_dim(input: Tensor, indices: Tensor, dim: int | None = None) -> Tensor:
    """take_along_dim(input, indices, dim=None, *, out=None) -> Tensor

    gather() whose operands broadcast in the other dimensions; of the flattened input without a
    dim.
    """


# --- the flattened input


@op("structured", apart=True, out_dtype="take(): self and out expected to have the same dtype, but got self.dtype = %r and out.dtype = %o", method=True, out=True, node="TakeBackward0", grads={"input": ["input.shape", "index"]})
def take(input: Tensor, index: Tensor) -> Tensor:
    """take(input, index, *, out=None) -> Tensor

    The flattened input's elements at the positions `index`, in index's shape.
    """


@op("structured", method=True, update=True, inplace="method", node="PutBackward0", grads={"input": ["index", "source.shape"], "source": ["index", "source.shape"]})
def put(input: Tensor, index: Tensor, source: Tensor, accumulate: bool = False) -> Tensor:
    """put(input, index, source, accumulate=False) -> Tensor

    input with source's elements written, or added, at the positions `index` of its flattened self.
    """


# --- masks


@op("structured", method=True, inplace="method", node="MaskedFillBackward0", node_tensors="MaskedFillBackward1", grads={"input": ["mask"], "value": ["mask"]},
    signature=[
        "(Tensor input, Tensor mask, Tensor value)",
        "(Tensor input, Tensor mask, Number value)",
    ],
    method_signature=[
        "(Tensor mask, Tensor value)",
        "(Tensor mask, Number value)",
    ],
)
def masked_fill(input: Tensor, mask: Tensor, value: Value) -> Tensor:
    """masked_fill(input, mask, value) -> Tensor

    input with value where mask is true.
    """


@op("structured", apart=True, method=True, out=True, node="MaskedSelectBackward0", grads={"input": ["input.shape", "mask"]})
def masked_select(input: Tensor, mask: Tensor) -> Tensor:
    """masked_select(input, mask, *, out=None) -> Tensor

    The elements where mask is true, in order, as a vector.
    """


@op("structured", method=True, inplace="method", node="MaskedScatterBackward0", grads={"input": ["mask"], "source": ["mask", "source.shape"]})
def masked_scatter(input: Tensor, mask: Tensor, source: Tensor) -> Tensor:
    """masked_scatter(input, mask, source) -> Tensor

    input with source's elements, in order, where mask is true.
    """


@op("structured", method=True, out=True)
def nonzero(input: Tensor) -> Tensor:
    """nonzero(input, *, out=None, as_tuple=False) -> Tensor

    The positions of the elements that are not zero, a row each, in order.
    """


@op("composite", method=True, function=False)
def nonzero_numpy(input: Tensor) -> list[Tensor]:
    """nonzero_numpy(input) -> List of Tensors

    nonzero(as_tuple=True): the positions, a vector a dimension.
    """


@op("composite", python="where", method=False, overload="condition")
def where_condition(condition: Tensor) -> list[Tensor]:
    """where(condition) -> List of Tensors

    nonzero(condition, as_tuple=True).
    """


@op("composite", method=True)
def argwhere(input: Tensor) -> Tensor:
    """argwhere(input) -> Tensor

    nonzero() under NumPy's name.
    """


@op("structured", module="nn")
def one_hot(input: Tensor, num_classes: int = -1) -> Tensor:
    """one_hot(input, num_classes=-1) -> Tensor

    For each element, a vector of zeros with a 1 at that position; of max + 1 classes by default.
    """
