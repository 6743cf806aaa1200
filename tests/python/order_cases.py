"""Cases of sorting, selecting, grouping and searching, the same for every torch-like module."""

import math
import random

DTYPES = "uint8 int8 int16 int32 int64 float16 bfloat16 float32 float64".split()

EXPRESSIONS = """
x.sort(d)
x.sort(d, descending=True)
torch.sort(x, dim=d, stable=True)
torch.sort(x, dim=d, stable=True, descending=True)
x.argsort(d)
torch.msort(x)
x.topk(k, d)
x.topk(k, d, largest=False)
x.topk(k, d, sorted=False)
x.topk(1, d)
x.kthvalue(k, d)
x.median()
x.median(d)
x.nanmedian()
x.nanmedian(d, keepdim=True)
x.mode(d)
x.unique(return_inverse=True, return_counts=True)
x.unique(dim=d, return_inverse=True, return_counts=True)
x.unique_consecutive(return_inverse=True, return_counts=True)
x.unique_consecutive(dim=d, return_inverse=True, return_counts=True)
torch.searchsorted(x.flatten().sort()[0], x)
torch.searchsorted(x.flatten().sort()[0], x, right=True, out_int32=True)
torch.bucketize(x, torch.tensor([-2, 0, 3]).to(x.dtype))
torch.bincount(x.flatten().abs().long() % 7, minlength=3)
torch.bincount(x.flatten().abs().long() % 7, x.flatten())
torch.multinomial(torch.tensor([0.1, 2.0, 0.0, 1.0, 3.0, 0.5]), 4)
torch.multinomial(torch.tensor([[0.1, 2.0, 1.0], [1.0, 0.0, 0.0]]), 1)
""".split("\n")[1:-1]

ERRORS = """
x.sort(5)
torch.sort(x, out=(torch.empty(0), torch.empty(0)))
torch.randn(2, dtype=torch.complex64).sort()
x.topk(99)
x.topk(-1)
torch.tensor([True]).topk(1)
x.kthvalue(0)
torch.zeros(0, 3).kthvalue(1, 0)
torch.zeros(0, 3).median(0)
torch.tensor([True]).median()
torch.median(x, 0, out=(torch.empty(0), torch.empty(0)))
torch.zeros(0).mode()
torch.mode(x, 0, out=(torch.empty(0, dtype=torch.double), torch.empty(0)))
torch.unique(1)
torch.unique(torch.zeros(0, 3), dim=1)
torch.unique(torch.zeros(0, 0), dim=0)
torch.unique(torch.tensor(1.0), dim=0)
torch.bincount(torch.ones(2))
torch.bincount(torch.tensor([-1]))
torch.bincount(torch.tensor([1]), minlength=-1)
torch.bincount(torch.tensor([1]), torch.ones(2))
torch.searchsorted(torch.ones(2, 3), torch.ones(1, 3))
torch.searchsorted(torch.ones(3), torch.ones(1), side="up")
torch.searchsorted(torch.ones(3), torch.ones(1), side="left", right=True)
torch.searchsorted(torch.ones(3), torch.ones(1), sorter=torch.tensor([0, 1, 5]))
torch.bucketize(x, x)
torch.histc(x.float(), 0)
torch.histc(x.float(), 4, 2, 1)
torch.multinomial(torch.tensor([1.0, -1.0]), 2)
torch.multinomial(torch.tensor([1.0, -1.0]), 2, True)
torch.multinomial(torch.zeros(3), 2)
torch.multinomial(torch.ones(3), 4)
""".split("\n")[1:-1]


def values(seed):
    """(dtype, shape, numbers): small ranges full of ties, wide ones, NaN, both zeros."""
    r = random.Random(seed)
    dtype = r.choice(DTYPES)
    shape = r.choice([(7,), (40,), (130,), (3, 20), (20, 3), (2, 3, 4)])
    n = math.prod(shape)
    kind = r.choice(["few", "wide", "odd"])
    if "float" not in dtype:
        low = 0 if dtype[0] == "u" else -100
        numbers = [r.randint(0, 4) if kind == "few" else r.randint(low, 100) for _ in range(n)]
    elif kind == "few":
        numbers = [float(r.randint(-2, 2)) for _ in range(n)]
    elif kind == "wide":
        numbers = [r.gauss(0, 1) for _ in range(n)]
    else:
        odd = [0.0, -0.0, math.nan, math.inf, -math.inf, 1.5]
        numbers = [r.choice(odd) if r.random() < 0.4 else r.gauss(0, 3) for _ in range(n)]
    return dtype, shape, numbers


def plain(result):
    """A result as text that tells -0.0 from 0.0 and dtypes apart."""
    if isinstance(result, tuple):
        return [plain(t) for t in result]
    return f"{result.dtype} {tuple(result.shape)} {result.tolist()}"


def skipped(expression, numbers, dtype):
    """Where PyTorch's answer means nothing: it compares NaN as it stands, or converts it."""
    odd = any(math.isnan(v) or math.isinf(v) for v in numbers)
    return odd and any(
        s in expression for s in ("mode", "dim=d, return", "search", "bincount", "unique(")
    )


def run(torch, seed):
    """The results of all expressions on the values of one seed, as text."""
    dtype, shape, numbers = values(seed)
    x = torch.tensor(numbers).reshape(shape).to(getattr(torch, dtype))
    d = seed % len(shape)
    names = {"torch": torch, "x": x, "d": d, "k": 1 + seed % shape[d]}
    torch.manual_seed(seed)
    return [None if skipped(e, numbers, dtype) else plain(eval(e, names)) for e in EXPRESSIONS]


def error(torch, expression):
    """The exception's type and first line."""
    try:
        eval(expression, {"torch": torch, "x": torch.arange(6).reshape(2, 3)})
    except Exception as e:
        return f"{type(e).__name__}: {str(e).splitlines()[0]}"
    return "no error"
