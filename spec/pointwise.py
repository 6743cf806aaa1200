"""Pointwise ops. Every one broadcasts, promotes and takes any strides."""


@op("pointwise", method=True, inplace=True, out=True, numbers=["alpha"], numbers_ok=True, node="AddBackward0",
    aliases={"input": "x1", "other": "x2"},
    grads={"input": [], "other": []})
def add(input: Value, other: Value, *, alpha: Scalar = 1) -> Tensor:
    """add(input, other, *, alpha=1, out=None) -> Tensor

    input + alpha * other. Shapes broadcast, dtypes promote.
    """


@op("pointwise", method=True, inplace=True, out=True, numbers_ok=True, node="MulBackward0",
    grads={"input": ["other"], "other": ["input"]})
def mul(input: Value, other: Value) -> Tensor:
    """mul(input, other, *, out=None) -> Tensor

    The product, element by element. Shapes broadcast, dtypes promote.
    """


@op("pointwise", method=True, function=True, inplace=True, out=True, python="conj_physical", node="ConjPhysicalBackward0", kernel="conj", grads={"input": []})
def conj_physical(input: Tensor) -> Tensor:
    """conj_physical(input, *, out=None) -> Tensor

    The complex conjugate, written out; real tensors as they are.
    """


@op("view", python="_conj", function=True, node="ConjBackward0", reads_conj=True, grads={"input": []})
def _conj(input: Tensor) -> Tensor:
    """_conj(input) -> Tensor

    The conjugate view of a complex tensor.
    """


@op("composite", method=True)
def conj(input: Tensor) -> Tensor:
    """conj(input) -> Tensor

    The complex conjugate: a view that is resolved when somebody reads it. Real tensors as they are.
    """


@op("view", python="view_as_real", node="ViewAsRealBackward0", grads={"input": []})
def view_as_real(input: Tensor) -> Tensor:
    """view_as_real(input) -> Tensor

    A complex tensor's memory as reals: one more dimension of size 2.
    """


@op("view", python="view_as_complex", node="ViewAsComplexBackward0", grads={"input": []})
def view_as_complex(input: Tensor) -> Tensor:
    """view_as_complex(input) -> Tensor

    A view of pairs along the last dimension, which has size 2, as complex numbers.
    """


@op("view", method=True, python="_neg_view", node="NegViewBackward0", reads_conj=True, grads={"input": []})
def _neg_view(input: Tensor) -> Tensor:
    """_neg_view(input) -> Tensor

    The negated view of a tensor.
    """


@op("composite", method=False)
def real(input: Tensor) -> Tensor:
    """real(input) -> Tensor

    A view of the real parts; real tensors as they are.
    """


@op("composite", method=False)
def imag(input: Tensor) -> Tensor:
    """imag(input) -> Tensor

    A view of the imaginary parts of a complex tensor.
    """
