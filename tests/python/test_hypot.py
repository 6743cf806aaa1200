"""hypot(): no overflow, the last bit, dtypes, what its gradient keeps, and PyTorch's values live."""

import math

import pytest

import facula as torch

pytestmark = pytest.mark.kernels
INF, NAN = math.inf, math.nan
NAMES = "float16 bfloat16 float32 float64".split()
POINTS = [INF, -INF, NAN, 0.0, -0.0, 1.0, -3.0, 4.0, 1e-3, 6e4, 1e38, -3e38, 1e-38, 1e-45]
WIDE = [1.7e308, 2.0**511, 2.0**512, 2.0**-399, 2.0**-401, 2.0**-1000, 5e-324, 1 + 2.0**-52]


@pytest.mark.parametrize("name", NAMES)
def test_values(name):
    x = torch.tensor(POINTS + WIDE * (name == "float64"), dtype=getattr(torch, name))
    a, b = x[:, None], x
    y = torch.hypot(a, b)
    assert y.dtype is x.dtype
    lengths = [[math.hypot(p, q) for q in x.tolist()] for p in x.tolist()]
    expected = torch.tensor(lengths, dtype=torch.float64).to(x.dtype)
    eps = torch.finfo(x.dtype).eps
    assert torch.allclose(y, expected, rtol=eps, atol=0, equal_nan=True)
    assert torch.allclose(b.t().hypot(a), y, rtol=0, atol=0, equal_nan=True)
    out = torch.empty(0, dtype=x.dtype)
    assert torch.hypot(a, b, out=out) is out
    assert torch.allclose(out, y, rtol=0, atol=0, equal_nan=True)


@pytest.mark.parametrize("name", ["float32", "float64"])
def test_last_bit(name):
    torch.manual_seed(0)
    x = torch.randn(2, 5000, dtype=getattr(torch, name))
    x[1] *= 2.0 ** torch.randint(-30, 30, (5000,))
    y = torch.hypot(x[0], x[1]).tolist()
    eps = torch.finfo(x.dtype).eps
    for p, q, r in zip(*x.tolist(), y):
        exact = math.hypot(p, q)
        assert abs(r - exact) <= eps * 2.0 ** math.floor(math.log2(exact)), (p, q)


def test_dtypes():
    one = torch.ones(1)
    assert torch.hypot(one, torch.tensor(1)).dtype is torch.float32
    assert torch.hypot(one.half(), one.bfloat16()).dtype is torch.float32
    assert one.clone().hypot_(one.double()).dtype is torch.float32
    for dtype, name in (
        (torch.int64, "Long"),
        (torch.bool, "Bool"),
        (torch.complex64, "ComplexFloat"),
    ):
        with pytest.raises(
            NotImplementedError, match=f"\"hypot_cpu\" not implemented for '{name}'"
        ):
            torch.hypot(one.to(dtype), one.to(dtype))
    with pytest.raises(TypeError, match="argument 'other' .position 2. must be Tensor, not int"):
        torch.hypot(one, 1)
    assert not hasattr(torch, "hypot_")


def test_gradients():
    x = torch.tensor([3.0, -5.0], requires_grad=True)
    y = torch.tensor(4.0)
    z = torch.hypot(x, y)
    y.zero_()  # the gradient in x reads x and the result
    (first,) = torch.autograd.grad(z.sum(), x, create_graph=True)
    assert first.tolist() == pytest.approx([0.6, -5 / math.sqrt(41)])


@pytest.mark.parametrize("name", NAMES)
def test_live(name):
    theirs = pytest.importorskip("torch")
    torch.manual_seed(0)
    values = (torch.randn(2, 501, dtype=torch.float64) * 3).tolist()
    answers = []
    for module in (torch, theirs):
        x, y = (module.tensor(v, dtype=getattr(module, name), requires_grad=True) for v in values)
        first = module.autograd.grad(module.hypot(x, y).sum(), (x, y), create_graph=True)
        second = module.autograd.grad(sum(f.square().sum() for f in first), (x, y))
        answers.append(torch.tensor([t.tolist() for t in (*first, *second)], dtype=torch.float64))
    assert torch.allclose(*answers, rtol=1e-6, atol=1e-2 if "16" in name else 1e-6)
