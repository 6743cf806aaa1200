"""Reductions."""


@op("structured", method=True, out=True, node="SumBackward0", node_dim="SumBackward1", grads={"input": ["input.shape"]},
    signature=[
        "(Tensor input, *, torch.dtype dtype = None)",
        "(Tensor input, tuple of ints dim, bool keepdim = False, *, torch.dtype dtype = None, Tensor out = None)",
    ],
    method_signature=[
        "(*, torch.dtype dtype = None)",
        "(tuple of ints dim, bool keepdim = False, *, torch.dtype dtype = None)",
    ],
)
def sum(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """sum(input, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The sum over the dimensions `dim`, all of them by default. Integers add up as int64.
    """


@op("structured", method=True, out=True, node="MeanBackward0", node_dim="MeanBackward1", grads={"input": ["input.shape"]},
    signature=[
        "(Tensor input, *, torch.dtype dtype = None, Tensor out = None)",
        "(Tensor input, tuple of ints dim, bool keepdim = False, *, torch.dtype dtype = None, Tensor out = None)",
    ],
    method_signature=[
        "(*, torch.dtype dtype = None)",
        "(tuple of ints dim, bool keepdim = False, *, torch.dtype dtype = None)",
    ],
)
def mean(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """mean(input, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The mean over the dimensions `dim`, all of them by default.
    """


@op("structured", method=True, out=True, grads={"input": ["input"]})
def nansum(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """nansum(input, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The sum over the dimensions `dim`, all of them by default, with NaN as zero.
    """


@op("structured", method=True, out=True, node="ProdBackward0", node_dim="ProdBackward1", grads={"input": ["input", "result"]},
    signature=[
        "(Tensor input, *, torch.dtype dtype = None)",
        "(Tensor input, int dim, bool keepdim = False, *, torch.dtype dtype = None, Tensor out = None)",
    ],
    method_signature=[
        "(*, torch.dtype dtype = None)",
        "(int dim, bool keepdim = False, *, torch.dtype dtype = None)",
    ],
)
def prod(input: Tensor, dim: int | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """prod(input, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The product over dimension `dim`, or of all elements. Integers multiply as int64.
    """


@op("structured", rule="all", method=True, out=True,
    signature=[
        "(Tensor input, *, Tensor out = None)",
        "(Tensor input, tuple of ints dim = None, bool keepdim = False, *, Tensor out = None)",
        "(Tensor input, int dim, bool keepdim = False, *, Tensor out = None)",
    ],
    method_signature=[
        "()",
        "(tuple of ints dim = None, bool keepdim = False)",
        "(int dim, bool keepdim = False)",
    ],
)
def all(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False) -> Tensor:
    """all(input, dim=None, keepdim=False, *, out=None) -> Tensor

    Whether all elements over the dimensions `dim` are non-zero. uint8 in gives uint8 out.
    """


@op("structured", rule="all", method=True, out=True,
    signature=[
        "(Tensor input, *, Tensor out = None)",
        "(Tensor input, tuple of ints dim = None, bool keepdim = False, *, Tensor out = None)",
        "(Tensor input, int dim, bool keepdim = False, *, Tensor out = None)",
    ],
    method_signature=[
        "()",
        "(tuple of ints dim = None, bool keepdim = False)",
        "(int dim, bool keepdim = False)",
    ],
)
def any(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False) -> Tensor:
    """any(input, dim=None, keepdim=False, *, out=None) -> Tensor

    Whether any element over the dimensions `dim` is non-zero. uint8 in gives uint8 out.
    """


@op("structured", method=True, varargs="dim",
    signature=[
        "(Tensor input, int dim = None)",
        "(Tensor input, tuple of ints dim)",
    ],
    method_signature=[
        "(int dim = None)",
        "(tuple of ints dim)",
    ],
)
def count_nonzero(input: Tensor, dim: Ints[1] | None = None) -> Tensor:
    """count_nonzero(input, dim=None) -> Tensor

    How many elements over the dimensions `dim` are not zero.
    """


@op("structured", method=True, out=True, node="MaxBackward1", grads={"input": ["input", "result"]}, label="max_all")
def max(input: Tensor) -> Tensor:
    """max(input, *, out=None) -> Tensor

    The greatest element; NaN where there is one.
    """


@op("composite", python="max", overload="other", method=True, out=True)
def max_other(input: Tensor, other: Tensor) -> Tensor:
    """max(input, other, *, out=None) -> Tensor

    The greater of two elements, as maximum().
    """


@op("structured", out_dtype=True, rule="max_dim", python="max", overload="dim", method=True, out=True, node="MaxBackward0",
    returns=["values", "indices"], nondiff=["indices"], struct="torch.return_types.max",
    vjp="max_dim", grads={"input": ["input.shape", "indices"]})
def max_dim(input: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """max(input, dim, keepdim=False, *, out=None) -> (Tensor, LongTensor)

    The greatest elements along dimension `dim`, and where each is found first.
    """


@op("structured", rule="max", method=True, out=True, node="MinBackward1", grads={"input": ["input", "result"]}, label="min_all")
def min(input: Tensor) -> Tensor:
    """min(input, *, out=None) -> Tensor

    The smallest element; NaN where there is one.
    """


@op("composite", python="min", overload="other", method=True, out=True)
def min_other(input: Tensor, other: Tensor) -> Tensor:
    """min(input, other, *, out=None) -> Tensor

    The smaller of two elements, as minimum().
    """


@op("structured", out_dtype=True, rule="max_dim", python="min", overload="dim", method=True, out=True, node="MinBackward0",
    returns=["values", "indices"], nondiff=["indices"], struct="torch.return_types.min",
    vjp="max_dim", grads={"input": ["input.shape", "indices"]})
def min_dim(input: Tensor, dim: int, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """min(input, dim, keepdim=False, *, out=None) -> (Tensor, LongTensor)

    The smallest elements along dimension `dim`, and where each is found first.
    """


@op("structured", rule="amax", method=True, out=True, vjp="amax", grads={"input": ["input", "result"]}, label="max_values_cpu")
def amax(input: Tensor, dim: Ints[1] = (), keepdim: bool = False) -> Tensor:
    """amax(input, dim=(), keepdim=False, *, out=None) -> Tensor

    The greatest element over the dimensions `dim`, all of them by default. Equal ones share the
    gradient.
    """


@op("structured", rule="amax", method=True, out=True, vjp="amax", grads={"input": ["input", "result"]}, label="min_values_cpu")
def amin(input: Tensor, dim: Ints[1] = (), keepdim: bool = False) -> Tensor:
    """amin(input, dim=(), keepdim=False, *, out=None) -> Tensor

    The smallest element over the dimensions `dim`, all of them by default. Equal ones share the
    gradient.
    """


@op("structured", method=True, out=True, returns=["min", "max"], struct="torch.return_types.aminmax",
    grads={"input": ["input", "min", "max"]})
def aminmax(input: Tensor, *, dim: int | None = None, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """aminmax(input, *, dim=None, keepdim=False, out=None) -> (Tensor min, Tensor max)

    The smallest and the greatest element along dimension `dim`, or of all.
    """


@op("structured", out_dtype=True, rule="argmax", method=True, out=True)
def argmax(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """argmax(input, dim=None, keepdim=False, *, out=None) -> LongTensor

    Where the greatest element along dimension `dim` is found first; without `dim`, in the
    flattened tensor.
    """


@op("structured", out_dtype=True, rule="argmax", method=True, out=True)
def argmin(input: Tensor, dim: int | None = None, keepdim: bool = False) -> Tensor:
    """argmin(input, dim=None, keepdim=False, *, out=None) -> LongTensor

    Where the smallest element along dimension `dim` is found first; without `dim`, in the
    flattened tensor.
    """


@op("composite", python="std", overload="dim", method=True, out=True)
def std_dim(input: Tensor, dim: Ints[1] | None, unbiased: bool = True, keepdim: bool = False) -> Tensor:
    """std(input, dim, unbiased=True, keepdim=False, *, out=None) -> Tensor

    The standard deviation over the dimensions `dim`.
    """


@op("structured", rule="moment", overload="correction", method=True, out=True, node="StdBackward0",
    grads={"input": ["input", "result"]})
def std(input: Tensor, dim: Ints[1] | None = None, *, correction: Scalar | None = None, keepdim: bool = False) -> Tensor:
    """std(input, dim=None, *, correction=1, keepdim=False, out=None) -> Tensor

    The standard deviation over the dimensions `dim`, all of them by default: the root of the mean
    squared deviation, with n - correction for n.
    """


@op("composite", python="std", method=True)
def std_all(input: Tensor, unbiased: bool = True) -> Tensor:
    """std(input, unbiased=True) -> Tensor

    The standard deviation of all elements.
    """


@op("composite", python="var", overload="dim", method=True, out=True)
def var_dim(input: Tensor, dim: Ints[1] | None, unbiased: bool = True, keepdim: bool = False) -> Tensor:
    """var(input, dim, unbiased=True, keepdim=False, *, out=None) -> Tensor

    The variance over the dimensions `dim`.
    """


@op("structured", rule="moment", overload="correction", method=True, out=True, node="VarBackward0",
    grads={"input": ["input"]})
def var(input: Tensor, dim: Ints[1] | None = None, *, correction: Scalar | None = None, keepdim: bool = False) -> Tensor:
    """var(input, dim=None, *, correction=1, keepdim=False, out=None) -> Tensor

    The variance over the dimensions `dim`, all of them by default: the mean squared deviation, with
    n - correction for n.
    """


@op("composite", python="var", method=True)
def var_all(input: Tensor, unbiased: bool = True) -> Tensor:
    """var(input, unbiased=True) -> Tensor

    The variance of all elements.
    """


@op("composite", python="std_mean", overload="dim", returns=["result0", "result1"])
def std_mean_dim(input: Tensor, dim: Ints[1] | None, unbiased: bool = True, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """std_mean(input, dim, unbiased=True, keepdim=False) -> (Tensor, Tensor)

    The standard deviation and the mean over the dimensions `dim`.
    """


@op("structured", rule="moment", overload="correction", node="StdMeanBackward0", returns=["result0", "result1"],
    grads={"input": ["input", "result0"]})
def std_mean(input: Tensor, dim: Ints[1] | None = None, *, correction: Scalar | None = None, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """std_mean(input, dim=None, *, correction=1, keepdim=False) -> (Tensor, Tensor)

    The standard deviation and the mean over the dimensions `dim`, all of them by default.
    """


@op("composite", python="std_mean", returns=["result0", "result1"])
def std_mean_all(input: Tensor, unbiased: bool = True) -> tuple[Tensor, Tensor]:
    """std_mean(input, unbiased=True) -> (Tensor, Tensor)

    The standard deviation and the mean of all elements.
    """


@op("composite", python="var_mean", overload="dim", returns=["result0", "result1"])
def var_mean_dim(input: Tensor, dim: Ints[1] | None, unbiased: bool = True, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """var_mean(input, dim, unbiased=True, keepdim=False) -> (Tensor, Tensor)

    The variance and the mean over the dimensions `dim`.
    """


@op("structured", rule="moment", overload="correction", node="VarMeanBackward0", returns=["result0", "result1"],
    grads={"input": ["input"]})
def var_mean(input: Tensor, dim: Ints[1] | None = None, *, correction: Scalar | None = None, keepdim: bool = False) -> tuple[Tensor, Tensor]:
    """var_mean(input, dim=None, *, correction=1, keepdim=False) -> (Tensor, Tensor)

    The variance and the mean over the dimensions `dim`, all of them by default.
    """


@op("composite", python="var_mean", returns=["result0", "result1"])
def var_mean_all(input: Tensor, unbiased: bool = True) -> tuple[Tensor, Tensor]:
    """var_mean(input, unbiased=True) -> (Tensor, Tensor)

    The variance and the mean of all elements.
    """


@op("structured", out=True, grads={"x": ["x", "result"]})
def linalg_vector_norm(x: Tensor, ord: Scalar = 2, dim: Ints[1] | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """linalg_vector_norm(x, ord=2, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The vector norm over the dimensions `dim`, all of them by default: (sum |x|^ord)^(1/ord), the
    greatest or smallest absolute value where `ord` is inf or -inf, the number of non-zeros at 0.
    """


@op("composite", out_dtype=True, method=True, out=True)
def norm(input: Tensor, p: Scalar | None = 2, dim: Ints[1] | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """norm(input, p=2, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The vector norm over the dimensions `dim`, all of them by default.
    """


@op("composite", out_dtype=True, python="norm", overload="str", method=True, out=True)
def norm_str(input: Tensor, p: str, dim: Ints[1] | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """norm(input, p, dim=None, keepdim=False, *, dtype=None, out=None) -> Tensor

    The Frobenius norm, p="fro".
    """


@op("composite", method=True)
def nanmean(input: Tensor, dim: Ints[1] | None = None, keepdim: bool = False, *, dtype: dtype | None = None) -> Tensor:
    """nanmean(input, dim=None, keepdim=False, *, dtype=None) -> Tensor

    The mean over the dimensions `dim` of what is not NaN.
    """


@op("composite", method=True, out=True, node="LogsumexpBackward0", grads={"input": ["input", "result"]})
def logsumexp(input: Tensor, dim: Ints[1], keepdim: bool = False) -> Tensor:
    """logsumexp(input, dim, keepdim=False, *, out=None) -> Tensor

    log(sum(exp(input))) over the dimensions `dim`, without overflow.
    """


@op("composite", out_dtype=True, method=True, out=True)
def softmax(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """softmax(input, dim, *, dtype=None, out=None) -> Tensor

    exp(input) divided by its sum along `dim`. float16 and bfloat16 are computed in float32.
    """


@op("structured", out=True, rule="softmax", node="SoftmaxBackward0", grads={"input": ["result"]})
def _softmax(input: Tensor, dim: int, half_to_float: bool = False) -> Tensor:
    """_softmax(input, dim, half_to_float) -> Tensor

    softmax() of floating-point input.
    """


@op("structured", rule="softmax_backward", node="SoftmaxBackwardDataBackward0", grads={"grad_output": ["output"], "output": ["grad_output", "output"]})
def _softmax_backward_data(grad_output: Tensor, output: Tensor, dim: int) -> Tensor:
    """_softmax_backward_data(grad_output, output, dim) -> Tensor

    The gradient of softmax(), (grad_output - sum(grad_output * output, dim)) * output.
    """


@op("composite", method=True, out=True)
def log_softmax(input: Tensor, dim: int, dtype: dtype | None = None) -> Tensor:
    """log_softmax(input, dim, *, dtype=None, out=None) -> Tensor

    The logarithm of softmax(input, dim), without overflow.
    """


@op("structured", out=True, rule="softmax", node="LogSoftmaxBackward0", label="log_softmax_lastdim_kernel_impl", grads={"input": ["result"]})
def _log_softmax(input: Tensor, dim: int, half_to_float: bool = False) -> Tensor:
    """_log_softmax(input, dim, half_to_float) -> Tensor

    log_softmax() of floating-point input.
    """


@op("structured", rule="softmax_backward", node="LogSoftmaxBackwardDataBackward0", grads={"grad_output": ["output"], "output": ["grad_output", "output"]})
def _log_softmax_backward_data(grad_output: Tensor, output: Tensor, dim: int) -> Tensor:
    """_log_softmax_backward_data(grad_output, output, dim) -> Tensor

    The gradient of log_softmax(), grad_output - exp(output) * sum(grad_output, dim).
    """


@op("structured", method=True, grads={"input": ["input.shape"]})
def trace(input: Tensor) -> Tensor:
    """trace(input) -> Tensor

    The sum of the diagonal of a matrix. Integers add up as int64.
    """


@op("structured", rule="cumulative", method=True, out=True, inplace="method", grads={"input": []})
def cumsum(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
    """cumsum(input, dim, *, dtype=None, out=None) -> Tensor

    The running sum along `dim`. Integers add up as int64.
    """


@op("structured", rule="cumulative", method=True, out=True, inplace="method", grads={"input": ["input", "result"]})
def cumprod(input: Tensor, dim: int, *, dtype: dtype | None = None) -> Tensor:
    """cumprod(input, dim, *, dtype=None, out=None) -> Tensor

    The running product along `dim`. Integers multiply as int64.
    """


@op("structured", out_dtype="expected scalar_type %r but found %o", rule="cumulative_extreme", method=True, out=True, returns=["values", "indices"], nondiff=["indices"], struct="torch.return_types.cummax", vjp="cummax", grads={"input": ["input.shape", "indices"]})
def cummax(input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """cummax(input, dim, *, out=None) -> (Tensor, LongTensor)

    The greatest element so far along `dim`, and where it is found last.
    """


@op("structured", out_dtype="expected scalar_type %r but found %o", rule="cumulative_extreme", method=True, out=True, returns=["values", "indices"], nondiff=["indices"], struct="torch.return_types.cummin", vjp="cummax", grads={"input": ["input.shape", "indices"]})
def cummin(input: Tensor, dim: int) -> tuple[Tensor, Tensor]:
    """cummin(input, dim, *, out=None) -> (Tensor, LongTensor)

    The smallest element so far along `dim`, and where it is found last.
    """
