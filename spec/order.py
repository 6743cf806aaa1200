"""Sorting, selecting by order, counting and searching."""


@op("structured", method=True, out=True, node="SortBackward0", returns=["values", "indices"],
    nondiff=["indices"], struct="torch.return_types.sort", vjp="sort",
    grads={"input": ["input.shape", "indices"]},
    signature=[
        "(Tensor input, *, bool stable, int dim = -1, bool descending = False, tuple of Tensors out = None)",
        "(Tensor input, int dim = -1, bool descending = False, *, tuple of Tensors out = None)",
    ],
    method_signature=[
        "(*, bool stable, int dim = -1, bool descending = False)",
        "(int dim = -1, bool descending = False)",
    ],
)
def sort(input: Tensor, dim: int = -1, descending: bool = False) -> tuple[Tensor, Tensor]:
    """sort(input, dim=-1, descending=False, *, stable=False, out=None) -> (Tensor, LongTensor)

    The elements along dimension `dim` in order, and where each was. NaN is greater than all else.
    Equal elements keep their order where `stable` is true; otherwise they come in PyTorch's order.
    """


@op("structured", python="sort", overload="stable", method=True, out=True, node="SortBackward1",
    returns=["values", "indices"], nondiff=["indices"], struct="torch.return_types.sort",
    vjp="sort_stable", grads={"input": ["input.shape", "indices"]})
def sort_stable(input: Tensor, *, stable: bool | None, dim: int = -1, descending: bool = False) -> tuple[Tensor, Tensor]:
    """sort(input, *, stable, dim=-1, descending=False, out=None) -> (Tensor, LongTensor)

    sort() that keeps equal elements in their order where `stable` is true.
    """


@op("composite", method=True,
    signature=[
        "(Tensor input, *, bool stable, int dim = -1, bool descending = False, Tensor out = None)",
        "(Tensor input, int dim = -1, bool descending = False)",
    ],
    method_signature=[
        "(*, bool stable, int dim = -1, bool descending = False)",
        "(int dim = -1, bool descending = False)",
    ],
)
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


@op("structured", rule="median", method=True, out=True, vjp="median", grads={"input": ["input", "result"]},
    signature=[
        "(Tensor input)",
        "(Tensor input, int dim, bool keepdim = False, *, tuple of Tensors out = None)",
    ],
)
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


@op("structured", rule="median", method=True, out=True, vjp="nanmedian", grads={"input": ["input", "result"]},
    signature=[
        "(Tensor input)",
        "(Tensor input, int dim, bool keepdim = False, *, tuple of Tensors out = None)",
    ],
)
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


@op("structured", rule="unique2", kernel="_unique2", node="Unique2Backward0", returns=["output", "inverse_indices", "counts"],
    nondiff=["inverse_indices", "counts"], grads={"input": []})
def _unique2(input: Tensor, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """_unique2(input, sorted=True, return_inverse=False, return_counts=False) -> (Tensor, LongTensor, LongTensor)

    The different elements in order, each element's place among them and how often each comes; what
    is not asked for is empty. Every NaN differs from the others.
    """


@op("structured", function=True, node="UniqueDimBackward0", returns=["output", "inverse_indices", "counts"],
    nondiff=["inverse_indices", "counts"], grads={"input": []}, python="_unique_dim")
def unique_dim(input: Tensor, dim: int, sorted: bool = True, return_inverse: bool = False, return_counts: bool = False) -> tuple[Tensor, Tensor, Tensor]:
    """unique_dim(input, dim, sorted=True, return_inverse=False, return_counts=False) -> (Tensor, LongTensor, LongTensor)

    The different slices along dimension `dim`, in lexicographical order.
    """


@op("structured", node="UniqueConsecutiveBackward0", returns=["output", "inverse_indices", "counts"],
    nondiff=["inverse_indices", "counts"], grads={"input": []})
def unique_consecutive(input: Tensor, return_inverse: bool = False, return_counts: bool = False, dim: int | None = None) -> tuple[Tensor, Tensor, Tensor]:
    """unique_consecutive(input, return_inverse=False, return_counts=False, dim=None) -> (Tensor, LongTensor, LongTensor)

    The first of every run of equal elements, or slices along dimension `dim`.
    """


@op("structured", method=True)
def bincount(input: Tensor, weights: Tensor | None = None, minlength: int = 0) -> Tensor:
    """bincount(input, weights=None, minlength=0) -> Tensor

    How often each integer from 0 comes, or the sum of the weights where it comes.
    """


@op("structured", out=True,
    signature=[
        "(Tensor sorted_sequence, Tensor input, *, bool out_int32 = False, bool right = False, str side = None, Tensor sorter = None, Tensor out = None)",
        "(Tensor sorted_sequence, Number self, *, bool out_int32 = False, bool right = False, str side = None, Tensor sorter = None, Tensor out = None)",
    ],
)
def searchsorted(sorted_sequence: Tensor, input: Tensor, *, out_int32: bool = False, right: bool = False, side: str | None = None, sorter: Tensor | None = None) -> Tensor:
    """searchsorted(sorted_sequence, input, *, out_int32=False, right=False, side=None, sorter=None, out=None) -> Tensor

    Where in the last dimension of sorted_sequence each element of input would go to keep the order:
    before equal elements, or behind them with right=True or side="right".
    """


@op("composite", python="searchsorted", overload="Scalar", out=True, aliases={"self_": "self"})
def searchsorted_scalar(sorted_sequence: Tensor, self_: Scalar, *, out_int32: bool = False, right: bool = False, side: str | None = None, sorter: Tensor | None = None) -> Tensor:
    """searchsorted(sorted_sequence, self, *, out_int32=False, right=False, side=None, sorter=None, out=None) -> Tensor

    searchsorted() of one number.
    """


@op("composite", out=True,
    signature=[
        "(Tensor input, Tensor boundaries, *, bool out_int32 = False, bool right = False, Tensor out = None)",
        "(Number self, Tensor boundaries, *, bool out_int32 = False, bool right = False)",
    ],
)
def bucketize(input: Tensor, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """bucketize(input, boundaries, *, out_int32=False, right=False, out=None) -> Tensor

    searchsorted() with one row of boundaries.
    """


@op("composite", python="bucketize", overload="Scalar", aliases={"self_": "self"})
def bucketize_scalar(self_: Scalar, boundaries: Tensor, *, out_int32: bool = False, right: bool = False) -> Tensor:
    """bucketize(self, boundaries, *, out_int32=False, right=False) -> Tensor

    bucketize() of one number.
    """


@op("structured", out_dtype="torch.histogram: input tensor and hist tensor should have the same dtype, but got input %R and hist %O", method=True, out=True)
def histc(input: Tensor, bins: int = 100, min: Scalar = 0, max: Scalar = 0) -> Tensor:
    """histc(input, bins=100, min=0, max=0, *, out=None) -> Tensor

    How many elements lie in each of `bins` equal parts of [min, max]; of the range of input where
    both are equal.
    """
