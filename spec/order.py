"""Sorting, selecting by order, counting and searching."""


@op("structured", method=True, out=True, node="SortBackward0", returns=["values", "indices"],
    nondiff=["indices"], struct="torch.return_types.sort", vjp="sort",
    grads={"input": ["input.shape", "indices"]})
def sort(input: Tensor, dim: int = -1, descending: bool = False) -> tuple[Tensor, Tensor]:
    """sort(input, dim=-1, descending=False, *, stable=False, out=None) -> (Tensor, LongTensor)

    The elements along dimension `dim` in order, and where each was. NaN is greater than all else.
    Equal elements keep their order where `stable` is true; otherwise they come in PyTorch's order.
    """


@op("structured", python="sort", overload="stable", method=True, out=True, node="SortBackward0",
    returns=["values", "indices"], nondiff=["indices"], struct="torch.return_types.sort",
    vjp="sort_stable", grads={"input": ["input.shape", "indices"]})
def sort_stable(input: Tensor, *, stable: bool | None, dim: int = -1, descending: bool = False) -> tuple[Tensor, Tensor]:
    """sort(input, *, stable, dim=-1, descending=False, out=None) -> (Tensor, LongTensor)

    sort() that keeps equal elements in their order where `stable` is true.
    """


@op("composite", method=True)
def argsort(input: Tensor, dim: int = -1, descending: bool = False) -> Tensor:
    """argsort(input, dim=-1, descending=False, *, stable=False, out=None) -> LongTensor

    The indices that sort along dimension `dim`.
    """


@op("composite", python="argsort", overload="stable", method=True, out=True)
def argsort_stable(input: Tensor, *, stable: bool, dim: int = -1, descending: bool = False) -> Tensor:
    """argsort(input, *, stable, dim=-1, descending=False, out=None) -> LongTensor

    argsort() that keeps equal elements in their order where `stable` is true.
    """


@op("composite", method=True, out=True)
def msort(input: Tensor) -> Tensor:
    """msort(input, *, out=None) -> Tensor

    The elements in order along the first dimension.
    """


@op("structured", method=True, out=True, node="TopkBackward0", returns=["values", "indices"],
    nondiff=["indices"], struct="torch.return_types.topk", vjp="topk",
    grads={"input": ["input.shape", "indices"]})
def topk(input: Tensor, k: int, dim: int = -1, largest: bool = True, sorted: bool = True) -> tuple[Tensor, Tensor]:
    """topk(input, k, dim=-1, largest=True, sorted=True, *, out=None) -> (Tensor, LongTensor)

    The k largest elements along dimension `dim`, or smallest, and where they are; in order if
    `sorted`. Which of equal elements come is PyTorch's choice in rows of up to 16384, the first
    in longer ones.
    """


@op("structured", method=True, out=True, node="KthvalueBackward0", returns=["values", "indices"],
    nondiff=["indices"], struct="torch.return_types.kthvalue", vjp="kthvalue",
    grads={"input": ["input.shape", "indices"]})
def kthvalue(input: Tensor, k: int, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """kthvalue(input, k, dim=-1, keepdim=False, *, out=None) -> (Tensor, LongTensor)

    The k-th smallest element along dimension `dim`, counted from 1, and where it is.
    """


@op("structured", rule="median", method=True, out=True, vjp="median", grads={"input": ["input", "result"]})
def median(input: Tensor) -> Tensor:
    """median(input, *, out=None) -> Tensor

    The median of all elements, the lower one of two; NaN where there is one.
    """


@op("structured", rule="median_dim", python="median", overload="dim", method=True, out=True,
    node="MedianBackward1", returns=["values", "indices"], nondiff=["indices"],
    struct="torch.return_types.median", vjp="median_dim", grads={"input": ["input.shape", "indices"]})
def median_dim(input: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """median(input, dim, keepdim=False, *, out=None) -> (Tensor, LongTensor)

    The medians along dimension `dim`, the lower one of two, and where they are.
    """


@op("structured", rule="median", method=True, out=True, vjp="nanmedian", grads={"input": ["input", "result"]})
def nanmedian(input: Tensor) -> Tensor:
    """nanmedian(input, *, out=None) -> Tensor

    The median of all elements that are not NaN.
    """


@op("structured", rule="median_dim", python="nanmedian", overload="dim", method=True, out=True,
    node="NanmedianBackward1", returns=["values", "indices"], nondiff=["indices"],
    struct="torch.return_types.nanmedian", vjp="nanmedian_dim",
    grads={"input": ["input.shape", "indices"]})
def nanmedian_dim(input: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """nanmedian(input, dim, keepdim=False, *, out=None) -> (Tensor, LongTensor)

    The medians along dimension `dim` of what is not NaN, and where they are.
    """


@op("structured", method=True, out=True, node="ModeBackward0", returns=["values", "indices"],
    nondiff=["indices"], struct="torch.return_types.mode", vjp="mode",
    grads={"input": ["input.shape", "indices"]})
def mode(input: Tensor, dim: int = -1, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """mode(input, dim=-1, keepdim=False, *, out=None) -> (Tensor, LongTensor)

    The commonest elements along dimension `dim`, of several the smallest, and where they stand
    last.
    """
