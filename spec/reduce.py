"""Reductions."""


@op("structured", rule="sum", method=True, out=True, node="SumBackward0", grads={"input": ["input.shape"]})
def sum(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """sum(input, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The sum over the dimensions `dim`, all of them by default. Integers add up as int64.
    """
