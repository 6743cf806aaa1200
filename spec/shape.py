"""Views and rearrangements. Kind "view" shares memory with the first argument."""


@op("view", method=True, inplace=True, node="AsStridedBackward0", node_inplace="AsStridedBackward1", grads={"input": ["input.shape"]})
def as_strided(input: Tensor, size: Ints, stride: Ints, storage_offset: int | None = None) -> Tensor:
    """as_strided(input, size, stride, storage_offset=None) -> Tensor

    A view of input's storage with the given sizes, strides and offset, in elements.
    """


@op("view", function=False, method=True, varargs="size", node="ViewBackward0", grads={"input": ["input.shape"]},
    method_signature=[
        "(torch.dtype dtype)",
        "(tuple of ints size)",
    ],
)
def view(input: Tensor, size: Ints) -> Tensor:
    """view(*shape) -> Tensor

    The same elements under another shape; one size may be -1. Fails where strides do not allow it.
    """


@op("view", python="view", overload="dtype", function=False, method=True, no_grad=True)
def view_dtype(input: Tensor, dtype: dtype) -> Tensor:
    """view(dtype) -> Tensor

    The same bytes read as another dtype; the last dimension grows or shrinks with the element.
    """


@op("view", function=False, method=False, node="UnsafeViewBackward0", grads={"input": ["input.shape"]})
def _unsafe_view(input: Tensor, size: Ints) -> Tensor:
    """_unsafe_view(input, size) -> Tensor

    view() of a fresh copy that nobody else sees: reshape's last step.
    """


@op("composite", method=True, varargs="shape")
def reshape(input: Tensor, shape: Ints) -> Tensor:
    """reshape(input, shape) -> Tensor

    input's elements under another shape: a view where strides allow one, else a copy.
    """


@op("view", method=True, varargs="dims", node="PermuteBackward0", grads={"input": []})
def permute(input: Tensor, dims: Ints) -> Tensor:
    """permute(input, dims) -> Tensor

    A view with dimensions in the order `dims`.
    """


@op("view", method=True, inplace="method", node="TransposeBackward0", node_inplace="TransposeBackward1", grads={"input": []})
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """transpose(input, dim0, dim1) -> Tensor

    A view with two dimensions swapped.
    """


@op("view", method=True, inplace="method", node="TBackward0", node_inplace="TBackward1", grads={"input": []})
def t(input: Tensor) -> Tensor:
    """t(input) -> Tensor

    The transpose of a matrix; tensors of fewer dimensions as they are.
    """


@op("view", method=True, varargs="size", function=False, node="ExpandBackward0", grads={"input": ["input.shape"]})
def expand(input: Tensor, size: Ints, *, implicit: bool = False) -> Tensor:
    """expand(*sizes) -> Tensor

    A view in which dimensions of size 1 repeat without taking memory; -1 keeps a size.
    """


@op("view", method=True, node="SelectBackward0", grads={"input": ["input.shape"]})
def select(input: Tensor, dim: int, index: int) -> Tensor:
    """select(input, dim, index) -> Tensor

    A view of one index along `dim`, without that dimension.
    """


@op("view", python="slice", function=False, node="SliceBackward0", grads={"input": ["input.shape"]})
def slice(input: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """slice(input, dim=0, start=None, end=None, step=1) -> Tensor

    A view of input[start:end:step] along `dim`, by Python's rules.
    """


@op("view", python="squeeze", method=True, inplace="method", node="SqueezeBackward0", node_inplace="SqueezeBackward3", grads={"input": ["input.shape"]})
def squeeze(input: Tensor) -> Tensor:
    """squeeze(input, dim=None) -> Tensor

    A view without dimensions of size 1: all of them, or those named.
    """


@op("view", python="squeeze", overload="dim", method=True, inplace="method", node="SqueezeBackward1", node_inplace="SqueezeBackward4", grads={"input": ["input.shape"]})
def squeeze_dim(input: Tensor, dim: int) -> Tensor:
    """squeeze(input, dim=None) -> Tensor

    A view without dimension `dim`, where its size is 1.
    """


@op("view", python="squeeze", overload="dims", method=True, varargs="dim", inplace="method", node="SqueezeBackward2", node_inplace="SqueezeBackward5", grads={"input": ["input.shape"]})
def squeeze_dims(input: Tensor, dim: Ints) -> Tensor:
    """squeeze(input, dim=None) -> Tensor

    A view without those of the dimensions `dim` whose size is 1.
    """


@op("view", method=True, inplace="method", node="UnsqueezeBackward0", node_inplace="UnsqueezeBackward1", grads={"input": []})
def unsqueeze(input: Tensor, dim: int) -> Tensor:
    """unsqueeze(input, dim) -> Tensor

    A view with a dimension of size 1 inserted at `dim`.
    """


@op("view", method=True, no_grad=True)
def detach(input: Tensor) -> Tensor:
    """detach(input) -> Tensor

    The same memory, outside the graph: no gradient flows through it.
    """


@op("view", function=False, method=False, node="AliasBackward0", grads={"input": []})
def alias(input: Tensor) -> Tensor:
    """alias(input) -> Tensor

    A view of all of input.
    """


@op("composite", method=True, function=False)
def contiguous(input: Tensor, *, memory_format: memory_format | None = None) -> Tensor:
    """contiguous(*, memory_format=torch.contiguous_format) -> Tensor

    self where it is contiguous in that format, else a copy that is.
    """


@op("composite", function=False)
def select_backward(grad: Tensor, input_sizes: Ints, dim: int, index: int) -> Tensor:
    """select_backward(grad, input_sizes, dim, index) -> Tensor

    Zeros of shape input_sizes with grad at `index` along `dim`.
    """


@op("composite", function=False)
def slice_backward(grad: Tensor, input_sizes: Ints, dim: int, start: int | None, end: int | None, step: int) -> Tensor:
    """slice_backward(grad, input_sizes, dim, start, end, step) -> Tensor

    Zeros of shape input_sizes with grad at start:end:step along `dim`.
    """


@op("composite", method=True)
def resolve_conj(input: Tensor) -> Tensor:
    """resolve_conj(input) -> Tensor

    input with its conjugation written out: itself where there is none.
    """


@op("composite", method=True)
def resolve_neg(input: Tensor) -> Tensor:
    """resolve_neg(input) -> Tensor

    input with its negation written out: itself where there is none.
    """


@op("view", method=True, inplace="method", node="TransposeBackward0", node_inplace="TransposeBackward1", grads={"input": []})
def swapaxes(input: Tensor, axis0: int, axis1: int) -> Tensor:
    """swapaxes(input, axis0, axis1) -> Tensor

    transpose() under NumPy's name.
    """


@op("view", method=True, inplace="method", node="TransposeBackward0", node_inplace="TransposeBackward1", grads={"input": []})
def swapdims(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """swapdims(input, dim0, dim1) -> Tensor

    transpose() under another name.
    """


@op("composite", method=True,
    signature=[
        "(Tensor input, int dim, Tensor start, int length)",
        "(Tensor input, int dim, int start, int length)",
    ],
    method_signature=[
        "(int dim, Tensor start, int length)",
        "(int dim, int start, int length)",
    ],
)
def narrow(input: Tensor, dim: int, start: int, length: int) -> Tensor:
    """narrow(input, dim, start, length) -> Tensor

    A view of `length` indices along `dim` from `start` on.
    """


@op("composite", python="narrow", overload="Tensor", method=True)
def narrow_tensor(input: Tensor, dim: int, start: Tensor, length: int) -> Tensor:
    """narrow(input, dim, start, length) -> Tensor

    A view of `length` indices along `dim` from `start`, the element of a zero-dim tensor, on.
    """


@op("view", method=True, node="SplitBackward0", grads={"input": ["input.shape"]}, aliases={"input": "tensor", "split_size": "split_size_or_sections"})
def split(input: Tensor, split_size: int, dim: int = 0) -> list[Tensor]:
    """split(tensor, split_size_or_sections, dim=0) -> List of Tensors

    Views of `split_size` indices each along `dim`, the last as long as what is left; or, given a
    list, of those lengths.
    """


@op("view", python="split", overload="sizes", method=True, vjp="split_with_sizes", node="SplitWithSizesBackward0", grads={"input": ["input.shape"]}, aliases={"input": "tensor", "split_size": "split_size_or_sections"})
def split_sizes(input: Tensor, split_size: Ints, dim: int = 0) -> list[Tensor]:
    """split(tensor, split_size_or_sections, dim=0) -> List of Tensors

    Views of the given lengths along `dim`.
    """


@op("view", method=True, node="SplitWithSizesBackward0", grads={"input": ["input.shape"]})
def split_with_sizes(input: Tensor, split_sizes: Ints, dim: int = 0) -> list[Tensor]:
    """split_with_sizes(input, split_sizes, dim=0) -> List of Tensors

    Views of the given lengths along `dim`; they sum to its size.
    """


@op("composite", method=True)
def unsafe_split(input: Tensor, split_size: int, dim: int = 0) -> list[Tensor]:
    """unsafe_split(input, split_size, dim=0) -> tuple of Tensors

    split() whose pieces may be written in place while their gradients are recorded.
    """


@op("composite", method=True)
def unsafe_split_with_sizes(input: Tensor, split_sizes: Ints, dim: int = 0) -> list[Tensor]:
    """unsafe_split_with_sizes(input, split_sizes, dim=0) -> tuple of Tensors

    split_with_sizes() whose pieces may be written in place while their gradients are recorded.
    """


@op("composite", method=True)
def unsafe_chunk(input: Tensor, chunks: int, dim: int = 0) -> list[Tensor]:
    """unsafe_chunk(input, chunks, dim=0) -> tuple of Tensors

    chunk() whose pieces may be written in place while their gradients are recorded.
    """


@op("composite", method=True)
def chunk(input: Tensor, chunks: int, dim: int = 0) -> list[Tensor]:
    """chunk(input, chunks, dim=0) -> Tuple of Tensors

    At most `chunks` views of equal size along `dim`, the last possibly smaller.
    """


@op("composite", python="tensor_split", method=True, aliases={"sections": "indices_or_sections"},
    signature=[
        "(Tensor input, tuple of ints indices, int dim = 0)",
        "(Tensor input, Tensor tensor_indices_or_sections, int dim = 0)",
        "(Tensor input, int sections, int dim = 0)",
    ],
    method_signature=[
        "(tuple of ints indices, int dim = 0)",
        "(Tensor tensor_indices_or_sections, int dim = 0)",
        "(int sections, int dim = 0)",
    ],
)
def tensor_split(input: Tensor, sections: int, dim: int = 0) -> list[Tensor]:
    """tensor_split(input, indices_or_sections, dim=0) -> List of Tensors

    `sections` views along `dim` whose sizes differ by one at most; or cut at given indices.
    """


@op("composite", python="tensor_split", overload="indices", method=True, aliases={"indices": "indices_or_sections"})
def tensor_split_indices(input: Tensor, indices: Ints, dim: int = 0) -> list[Tensor]:
    """tensor_split(input, indices_or_sections, dim=0) -> List of Tensors

    Views along `dim`, cut before each of `indices`.
    """


@op("composite", python="tensor_split", overload="tensor_indices_or_sections", method=True, aliases={"tensor_indices_or_sections": "indices_or_sections"})
def tensor_split_tensor(input: Tensor, tensor_indices_or_sections: Tensor, dim: int = 0) -> list[Tensor]:
    """tensor_split(input, indices_or_sections, dim=0) -> List of Tensors

    The same, from an int64 tensor: zero-dim for sections, one-dimensional for indices.
    """


@op("composite", method=True, aliases={"sections": "indices_or_sections"})
def hsplit(input: Tensor, sections: int) -> list[Tensor]:
    """hsplit(input, indices_or_sections) -> List of Tensors

    Equal views along dimension 1, or 0 of a one-dimensional tensor.
    """


@op("composite", python="hsplit", overload="array", method=True, aliases={"indices": "indices_or_sections"})
def hsplit_indices(input: Tensor, indices: Ints) -> list[Tensor]:
    """hsplit(input, indices_or_sections) -> List of Tensors

    Views along dimension 1 (0 of a one-dimensional tensor), cut before each of `indices`.
    """


@op("composite", method=True, aliases={"sections": "indices_or_sections"})
def vsplit(input: Tensor, sections: int) -> list[Tensor]:
    """vsplit(input, indices_or_sections) -> List of Tensors

    Equal views along dimension 0 of a tensor of two or more dimensions.
    """


@op("composite", python="vsplit", overload="array", method=True, aliases={"indices": "indices_or_sections"})
def vsplit_indices(input: Tensor, indices: Ints) -> list[Tensor]:
    """vsplit(input, indices_or_sections) -> List of Tensors

    Views along dimension 0, cut before each of `indices`.
    """


@op("composite", method=True, aliases={"sections": "indices_or_sections"})
def dsplit(input: Tensor, sections: int) -> list[Tensor]:
    """dsplit(input, indices_or_sections) -> List of Tensors

    Equal views along dimension 2 of a tensor of three or more dimensions.
    """


@op("composite", python="dsplit", overload="array", method=True, aliases={"indices": "indices_or_sections"})
def dsplit_indices(input: Tensor, indices: Ints) -> list[Tensor]:
    """dsplit(input, indices_or_sections) -> List of Tensors

    Views along dimension 2, cut before each of `indices`.
    """


@op("view", method=True, node="UnbindBackward0", grads={"input": ["input.shape"]})
def unbind(input: Tensor, dim: int = 0) -> list[Tensor]:
    """unbind(input, dim=0) -> seq

    A view of each index along `dim`, without that dimension.
    """


@op("composite", method=True,
    signature=[
        "(Tensor input, int source, int destination)",
        "(Tensor input, tuple of ints source, tuple of ints destination)",
    ],
    method_signature=[
        "(int source, int destination)",
        "(tuple of ints source, tuple of ints destination)",
    ],
)
def movedim(input: Tensor, source: Ints, destination: Ints) -> Tensor:
    """movedim(input, source, destination) -> Tensor

    A view with the dimensions `source` moved to the places `destination`; the others keep their
    order.
    """


@op("composite", python="movedim", overload="int", method=True)
def movedim_int(input: Tensor, source: int, destination: int) -> Tensor:
    """movedim(input, source, destination) -> Tensor

    A view with dimension `source` moved to the place `destination`.
    """


@op("composite", method=True,
    signature=[
        "(Tensor input, int source, int destination)",
        "(Tensor input, tuple of ints source, tuple of ints destination)",
    ],
    method_signature=[
        "(int source, int destination)",
        "(tuple of ints source, tuple of ints destination)",
    ],
)
def moveaxis(input: Tensor, source: Ints, destination: Ints) -> Tensor:
    """moveaxis(input, source, destination) -> Tensor

    movedim() under NumPy's name.
    """


@op("composite", python="moveaxis", overload="int", method=True)
def moveaxis_int(input: Tensor, source: int, destination: int) -> Tensor:
    """moveaxis(input, source, destination) -> Tensor

    movedim() under NumPy's name.
    """


@op("composite", method=True)
def flatten(input: Tensor, start_dim: int = 0, end_dim: int = -1) -> Tensor:
    """flatten(input, start_dim=0, end_dim=-1) -> Tensor

    The dimensions from start_dim to end_dim made one: a view where strides allow one.
    """


@op("composite", method=True)
def unflatten(input: Tensor, dim: int, sizes: Ints) -> Tensor:
    """unflatten(input, dim, sizes) -> Tensor

    A view with dimension `dim` as several, of `sizes`; one may be -1.
    """


@op("composite", method=True)
def ravel(input: Tensor) -> Tensor:
    """ravel(input) -> Tensor

    input as one dimension: a view where it is contiguous.
    """


@op("composite", python="_numpy_T", method=True, function=False)
def numpy_T(input: Tensor) -> Tensor:
    """numpy_T(input) -> Tensor

    Tensor.T: a view with the dimensions in reverse order.
    """


@op("composite", python="_mT", method=True, function=False)
def mT(input: Tensor) -> Tensor:
    """mT(input) -> Tensor

    Tensor.mT: a view with the last two dimensions swapped.
    """


@op("composite", python="_mH", method=True, function=False)
def mH(input: Tensor) -> Tensor:
    """mH(input) -> Tensor

    Tensor.mH: the conjugate of mT.
    """


@op("composite", python="_H", method=True, function=False)
def matrix_H(input: Tensor) -> Tensor:
    """matrix_H(input) -> Tensor

    Tensor.H: the conjugate transpose of a matrix.
    """


@op("composite", method=True)
def adjoint(input: Tensor) -> Tensor:
    """adjoint(input) -> Tensor

    A view conjugated, with the last two dimensions swapped.
    """


@op("composite", function=False, method=True)
def view_as(input: Tensor, other: Tensor) -> Tensor:
    """view_as(other) -> Tensor

    view(other.size()).
    """


@op("composite", function=False, method=True)
def reshape_as(input: Tensor, other: Tensor) -> Tensor:
    """reshape_as(other) -> Tensor

    reshape(other.size()).
    """


@op("composite", function=False, method=True)
def expand_as(input: Tensor, other: Tensor) -> Tensor:
    """expand_as(other) -> Tensor

    expand(other.size()).
    """


@op("composite", method=True, varargs="size")
def broadcast_to(input: Tensor, size: Ints) -> Tensor:
    """broadcast_to(input, size) -> Tensor

    expand(size).
    """


@op("composite")
def broadcast_tensors(tensors: list[Tensor]) -> list[Tensor]:
    """broadcast_tensors(*tensors) -> List of Tensors

    Views of the tensors in the shape that they broadcast to.
    """


@op("composite")
def meshgrid(tensors: list[Tensor], indexing: str | None = None) -> list[Tensor]:
    """meshgrid(*tensors, indexing=None) -> List of Tensors

    Views of one-dimensional tensors spread over the grid of all of them. "xy" swaps the first two
    dimensions; "ij" is what None means.
    """


@op("view", method=True, node="DiagonalBackward0", grads={"input": ["input.shape"]})
def diagonal(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """diagonal(input, offset=0, dim1=0, dim2=1) -> Tensor

    A view of the diagonals of two dimensions, as the last dimension.
    """


@op("composite", function=False)
def diagonal_backward(grad: Tensor, input_sizes: Ints, offset: int, dim1: int, dim2: int) -> Tensor:
    """diagonal_backward(grad, input_sizes, offset, dim1, dim2) -> Tensor

    Zeros of shape input_sizes with grad on the diagonal.
    """


@op("view", function=False, method=True, node="UnfoldBackward0", grads={"input": ["input.shape"]})
def unfold(input: Tensor, dimension: int, size: int, step: int) -> Tensor:
    """unfold(dimension, size, step) -> Tensor

    A view of all slices of `size` along `dimension`, `step` apart; a slice is the last dimension.
    """


@op("composite", function=False)
def unfold_backward(grad: Tensor, input_sizes: Ints, dim: int, size: int, step: int) -> Tensor:
    """unfold_backward(grad, input_sizes, dim, size, step) -> Tensor

    Zeros of shape input_sizes with the slices in grad added where they came from.
    """


@op("structured", apart=True, out=True, node="CatBackward0", grads={"tensors": ["tensors.shape"]})
def cat(tensors: list[Tensor], dim: int = 0) -> Tensor:
    """cat(tensors, dim=0, *, out=None) -> Tensor

    The tensors one after another along `dim`. Sizes agree in the other dimensions; dtypes promote;
    tensors of shape (0,) are skipped.
    """


@op("composite", out=True)
def concat(tensors: list[Tensor], dim: int = 0) -> Tensor:
    """concat(tensors, dim=0, *, out=None) -> Tensor

    cat() under another name.
    """


@op("composite", out=True)
def concatenate(tensors: list[Tensor], dim: int = 0) -> Tensor:
    """concatenate(tensors, dim=0, *, out=None) -> Tensor

    cat() under NumPy's name.
    """


@op("structured", out=True, node="StackBackward0", grads={"tensors": ["tensors.shape"]})
def stack(tensors: list[Tensor], dim: int = 0) -> Tensor:
    """stack(tensors, dim=0, *, out=None) -> Tensor

    Tensors of one shape along a new dimension.
    """


@op("composite", out=True)
def hstack(tensors: list[Tensor]) -> Tensor:
    """hstack(tensors, *, out=None) -> Tensor

    cat() along dimension 1, or 0 of one-dimensional tensors.
    """


@op("composite", out=True)
def vstack(tensors: list[Tensor]) -> Tensor:
    """vstack(tensors, *, out=None) -> Tensor

    cat() along dimension 0 of tensors made two-dimensional.
    """


@op("composite", out=True)
def row_stack(tensors: list[Tensor]) -> Tensor:
    """row_stack(tensors, *, out=None) -> Tensor

    vstack() under another name.
    """


@op("composite", out=True)
def dstack(tensors: list[Tensor]) -> Tensor:
    """dstack(tensors, *, out=None) -> Tensor

    cat() along dimension 2 of tensors made three-dimensional.
    """


@op("composite", out=True)
def column_stack(tensors: list[Tensor]) -> Tensor:
    """column_stack(tensors, *, out=None) -> Tensor

    hstack() of tensors, those of fewer than two dimensions as columns.
    """


@op("composite",
    signature=[
        "(Tensor input)",
        "(tuple of Tensors tensors)",
    ],
)
def atleast_1d(input: Tensor) -> Tensor:
    """atleast_1d(input) -> Tensor

    input, a zero-dim tensor as (1,).
    """


@op("composite",
    signature=[
        "(Tensor input)",
        "(tuple of Tensors tensors)",
    ],
)
def atleast_2d(input: Tensor) -> Tensor:
    """atleast_2d(input) -> Tensor

    input, tensors of fewer than two dimensions with ones in front.
    """


@op("composite",
    signature=[
        "(Tensor input)",
        "(tuple of Tensors tensors)",
    ],
)
def atleast_3d(input: Tensor) -> Tensor:
    """atleast_3d(input) -> Tensor

    input, tensors of fewer than three dimensions with ones around.
    """


@op("structured", function=False, method=True, varargs="repeats", node="RepeatBackward0", grads={"input": ["input.shape"]})
def repeat(input: Tensor, repeats: Ints) -> Tensor:
    """repeat(*repeats) -> Tensor

    input copied `repeats` times along each dimension; more numbers than dimensions add some in
    front.
    """


@op("composite", method=True, varargs="dims")
def tile(input: Tensor, dims: Ints) -> Tensor:
    """tile(input, dims) -> Tensor

    repeat(), where missing numbers in front are 1.
    """


@op("structured", python="repeat_interleave", overload="Tensor", method=False,
    signature=[
        "(Tensor input, Tensor repeats, int dim = None, *, int output_size = None)",
        "(Tensor repeats, *, int output_size = None)",
        "(Tensor input, int repeats, int dim = None, *, int output_size = None)",
    ],
)
def repeat_interleave(repeats: Tensor, *, output_size: int | None = None) -> Tensor:
    """repeat_interleave(input, repeats, dim=None, *, output_size=None) -> Tensor

    The index i repeated repeats[i] times, for each i.
    """


@op("composite", python="repeat_interleave", overload="self_Tensor", method=True)
def repeat_interleave_tensor(input: Tensor, repeats: Tensor, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """repeat_interleave(input, repeats, dim=None, *, output_size=None) -> Tensor

    Each index along `dim` repeated as often as `repeats` says; input is flattened without a dim.
    """


@op("composite", python="repeat_interleave", overload="self_int", method=True)
def repeat_interleave_int(input: Tensor, repeats: int, dim: int | None = None, *, output_size: int | None = None) -> Tensor:
    """repeat_interleave(input, repeats, dim=None, *, output_size=None) -> Tensor

    Each index along `dim` repeated `repeats` times.
    """


@op("structured", method=True, varargs="dims", node="FlipBackward0", grads={"input": []})
def flip(input: Tensor, dims: Ints) -> Tensor:
    """flip(input, dims) -> Tensor

    A copy with the order along each of `dims` reversed.
    """


@op("composite", method=True)
def fliplr(input: Tensor) -> Tensor:
    """fliplr(input) -> Tensor

    flip() along dimension 1.
    """


@op("composite", method=True)
def flipud(input: Tensor) -> Tensor:
    """flipud(input) -> Tensor

    flip() along dimension 0.
    """


@op("structured", method=True, node="RollBackward0", grads={"input": []})
def roll(input: Tensor, shifts: Ints[1], dims: Ints[1] = ()) -> Tensor:
    """roll(input, shifts, dims=None) -> Tensor

    A copy whose elements are moved on by `shifts` along `dims`, around the end; flattened first
    without dims.
    """


@op("structured", method=True, node="Rot90Backward0", grads={"input": []})
def rot90(input: Tensor, k: int = 1, dims: Ints = (0, 1)) -> Tensor:
    """rot90(input, k=1, dims=(0, 1)) -> Tensor

    A copy turned k times by 90 degrees in the plane of two dimensions, from the first to the
    second.
    """


@op("structured", function=False, node="DiagonalBackward0_copy", grads={"input": ["input.shape"]})
def diagonal_copy(input: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """diagonal_copy(input, offset=0, dim1=0, dim2=1) -> Tensor

    A copy of diagonal().
    """


@op("composite", out_dtype=True, method=True, out=True)
def diag(input: Tensor, diagonal: int = 0) -> Tensor:
    """diag(input, diagonal=0, *, out=None) -> Tensor

    A matrix with a vector on its diagonal, or the diagonal of a matrix.
    """


@op("structured", method=True, node="DiagEmbedBackward0", grads={"input": []})
def diag_embed(input: Tensor, offset: int = 0, dim1: int = -2, dim2: int = -1) -> Tensor:
    """diag_embed(input, offset=0, dim1=-2, dim2=-1) -> Tensor

    Zeros in two new dimensions with input's last dimension on their diagonal.
    """


@op("composite", method=True, aliases={"diagonal": "k"})
def diagflat(input: Tensor, offset: int = 0) -> Tensor:
    """diagflat(input, offset=0) -> Tensor

    A matrix with the flattened input on its diagonal.
    """


@op("custom", method=True, node="DiagonalScatterBackward0", grads={"input": ["src.shape"], "src": []})
def diagonal_scatter(input: Tensor, src: Tensor, offset: int = 0, dim1: int = 0, dim2: int = 1) -> Tensor:
    """diagonal_scatter(input, src, offset=0, dim1=0, dim2=1) -> Tensor

    A copy of input with src written to diagonal(offset, dim1, dim2).
    """


@op("custom", method=True, node="SelectScatterBackward0", grads={"input": ["src.shape"], "src": []})
def select_scatter(input: Tensor, src: Tensor, dim: int, index: int) -> Tensor:
    """select_scatter(input, src, dim, index) -> Tensor

    A copy of input with src written to select(dim, index).
    """


@op("custom", method=True, node="SliceScatterBackward0", grads={"input": ["src.shape"], "src": []})
def slice_scatter(input: Tensor, src: Tensor, dim: int = 0, start: int | None = None, end: int | None = None, step: int = 1) -> Tensor:
    """slice_scatter(input, src, dim=0, start=None, end=None, step=1) -> Tensor

    A copy of input with src written to its slice.
    """


@op("custom", method=True, node="AsStridedScatterBackward0", grads={"input": ["src.shape", "input.shape"], "src": ["input.shape"]})
def as_strided_scatter(input: Tensor, src: Tensor, size: Ints, stride: Ints, storage_offset: int | None = None) -> Tensor:
    """as_strided_scatter(input, src, size, stride, storage_offset=None) -> Tensor

    A copy of input with src written to as_strided(size, stride, storage_offset).
    """


@op("structured", out_dtype=True, method=True, inplace="method", out=True, node="TrilBackward0", grads={"input": []})
def tril(input: Tensor, diagonal: int = 0) -> Tensor:
    """tril(input, diagonal=0, *, out=None) -> Tensor

    A copy with zeros above the given diagonal of the last two dimensions.
    """


@op("structured", out_dtype=True, method=True, inplace="method", out=True, node="TriuBackward0", grads={"input": []})
def triu(input: Tensor, diagonal: int = 0) -> Tensor:
    """triu(input, diagonal=0, *, out=None) -> Tensor

    A copy with zeros below the given diagonal of the last two dimensions.
    """


@op("custom", function=False, inplace="method", mutates=True, varargs="size")
def resize(input: Tensor, size: Ints, *, memory_format: memory_format | None = None) -> Tensor:
    """resize_(*sizes, memory_format=torch.contiguous_format) -> Tensor

    self under another size, its storage grown where needed; new elements are uninitialised.
    """


@op("custom", function=False, inplace=True, mutates=True)
def resize_as(input: Tensor, the_template: Tensor, *, memory_format: memory_format | None = None) -> Tensor:
    """resize_as_(tensor, memory_format=torch.contiguous_format) -> Tensor

    resize_(the_template.size()).
    """


@op("custom", python="set", overload="source_Tensor_storage_offset", function=False, inplace="method", mutates=True)
def set_strided(input: Tensor, source: Tensor, storage_offset: int, size: Ints, stride: Ints = ()) -> Tensor:
    """set_(source=None, storage_offset=0, size=None, stride=None) -> Tensor

    self becomes a tensor over source's storage.
    """


@op("custom", python="set", overload="source_Tensor", function=False, inplace="method", mutates=True)
def set_tensor(input: Tensor, source: Tensor) -> Tensor:
    """set_(source=None, storage_offset=0, size=None, stride=None) -> Tensor

    self becomes a tensor over source's storage, of its sizes and strides.
    """


@op("custom", python="set", function=False, inplace="method", mutates=True)
def set_nothing(input: Tensor) -> Tensor:
    """set_(source=None, storage_offset=0, size=None, stride=None) -> Tensor

    self becomes an empty tensor over a storage of its own.
    """
