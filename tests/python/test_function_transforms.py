"""Custom functions under func's transforms: each gives what the same formula gives without one."""

import re

import pytest

import facula as torch
from facula.func import grad, hessian, jacfwd, jacrev, jvp, vmap


def plain(a, b, k):
    return a * b * k, a + b.sum()


class Generated(torch.autograd.Function):
    generate_vmap_rule = True

    @staticmethod
    def forward(a, b, k):
        return plain(a, b, k)

    @staticmethod
    def setup_context(ctx, inputs, output):
        a, b, ctx.k = inputs
        ctx.save_for_backward(a, b, output[0])
        ctx.save_for_forward(a, b)

    @staticmethod
    def backward(ctx, g, h):
        a, b, product = ctx.saved_tensors
        assert product.shape == g.shape == a.shape
        return g * b * ctx.k + h, g * a * ctx.k + h.sum(), None

    @staticmethod
    def jvp(ctx, s, t, _):
        a, b = ctx.saved_tensors
        return (s * b + a * t) * ctx.k, s + t.sum()


class Own(Generated):
    """With a rule of its own, which lets the batch be a dimension like others."""

    generate_vmap_rule = False
    seen = []

    @staticmethod
    def forward(a, b, k):
        return a * b * k, a + b.sum(-1, keepdim=True)

    @staticmethod
    def backward(ctx, g, h):
        a, b, _ = ctx.saved_tensors
        return g * b * ctx.k + h, g * a * ctx.k + h.sum(-1, keepdim=True), None

    @staticmethod
    def jvp(ctx, s, t, _):
        a, b = ctx.saved_tensors
        return (s * b + a * t) * ctx.k, s + t.sum(-1, keepdim=True)

    @staticmethod
    def vmap(info, in_dims, a, b, k):
        Own.seen.append((info.batch_size, info.randomness, in_dims, k))

        def first(t, dim):
            return t.expand(info.batch_size, *t.shape) if dim is None else t.movedim(dim, 0)

        return Own.apply(first(a, in_dims[0]), first(b, in_dims[1]), k), 0


def loss(f):
    return lambda a, b: sum((t**2).sum() for t in f(a, b))


USES = {
    "vmap": lambda f, x, y: vmap(f, (0, None))(x, y),
    "vmap-of-columns": lambda f, x, y: vmap(f, (1, 1), (1, 0))(x, x.sin()),
    "vmap-of-the-second": lambda f, x, y: vmap(f, (None, 0))(y, x),
    "vmap-of-vmap": lambda f, x, y: vmap(vmap(f, (0, None)), (None, 0))(x, x),
    "grad": lambda f, x, y: grad(loss(f), (0, 1))(y, y.sin()),
    "vmap-of-grad": lambda f, x, y: vmap(grad(loss(f), (0, 1)), (0, None))(x, y),
    "grad-of-vmap": lambda f, x, y: grad(loss(vmap(f, (0, None))), (0, 1))(x, y),
    "grad-of-grad": lambda f, x, y: grad(lambda a: grad(loss(f))(a, y).sum())(y),
    "jvp": lambda f, x, y: jvp(f, (y, y.sin()), (y.cos(), y)),
    "vmap-of-jvp": lambda f, x, y: vmap(lambda v: jvp(f, (y, v), (v, y)))(x),
    "jvp-of-vmap": lambda f, x, y: jvp(vmap(f, (0, None)), (x, y), (x.cos(), y.sin())),
    "jacrev": lambda f, x, y: jacrev(f, (0, 1))(y, y.sin()),
    "jacfwd": lambda f, x, y: jacfwd(f, 1)(y, y.sin()),
    "vmap-of-jacrev": lambda f, x, y: vmap(jacrev(f), (0, None))(x, y),
    "vmap-of-jacfwd": lambda f, x, y: vmap(jacfwd(f), (0, None))(x, y),
    "hessian": lambda f, x, y: hessian(loss(f))(y, y.sin()),
    "vmap-of-hessian": lambda f, x, y: vmap(hessian(loss(f)), (0, None))(x, y),
}


def flat(tree):
    return [tree] if isinstance(tree, torch.Tensor) else [t for part in tree for t in flat(part)]


@pytest.mark.parametrize("function", [Generated, Own])
@pytest.mark.parametrize("use", USES)
def test_like_its_formula(use, function):
    x = torch.linspace(-1.0, 2.0, 9, dtype=torch.float64).reshape(3, 3)
    y = torch.tensor([0.5, -1.5, 2.5], dtype=torch.float64)
    got = flat(USES[use](lambda a, b: function.apply(a, b, 2), x, y))
    expected = flat(USES[use](lambda a, b: plain(a, b, 2), x, y))
    assert len(got) == len(expected)
    for g, e in zip(got, expected):
        assert g.shape == e.shape
        assert torch.allclose(g, e)


def test_recorded_from_outside():
    x = torch.arange(6.0).reshape(2, 3).requires_grad_()
    b = torch.ones(3, requires_grad=True)
    product, _ = vmap(lambda a, b: Generated.apply(a, b, 3), (0, None))(x, b)
    assert product.grad_fn.name() == "VmappedGeneratedBackward"
    product.sum().backward()
    assert x.grad.tolist() == [[3.0] * 3] * 2
    assert b.grad.tolist() == [9.0, 15.0, 21.0]


def test_what_an_own_rule_is_told():
    Own.seen.clear()
    vmap(lambda a, b: Own.apply(a, b, 5), (1, None), randomness="same")(
        torch.ones(2, 4), torch.ones(2)
    )
    assert Own.seen == [(4, "same", (1, None, None), 5)]


class Without(Generated):
    generate_vmap_rule = False


class Both(Own):
    generate_vmap_rule = True


class Bad(Own):
    @staticmethod
    def vmap(info, in_dims, a, b, k):
        return a


class Old(torch.autograd.Function):
    @staticmethod
    def forward(ctx, a, b, k):
        return a * b

    @staticmethod
    def backward(ctx, g):
        return g, g, None


@pytest.mark.parametrize(
    "function, text",
    [
        (Without, "You tried to vmap over Without, but it does not have vmap support."),
        (Both, "has both generate_vmap_rule=True and an overridden vmap staticmethod."),
        (Bad, "Expected the vmap staticmethod to have two returns"),
        (Old, "must override the setup_context staticmethod."),
    ],
)
def test_functions_that_cannot_be_batched(function, text):
    with pytest.raises(RuntimeError, match=re.escape(text)):
        vmap(lambda a: function.apply(a, a, 1))(torch.ones(2, 3))
