"""logaddexp() and logaddexp2(): no overflow, infinities, dtypes, and PyTorch's values live."""

import math

import pytest

import facula as torch

INF, NAN = math.inf, math.nan
BASES = {"logaddexp": math.e, "logaddexp2": 2.0}


@pytest.mark.parametrize("name", BASES)
def test_values(name):
    op, base = getattr(torch, name), BASES[name]
    a = torch.tensor([0.5, -3.0, 2.0, -40.0], dtype=torch.float64)
    b = torch.tensor([[1.5], [-3.0]], dtype=torch.float64)
    expected = [[math.log(base**x + base**y, base) for x in a.tolist()] for (y,) in b.tolist()]
    assert torch.allclose(op(a, b), torch.tensor(expected, dtype=torch.float64), rtol=1e-15)
    assert op(a, b).grad_fn is None
    out = torch.empty(0, dtype=torch.float64)
    assert op(a, b, out=out) is out and torch.equal(out, op(a, b))
    assert torch.equal(getattr(a, name)(b), out)
    # neither overflows nor loses the smaller number
    huge = torch.tensor([1e300, -1e300], dtype=torch.float64)
    assert op(huge, torch.ones_like(huge)).tolist() == [1e300, 1]
    tiny = op(torch.tensor(0.0, dtype=torch.float64), torch.tensor(-80.0, dtype=torch.float64))
    assert tiny.item() == pytest.approx(base**-80 / math.log(base), rel=1e-14)


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.float16, torch.bfloat16])
@pytest.mark.parametrize("name", BASES)
def test_infinities(name, dtype):
    op = getattr(torch, name)
    a = torch.tensor([INF, INF, -INF, -INF, INF, -INF, NAN, NAN, 1], dtype=dtype)
    b = torch.tensor([INF, -INF, INF, -INF, 1, 1, 1, INF, NAN], dtype=dtype)
    expected = [INF, INF, INF, -INF, INF, 1, NAN, NAN, NAN]
    assert op(a, b).dtype is dtype
    assert torch.equal(op(a, b).nan_to_num(7), torch.tensor(expected, dtype=dtype).nan_to_num(7))


def test_dtypes():
    one = torch.ones(1)
    assert torch.logaddexp(one, torch.tensor(1)).dtype is torch.float32
    assert torch.logaddexp(one.half(), one.bfloat16()).dtype is torch.float32
    assert torch.logaddexp(one, torch.tensor([1j])).dtype is torch.complex64
    for name in BASES:
        with pytest.raises(NotImplementedError, match=f"\"{name}_cpu\" not implemented for 'Long'"):
            getattr(torch, name)(torch.tensor([1]), torch.tensor([2]))
    with pytest.raises(NotImplementedError, match="'ComplexFloat'"):
        torch.logaddexp2(torch.tensor([1j]), torch.tensor([1j]))
    with pytest.raises(TypeError, match="argument 'other' .position 2. must be Tensor, not int"):
        torch.logaddexp(one, 1)
    assert not hasattr(one, "logaddexp_")


def test_gradients():
    x = torch.tensor([1.0, 5.0], requires_grad=True)
    y = torch.tensor(1.0, requires_grad=True)
    torch.logaddexp(x, y).sum().backward()
    share = 1 / (1 + math.exp(-4))
    assert x.grad.tolist() == pytest.approx([0.5, share])
    assert y.grad.item() == pytest.approx(0.5 + 1 - share)


@pytest.mark.parametrize("dtype", "float32 float64 float16 bfloat16 complex64 complex128".split())
@pytest.mark.parametrize("name", BASES)
def test_live(name, dtype):
    if (name, dtype[:7]) == ("logaddexp2", "complex"):
        pytest.skip("PyTorch has no such loop")
    theirs = pytest.importorskip("torch")
    points = [INF, -INF, NAN, 0.0, 1.0, -2.5, 80.0, -1e4]
    if dtype.startswith("complex"):
        points = [complex(p, q) for p in points for q in (0.0, 1.0, -2.0)] + [complex(1, NAN)]
    answers = []
    for module in (torch, theirs):
        a = module.tensor(points, dtype=getattr(module, dtype))
        answers.append(torch.tensor(getattr(module, name)(a[:, None], a).tolist()))
    assert torch.allclose(*answers, rtol=1e-2 if "16" in dtype else 1e-5, equal_nan=True)
