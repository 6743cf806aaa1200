"""Random numbers: PyTorch's CPU streams."""


@op("structured", rule="overwrite", function=False, inplace="method", mutates=True, random=True, reads_conj=True, python="uniform", node="UniformBackward0", grads={"input": []}, vjp="random_fill", aliases={"from_": "from"})
def uniform(input: Tensor, from_: float = 0.0, to: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """uniform_(from=0, to=1, *, generator=None) -> Tensor

    Fills self from the uniform distribution over [from, to).
    """


@op("structured", rule="overwrite", function=False, inplace="method", mutates=True, random=True, reads_conj=True, python="normal", node="NormalBackward0", grads={"input": []}, vjp="random_fill")
def normal_fill(input: Tensor, mean: float = 0.0, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """normal_(mean=0, std=1, *, generator=None) -> Tensor

    Fills self from the normal distribution.
    """


@op("structured", rule="overwrite", function=False, inplace="method", mutates=True, random=True, reads_conj=True, python="random", node="RandomBackward2", grads={"input": []}, vjp="random_fill")
def random_full(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """random_(*, generator=None) -> Tensor

    Fills self with any integers that its dtype holds exactly, from 0.
    """


@op("composite", python="random", overload="to", function=False, inplace="method")
def random_to(input: Tensor, to: int, *, generator: Generator | None = None) -> Tensor:
    """random_(to, *, generator=None) -> Tensor

    Fills self with integers of [0, to).
    """


@op("structured", rule="overwrite", function=False, inplace="method", mutates=True, random=True, reads_conj=True, python="random", overload="from", node="RandomBackward0", grads={"input": []}, vjp="random_fill", aliases={"from_": "from"})
def random_from(input: Tensor, from_: int, to: int, *, generator: Generator | None = None) -> Tensor:
    """random_(from, to, *, generator=None) -> Tensor

    Fills self with integers of [from, to).
    """


@op("structured", rule="overwrite", function=False, inplace="method", mutates=True, random=True, reads_conj=True, python="bernoulli", overload="Tensor", node="BernoulliBackward0", grads={"input": []}, vjp="random_fill")
def bernoulli_tensor(input: Tensor, p: Tensor, *, generator: Generator | None = None) -> Tensor:
    """bernoulli_(p_tensor, *, generator=None) -> Tensor

    Fills self with 1 where a draw succeeds with probability p, 0 elsewhere.
    """


@op("structured", rule="overwrite", function=False, inplace="method", mutates=True, random=True, reads_conj=True, python="bernoulli", overload="float", node="BernoulliBackward1", grads={"input": []}, vjp="random_fill")
def bernoulli_fill(input: Tensor, p: float = 0.5, *, generator: Generator | None = None) -> Tensor:
    """bernoulli_(p=0.5, *, generator=None) -> Tensor

    Fills self with 1 with probability p, 0 otherwise.
    """


@op("structured", rule="overwrite", function=False, inplace="method", mutates=True, random=True, reads_conj=True, node="ExponentialBackward0", grads={"input": []}, vjp="random_fill")
def exponential(input: Tensor, lambd: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """exponential_(..., *, generator=None) -> Tensor

    Fills self from the exponential distribution.
    """


@op("structured", rule="overwrite", function=False, inplace="method", mutates=True, random=True, reads_conj=True, node="CauchyBackward0", grads={"input": []}, vjp="random_fill")
def cauchy(input: Tensor, median: float = 0.0, sigma: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """cauchy_(..., *, generator=None) -> Tensor

    Fills self from the Cauchy distribution.
    """


@op("structured", rule="overwrite", function=False, inplace="method", mutates=True, random=True, reads_conj=True, node="GeometricBackward0", grads={"input": []}, vjp="random_fill")
def geometric(input: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """geometric_(..., *, generator=None) -> Tensor

    Fills self from the geometric distribution.
    """


@op("structured", rule="overwrite", function=False, inplace="method", mutates=True, random=True, reads_conj=True, node="LogNormalBackward0", grads={"input": []}, vjp="random_fill")
def log_normal(input: Tensor, mean: float = 1.0, std: float = 2.0, *, generator: Generator | None = None) -> Tensor:
    """log_normal_(..., *, generator=None) -> Tensor

    Fills self from the log-normal distribution.
    """


@op("composite", creation=True, out=True, random=True, varargs="size",
    signature=[
        "(tuple of ints size, *, torch.Generator generator, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(tuple of ints size, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    ],
)
def rand(size: Ints, *, generator: Generator | None = None, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """rand(*size, *, generator=None, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    Samples of the uniform distribution over [0, 1).
    """


@op("composite", creation=True, random=True,
    signature=[
        "(Tensor input, *, torch.Generator generator, torch.memory_format memory_format = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Tensor input, *, torch.memory_format memory_format = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    ],
)
def rand_like(input: Tensor, *, generator: Generator | None = None, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None, memory_format: memory_format | None = None) -> Tensor:
    """rand_like(input, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format) -> Tensor

    Samples of the uniform distribution over [0, 1) in input's shape.
    """


@op("composite", creation=True, out=True, random=True, varargs="size",
    signature=[
        "(tuple of ints size, *, torch.Generator generator, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(tuple of ints size, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    ],
)
def randn(size: Ints, *, generator: Generator | None = None, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """randn(*size, *, generator=None, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    Samples of the standard normal distribution.
    """


@op("composite", creation=True, random=True,
    signature=[
        "(Tensor input, *, torch.Generator generator, torch.memory_format memory_format = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Tensor input, *, torch.memory_format memory_format = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    ],
)
def randn_like(input: Tensor, *, generator: Generator | None = None, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None, memory_format: memory_format | None = None) -> Tensor:
    """randn_like(input, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format) -> Tensor

    Samples of the standard normal distribution in input's shape.
    """


@op("composite", creation=True, out=True, random=True, signature=[
    "(int high, tuple of ints size, *, torch.Generator generator, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    "(int high, tuple of ints size, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    "(int low, int high, tuple of ints size, *, torch.Generator generator, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    "(int low, int high, tuple of ints size, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
])
def randint(high: int, size: Ints, *, generator: Generator | None = None, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """randint(low=0, high, size, *, generator=None, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    Integers of [0, high).
    """


@op("composite", creation=True, out=True, random=True, python="randint", overload="low")
def randint_low(low: int, high: int, size: Ints, *, generator: Generator | None = None, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """randint(low=0, high, size, *, generator=None, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    Integers of [low, high).
    """


@op("composite", creation=True, random=True,
    signature=[
        "(Tensor input, int low, int high, *, torch.Generator generator, torch.memory_format memory_format = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Tensor input, int low, int high, *, torch.memory_format memory_format = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Tensor input, Tensor high, *, torch.Generator generator, torch.memory_format memory_format = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Tensor input, Tensor high, *, torch.memory_format memory_format = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Tensor input, int high, *, torch.Generator generator, torch.memory_format memory_format = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(Tensor input, int high, *, torch.memory_format memory_format = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    ],
)
def randint_like(input: Tensor, high: int, *, generator: Generator | None = None, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None, memory_format: memory_format | None = None) -> Tensor:
    """randint_like(input, low=0, high, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format) -> Tensor

    Integers of [0, high) in input's shape.
    """


@op("composite", creation=True, random=True, python="randint_like", overload="low")
def randint_like_low(input: Tensor, low: int, high: int, *, generator: Generator | None = None, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None, memory_format: memory_format | None = None) -> Tensor:
    """randint_like(input, low=0, high, *, generator=None, dtype=None, layout=None, device=None, requires_grad=False, memory_format=torch.preserve_format) -> Tensor

    Integers of [low, high) in input's shape.
    """


@op("structured", creation=True, out=True, random=True,
    signature=[
        "(int n, *, torch.Generator generator, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
        "(int n, *, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
    ],
)
def randperm(n: int, *, generator: Generator | None = None, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """randperm(n, *, generator=None, out=None, dtype=torch.int64, layout=torch.strided, device=None, requires_grad=False) -> Tensor

    A random permutation of 0 ... n - 1.
    """


@op("composite", out=True, random=True, python="normal", overload="Tensor_Tensor", node="NormalBackward3", grads={"mean": [], "std": []}, vjp="random_fill", signature=[
    "(Tensor mean, Tensor std, *, torch.Generator generator = None, Tensor out = None)",
    "(Tensor mean, float std = 1, *, torch.Generator generator = None, Tensor out = None)",
    "(float mean, Tensor std, *, torch.Generator generator = None, Tensor out = None)",
    "(float mean, float std, tuple of ints size, *, torch.Generator generator = None, Tensor out = None, torch.dtype dtype = None, torch.layout layout = None, torch.device device = None, bool pin_memory = False, bool requires_grad = False)",
])
def normal(mean: Tensor, std: Tensor, *, generator: Generator | None = None) -> Tensor:
    """normal(mean, std, *, generator=None, out=None) -> Tensor

    Normal samples, each with its own mean and standard deviation.
    """


@op("composite", out=True, random=True, python="normal", overload="Tensor_float", node="NormalBackward1", grads={"mean": []}, vjp="random_fill")
def normal_mean(mean: Tensor, std: float = 1.0, *, generator: Generator | None = None) -> Tensor:
    """normal(mean, std=1.0, *, generator=None, out=None) -> Tensor

    Normal samples, each with its own mean.
    """


@op("composite", out=True, random=True, python="normal", overload="float_Tensor", node="NormalBackward2", grads={"std": []}, vjp="random_fill")
def normal_std(mean: float, std: Tensor, *, generator: Generator | None = None) -> Tensor:
    """normal(mean, std, *, generator=None, out=None) -> Tensor

    Normal samples, each with its own standard deviation.
    """


@op("composite", creation=True, out=True, random=True, python="normal", overload="float_float")
def normal_size(mean: float, std: float, size: Ints, *, generator: Generator | None = None, dtype: dtype | None = None, layout: layout | None = None, device: device | None = None) -> Tensor:
    """normal(mean, std, size, *, generator=None, out=None) -> Tensor

    Normal samples in a shape.
    """


@op("composite", out=True, method=True, random=True, python="bernoulli", node="BernoulliBackward0", grads={"input": []}, vjp="random_fill")
def bernoulli(input: Tensor, *, generator: Generator | None = None) -> Tensor:
    """bernoulli(input, *, generator=None, out=None) -> Tensor

    1 with the probabilities in input, 0 otherwise.
    """


@op("composite", method=True, random=True, python="bernoulli", overload="p")
def bernoulli_p(input: Tensor, p: float, *, generator: Generator | None = None) -> Tensor:
    """bernoulli(input, p, *, generator=None) -> Tensor

    1 with probability p, 0 otherwise, in input's shape.
    """


@op("composite", out_dtype="multinomial expects Long tensor out, got: %o", out=True, method=True, random=True)
def multinomial(input: Tensor, num_samples: int, replacement: bool = False, *, generator: Generator | None = None) -> Tensor:
    """multinomial(input, num_samples, replacement=False, *, generator=None, out=None) -> Tensor

    Indices drawn by the weights in each row of input.
    """


@op("structured", function=False, random=True)
def _multinomial_replace(input: Tensor, num_samples: int, *, generator: Generator | None = None) -> Tensor:
    """_multinomial_replace(...) -> Tensor

    multinomial() with replacement.
    """


@op("composite", inplace="function", random=True)
def dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """dropout(input, p, train) -> Tensor

    input with elements zeroed with probability p and the rest scaled by 1 / (1 - p); input itself outside training.
    """


@op("composite", inplace="function", random=True)
def feature_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """feature_dropout(input, p, train) -> Tensor

    dropout() of whole channels.
    """


@op("composite", inplace="function", random=True)
def alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """alpha_dropout(input, p, train) -> Tensor

    dropout() that keeps mean and variance of self-normalising networks.
    """


@op("composite", inplace="function", random=True)
def feature_alpha_dropout(input: Tensor, p: float, train: bool) -> Tensor:
    """feature_alpha_dropout(input, p, train) -> Tensor

    alpha_dropout() of whole channels.
    """
