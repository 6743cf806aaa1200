"""Matrix products. Complex operands are conjugated in gradients."""


@op("structured", out_dtype=True, method=True, out=True, node="MmBackward0", aliases={"input": "self"},
    grads={"input": ["mat2"], "mat2": ["input"]},
    signature=[
        "(Tensor input, Tensor mat2, *, Tensor out = None)",
        "(Tensor input, Tensor mat2, torch.dtype out_dtype, *, Tensor out = None)",
    ],
)
def mm(input: Tensor, mat2: Tensor) -> Tensor:
    """mm(input, mat2, *, out=None) -> Tensor

    The product of two matrices, (n, m) by (m, p).
    """


@op("structured", out_dtype=True, method=True, out=True, node="BmmBackward0", grads={"input": ["mat2"], "mat2": ["input"]},
    signature=[
        "(Tensor input, Tensor mat2, *, Tensor out = None)",
        "(Tensor input, Tensor mat2, torch.dtype out_dtype, *, Tensor out = None)",
    ],
)
def bmm(input: Tensor, mat2: Tensor) -> Tensor:
    """bmm(input, mat2, *, out=None) -> Tensor

    Products of matrices in pairs, (b, n, m) by (b, m, p).
    """


@op("structured", out_dtype=True, method=True, out=True, inplace="method", node="AddmmBackward0",
    grads={"input": ["input.shape"], "mat1": ["mat2"], "mat2": ["mat1"]},
    signature=[
        "(Tensor input, Tensor mat1, Tensor mat2, *, Number beta = 1, Number alpha = 1, Tensor out = None)",
        "(Tensor input, Tensor mat1, Tensor mat2, torch.dtype out_dtype, *, Number beta = 1, Number alpha = 1, Tensor out = None)",
        "hidden (Number beta, Tensor input, Number alpha, Tensor mat1, Tensor mat2, *, Tensor out = None)",
        "hidden (Number beta, Tensor input, Tensor mat1, Tensor mat2, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor mat1, Tensor mat2, *, Number beta = 1, Number alpha = 1)",
        "hidden (Number beta, Number alpha, Tensor mat1, Tensor mat2)",
        "hidden (Number beta, Tensor mat1, Tensor mat2)",
    ],
)
def addmm(input: Tensor, mat1: Tensor, mat2: Tensor, *, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor:
    """addmm(input, mat1, mat2, *, beta=1, alpha=1, out=None) -> Tensor

    beta * input + alpha * (mat1 @ mat2); input broadcasts to the product's shape.
    """


@op("structured", out_dtype=True, method=True, out=True, inplace="method", node="BaddbmmBackward0",
    grads={"input": ["input.shape"], "batch1": ["batch2"], "batch2": ["batch1"]},
    signature=[
        "(Tensor input, Tensor batch1, Tensor batch2, *, Number beta = 1, Number alpha = 1, Tensor out = None)",
        "(Tensor input, Tensor batch1, Tensor batch2, torch.dtype out_dtype, *, Number beta = 1, Number alpha = 1, Tensor out = None)",
        "hidden (Number beta, Tensor input, Number alpha, Tensor batch1, Tensor batch2, *, Tensor out = None)",
        "hidden (Number beta, Tensor input, Tensor batch1, Tensor batch2, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor batch1, Tensor batch2, *, Number beta = 1, Number alpha = 1)",
        "hidden (Number beta, Number alpha, Tensor batch1, Tensor batch2)",
        "hidden (Number beta, Tensor batch1, Tensor batch2)",
    ],
)
def baddbmm(input: Tensor, batch1: Tensor, batch2: Tensor, *, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor:
    """baddbmm(input, batch1, batch2, *, beta=1, alpha=1, out=None) -> Tensor

    beta * input + alpha * (batch1 @ batch2), batch by batch.
    """


@op("structured", out_dtype="addmv input tensors must have the same dtype, but got %o, %r, and %r", method=True, out=True, node="MvBackward0", grads={"input": ["vec"], "vec": ["input"]})
def mv(input: Tensor, vec: Tensor) -> Tensor:
    """mv(input, vec, *, out=None) -> Tensor

    A matrix (n, m) by a vector (m,).
    """


@op("structured", out_dtype="result dtype %o does not match input dtype %r", method=True, out=True, node="DotBackward0", grads={"input": ["tensor"], "tensor": ["input"]})
def dot(input: Tensor, tensor: Tensor) -> Tensor:
    """dot(input, tensor, *, out=None) -> Tensor

    The sum of products of two vectors of one length.
    """


@op("composite", method=True, out=True)
def vdot(input: Tensor, other: Tensor) -> Tensor:
    """vdot(input, other, *, out=None) -> Tensor

    dot() with input conjugated.
    """


@op("composite", method=True, out=True, inplace=True,
    signature=[
        "(Tensor input, Tensor mat, Tensor vec, *, Number beta = 1, Number alpha = 1, Tensor out = None)",
        "hidden (Number beta, Tensor input, Number alpha, Tensor mat, Tensor vec, *, Tensor out = None)",
        "hidden (Number beta, Tensor input, Tensor mat, Tensor vec, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor mat, Tensor vec, *, Number beta = 1, Number alpha = 1)",
        "hidden (Number beta, Number alpha, Tensor mat, Tensor vec)",
        "hidden (Number beta, Tensor mat, Tensor vec)",
    ],
)
def addmv(input: Tensor, mat: Tensor, vec: Tensor, *, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor:
    """addmv(input, mat, vec, *, beta=1, alpha=1, out=None) -> Tensor

    beta * input + alpha * (mat @ vec).
    """


@op("composite", method=True, out=True, inplace="method",
    signature=[
        "(Tensor input, Tensor vec1, Tensor vec2, *, Number beta = 1, Number alpha = 1, Tensor out = None)",
        "hidden (Number beta, Tensor input, Number alpha, Tensor vec1, Tensor vec2, *, Tensor out = None)",
        "hidden (Number beta, Tensor input, Tensor vec1, Tensor vec2, *, Tensor out = None)",
    ],
    method_signature=[
        "(Tensor vec1, Tensor vec2, *, Number beta = 1, Number alpha = 1)",
        "hidden (Number beta, Number alpha, Tensor vec1, Tensor vec2)",
        "hidden (Number beta, Tensor vec1, Tensor vec2)",
    ],
)
def addr(input: Tensor, vec1: Tensor, vec2: Tensor, *, beta: Scalar = 1, alpha: Scalar = 1) -> Tensor:
    """addr(input, vec1, vec2, *, beta=1, alpha=1, out=None) -> Tensor

    beta * input + alpha * outer(vec1, vec2).
    """


@op("composite", method=True, out=True)
def outer(input: Tensor, vec2: Tensor) -> Tensor:
    """outer(input, vec2, *, out=None) -> Tensor

    All products of two vectors: (n,) and (m,) give (n, m).
    """


@op("composite", method=True, out=True)
def ger(input: Tensor, vec2: Tensor) -> Tensor:
    """ger(input, vec2, *, out=None) -> Tensor

    Alias of outer().
    """


@op("composite", method=True, out=True)
def kron(input: Tensor, other: Tensor) -> Tensor:
    """kron(input, other, *, out=None) -> Tensor

    The Kronecker product: each element of input times the whole of other, in blocks.
    """


@op("composite", out_dtype=True, method=True, out=True)
def matmul(input: Tensor, other: Tensor) -> Tensor:
    """matmul(input, other, *, out=None) -> Tensor

    NumPy's matrix product: vectors, matrices and broadcast batches of matrices.
    """


@op("structured", method=False, out=True, module="nn", node="AddmmBackward0",
    grads={"input": ["weight", "input.shape"], "weight": ["input"], "bias": []})
def linear(input: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
    """linear(input, weight, bias=None) -> Tensor

    input @ weight.T + bias: input is (*, in), weight (out, in) or (in,), bias (out,).
    """


@op("composite", python="_einsum")
def einsum(equation: str, operands: list[Tensor]) -> Tensor:
    """einsum(equation, *operands) -> Tensor

    Products summed over the labels that the equation leaves out.
    """


@op("composite", method=True, out=True)
def inner(input: Tensor, other: Tensor) -> Tensor:
    """inner(input, other, *, out=None) -> Tensor

    Products summed over the last dimension of both.
    """
