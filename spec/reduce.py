"""Reductions."""


@op("structured", method=True, out=True, node="SumBackward0", grads={"input": ["input.shape"]})
def sum(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """sum(input, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The sum over the dimensions `dim`, all of them by default. Integers add up as int64.
    """


@op("structured", method=True, out=True, node="MeanBackward0", grads={"input": ["input.shape"]})
def mean(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """mean(input, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The mean over the dimensions `dim`, all of them by default.
    """


@op("structured", method=True, out=True, grads={"input": ["input"]})
def nansum(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """nansum(input, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The sum over the dimensions `dim`, all of them by default, with NaN as zero.
    """


@op("structured", method=True, out=True, node="ProdBackward0", grads={"input": ["input", "result"]})
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """prod(input, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The product over dimension `dim`, or of all elements. Integers multiply as int64.
    """


@op("structured", rule="all", method=True, out=True)
def all(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False) -> Tensor:
    """all(input, dim=None, keepdim=False, *, out=None) -> Tensor

    Whether all elements over the dimensions `dim` are non-zero. uint8 in gives uint8 out.
    """


@op("structured", rule="all", method=True, out=True)
def any(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False) -> Tensor:
    """any(input, dim=None, keepdim=False, *, out=None) -> Tensor

    Whether any element over the dimensions `dim` is non-zero. uint8 in gives uint8 out.
    """


@op("structured", method=True)
def count_nonzero(input: Tensor, dim: Ints[1] | None = None) -> Tensor:
    """count_nonzero(input, dim=None) -> Tensor

    How many elements over the dimensions `dim` are not zero.
    """
