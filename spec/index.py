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


@op("structured", method=True, out=True)
def nonzero(input: Tensor) -> Tensor:
    """nonzero(input, *, out=None, as_tuple=False) -> Tensor

    The positions of the elements that are not zero, a row each, in order.
    """
