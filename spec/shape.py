"""Views and rearrangements. Kind "view" shares memory with the first argument."""


@op("view", method=True, node="AsStridedBackward0", grads={"input": ["input.shape"]})
def as_strided(input: Tensor, size: Ints, stride: Ints, storage_offset: int | None = None) -> Tensor:
    """as_strided(input, size, stride, storage_offset=None) -> Tensor

    A view of input's storage with the given sizes, strides and offset, in elements.
    """


@op("view", function=False, method=True, varargs="size", node="ViewBackward0", grads={"input": ["input.shape"]})
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


@op("view", method=True, inplace=False, node="TransposeBackward0", grads={"input": []}, aliases={"dim0": "axis0", "dim1": "axis1"})
def transpose(input: Tensor, dim0: int, dim1: int) -> Tensor:
    """transpose(input, dim0, dim1) -> Tensor

    A view with two dimensions swapped.
    """


@op("view", method=True, node="TBackward0", grads={"input": []})
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


@op("view", python="squeeze", method=True, inplace=False, node="SqueezeBackward0", grads={"input": ["input.shape"]})
def squeeze(input: Tensor) -> Tensor:
    """squeeze(input, dim=None) -> Tensor

    A view without dimensions of size 1: all of them, or those named.
    """


@op("view", python="squeeze", overload="dim", method=True, node="SqueezeBackward1", grads={"input": ["input.shape"]})
def squeeze_dim(input: Tensor, dim: int) -> Tensor:
    """squeeze(input, dim=None) -> Tensor

    A view without dimension `dim`, where its size is 1.
    """


@op("view", python="squeeze", overload="dims", method=True, node="SqueezeBackward2", grads={"input": ["input.shape"]})
def squeeze_dims(input: Tensor, dim: Ints) -> Tensor:
    """squeeze(input, dim=None) -> Tensor

    A view without those of the dimensions `dim` whose size is 1.
    """


@op("view", method=True, node="UnsqueezeBackward0", grads={"input": []})
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


@op("structured", method=True, out=True, update=True, rule="update", inplace=True)
def index_add(input: Tensor, dim: int, index: Tensor, source: Tensor, *, alpha: Scalar = 1) -> Tensor:
    """index_add(input, dim, index, source, *, alpha=1, out=None) -> Tensor

    input with alpha * source[i] added at index[i] along `dim`; repeated indices add up.
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
