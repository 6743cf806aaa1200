"""Forward mode by dual tensors, alone and over reverse mode; against numeric differences."""

import pytest

import facula as torch
import facula.autograd.forward_ad as fw


def numbers(*shape, seed=0):
    n = 1
    for s in shape:
        n *= s
    values = [((i * 37 + seed * 11) % 19 - 9) / 7 + 0.05 for i in range(n)]
    return torch.tensor(values, dtype=torch.float64).reshape(shape)


OPS = [
    lambda x: x + x * 2,
    lambda x: x - 1,
    lambda x: x * x[0],
    lambda x: x / (x * x + 1),
    lambda x: x.sum(),
    lambda x: x.sum(0, keepdim=True) * x,
    lambda x: x.mean(1),
    lambda x: x @ x.t(),
    lambda x: torch.mv(x, x[0]),
    lambda x: x.sin().exp().tanh(),
    lambda x: (x * x + 1).log().sqrt(),
    lambda x: x.sigmoid().pow(3),
    lambda x: x.abs() + x.relu(),
    lambda x: x.view(-1)[2:5].cos(),
    lambda x: x.unbind()[1] * x.unbind()[0],
    lambda x: x.t().unsqueeze(0).expand(2, -1, -1) * 3,
    lambda x: torch.where(x > 0, x * x, -x),
    lambda x: x.clone().mul_(x).add_(x),
    lambda x: torch.cat([x, x * x]),
    lambda x: torch.stack([x, x.sin()]),
    lambda x: torch.atan2(x, x + 3),
    lambda x: torch.lerp(x, x * x, 0.3),
    lambda x: x.to(torch.float32).double(),
    lambda x: torch.nn.functional.linear(x, x, x[:, 0]),
    lambda x: torch.zeros(2, 3, dtype=torch.float64).copy_(x) * x,
]


@pytest.mark.parametrize("case", range(len(OPS)))
def test_against_differences(case):
    f, x, v, h = OPS[case], numbers(2, 3), numbers(2, 3, seed=2), 1e-6
    with fw.dual_level():
        y, t = fw.unpack_dual(f(fw.make_dual(x, v)))
    expected = (f(x + h * v) - f(x - h * v)) / (2 * h)
    assert torch.equal(y, f(x))
    tolerance = 0.2 if case == 22 else 1e-6
    assert torch.allclose(t, expected, rtol=tolerance, atol=tolerance)


@pytest.mark.parametrize("case", range(len(OPS)))
def test_forward_over_reverse(case):
    """The derivative of a gradient is the product with the Hessian, as double backward has it."""
    f, v = OPS[case], numbers(2, 3, seed=2)
    x = numbers(2, 3).requires_grad_()
    with fw.dual_level():
        d = fw.make_dual(x, v)
        (g,) = torch.autograd.grad((f(d) ** 2).sum(), x, allow_unused=True)
        gradient, hv = fw.unpack_dual(g)
    (g,) = torch.autograd.grad((f(x) ** 2).sum(), x, create_graph=True)
    assert torch.allclose(gradient, g)
    (expected,) = torch.autograd.grad((g * v).sum(), x)
    assert torch.allclose(hv, expected)


def test_levels():
    x = torch.ones(2)
    with pytest.raises(RuntimeError, match="no level exists"):
        fw.make_dual(x, x)
    assert fw.unpack_dual(x) == (x, None)
    with fw.dual_level():
        with pytest.raises(RuntimeError, match="Nested forward mode AD is not supported"):
            fw.enter_dual_level()
        d = fw.make_dual(x, x)
        assert fw.unpack_dual(d).tangent.tolist() == [1.0, 1.0]
        assert fw.unpack_dual(d.detach()).tangent is None
        assert fw.unpack_dual(x).tangent is None
        assert fw.unpack_dual(d > 0).tangent is None
        assert "tangent=tensor([1., 1.])" in repr(d)
    assert fw.unpack_dual(d).tangent is None
    with fw.dual_level():
        assert fw.unpack_dual(d * 2).tangent is None
    with pytest.raises(RuntimeError, match="must be a positive number"):
        fw.exit_dual_level()


def test_refusals():
    x = torch.ones(3, 2)
    with fw.dual_level():
        with pytest.raises(ValueError, match="Expected primal to be floating point or complex"):
            fw.make_dual(x.long(), x)
        with pytest.raises(ValueError, match="Expected tangent to be floating point or complex"):
            fw.make_dual(x, x.long())
        with pytest.raises(RuntimeError, match="different size than that of the original Tensor"):
            fw.make_dual(x, x[0])
        d = fw.make_dual(x, x)
        with pytest.raises(NotImplementedError, match="don't support forward AD"):
            torch.add(d, 1, out=torch.empty(3, 2))


def test_views_share_tangents():
    x, v = torch.ones(2, 2), torch.full((2, 2), 2.0)
    with fw.dual_level():
        d = fw.make_dual(x.clone(), v.clone())
        row = d[0]
        row.mul_(3)
        assert fw.unpack_dual(d).tangent.tolist() == [[6.0, 6.0], [2.0, 2.0]]
        base = torch.zeros(2, 2)
        base[1].copy_(d[0])
        assert fw.unpack_dual(base).tangent.tolist() == [[0.0, 0.0], [6.0, 6.0]]


def test_tangents_are_recorded():
    x, v = torch.ones(2, requires_grad=True), torch.ones(2)
    with fw.dual_level():
        t = fw.unpack_dual((fw.make_dual(x, v) ** 3).sum()).tangent
    t.backward()
    assert x.grad.tolist() == [6.0, 6.0]


def test_modules_and_parameters():
    linear = torch.nn.Linear(3, 2)
    x = numbers(4, 3).float()
    params = [p.detach() for p in linear.parameters()]
    with fw.dual_level():
        duals = [fw.make_dual(p, torch.ones_like(p)) for p in params]
        out = torch.nn.functional.linear(x, *duals)
        t = fw.unpack_dual(out).tangent
    assert torch.allclose(t, x.sum(1, keepdim=True).expand(4, 2) + 1, atol=1e-5)


def in_place_function(tangent_in_place):
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.mark_dirty(x)
            return x.mul_(2)

        @staticmethod
        def backward(ctx, g):
            return g * 2

        @staticmethod
        def jvp(ctx, t):
            return t.mul_(2) if tangent_in_place else t * 2

    return Double.apply


def test_a_function_that_writes_to_a_dual_gives_it_back():
    with fw.dual_level():
        x = fw.make_dual(torch.arange(3.0), torch.ones(3)).clone()
        y = in_place_function(True)(x)
        assert y is x
        primal, tangent = fw.unpack_dual(x)
        assert primal.tolist() == [0, 2, 4] and tangent.tolist() == [2, 2, 2]


def test_a_function_that_writes_to_a_dual_writes_to_the_tangent():
    with fw.dual_level():
        x = fw.make_dual(torch.arange(3.0), torch.ones(3)).clone()
        with pytest.raises(RuntimeError, match="must modify the corresponding gradient inplace"):
            in_place_function(False)(x)
