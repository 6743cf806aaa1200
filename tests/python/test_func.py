"""func: vmap, grad, vjp, jvp and Jacobians, alone and over each other.

The cases run on facula and, where it is importable, on PyTorch; expected values are written out
where they are short.
"""

import pytest

import facula as torch
from facula.func import (
    functional_call,
    grad,
    grad_and_value,
    hessian,
    jacfwd,
    jacrev,
    jvp,
    stack_module_state,
    vjp,
    vmap,
)


def numbers(T, *shape, seed=0, dtype="float64"):
    n = 1
    for s in shape:
        n *= s
    values = [((i * 37 + seed * 11) % 19 - 9) / 7 + 0.05 for i in range(n)]
    return T.tensor(values, dtype=getattr(T, dtype)).reshape(shape)


# Each: f(T, F) with T the library and F its func module; a tensor, or a tuple of them.
BATCHED = [
    lambda T, x, y: x + y,
    lambda T, x, y: x * y[0] - 2,
    lambda T, x, y: x.sum() * y,
    lambda T, x, y: (x / (y.abs() + 1)).exp(),
    lambda T, x, y: x.sum(0),
    lambda T, x, y: x.sum(-1, keepdim=True),
    lambda T, x, y: x.mean((0, 1)),
    lambda T, x, y: x.sum(()),
    lambda T, x, y: x @ y.t(),
    lambda T, x, y: T.mm(x.t(), y),
    lambda T, x, y: T.mv(x, y[0]),
    lambda T, x, y: T.dot(x[0], y[0]),
    lambda T, x, y: T.matmul(x[0], y.t()),
    lambda T, x, y: T.bmm(x[None], y.t()[None]),
    lambda T, x, y: T.addmm(x @ x.t(), x, y.t(), beta=0.5, alpha=2),
    lambda T, x, y: T.nn.functional.linear(x, y, y[:, 0]),
    lambda T, x, y: x.unbind(),
    lambda T, x, y: x.unbind(-1),
    lambda T, x, y: x.view(-1),
    lambda T, x, y: x.reshape(3, 2) + 1,
    lambda T, x, y: x.t(),
    lambda T, x, y: x.transpose(0, -1),
    lambda T, x, y: x.permute(1, 0),
    lambda T, x, y: x.unsqueeze(0),
    lambda T, x, y: x.unsqueeze(-1),
    lambda T, x, y: x[None].squeeze(),
    lambda T, x, y: x[None].squeeze(0),
    lambda T, x, y: x[0].expand(4, 3),
    lambda T, x, y: x[1, 1:],
    lambda T, x, y: x[..., 0],
    lambda T, x, y: x[:, ::2],
    lambda T, x, y: T.where(x > 0, x, y),
    lambda T, x, y: (x * y).add_(y),
    lambda T, x, y: x.softmax(-1),
    lambda T, x, y: x.cumsum(1),
    lambda T, x, y: T.cat([x, y], 1),
    lambda T, x, y: T.stack([x, y], -1),
    lambda T, x, y: x.sum().sin() + y.sum().cos(),
    lambda T, x, y: x.to(T.float32),
    lambda T, x, y: T.zeros_like(x) + y,
    lambda T, x, y: x[0, 0] * T.ones(2, dtype=T.float32),
    lambda T, x, y: x.sort(-1)[0],
    lambda T, x, y: x.amax(0),
    lambda T, x, y: x.max(1)[0],
    lambda T, x, y: T.einsum("ij,kj->ik", x, y),
    lambda T, x, y: x.detach() * 2,
    lambda T, x, y: x.flip(0),
]

IN_DIMS = [(0, 0), (1, 0), (0, None), (None, 0), (2, -1)]


def arguments(T, in_dims):
    out = []
    for k, d in enumerate(in_dims):
        t = numbers(T, 2, 3, seed=k)
        if d is not None:
            t = numbers(T, 5, 2, 3, seed=k)
            d = d % 3
            order = list(range(1, 3))
            order.insert(d, 0)
            t = t.permute(order)
        out.append(t)
    return out


def by_hand(f, T, args, in_dims):
    results = []
    for i in range(5):
        r = f(T, *[a if d is None else a.select(d, i) for a, d in zip(args, in_dims)])
        results.append(r if isinstance(r, tuple) else (r,))
    return [T.stack([r[k] for r in results]) for k in range(len(results[0]))]


@pytest.mark.parametrize("in_dims", IN_DIMS, ids=str)
@pytest.mark.parametrize("case", range(len(BATCHED)))
def test_vmap_is_a_loop(case, in_dims):
    f, args = BATCHED[case], arguments(torch, in_dims)
    got = vmap(lambda x, y: f(torch, x, y), in_dims=in_dims)(*args)
    got = got if isinstance(got, tuple) else (got,)
    for a, b in zip(got, by_hand(f, torch, args, in_dims)):
        assert a.shape == b.shape and a.dtype == b.dtype
        assert torch.allclose(a, b, rtol=1e-5 if a.dtype is torch.float32 else 1e-10)


SMOOTH = [
    lambda T, x, y: (x * y).sum(),
    lambda T, x, y: (x.sin() * y.exp()).sum(),
    lambda T, x, y: (x @ y.t()).pow(2).sum(),
    lambda T, x, y: (x / (y * y + 1)).tanh().mean(),
    lambda T, x, y: x.softmax(-1).mul(y).sum(),
    lambda T, x, y: T.nn.functional.linear(x, y).sigmoid().sum(),
    lambda T, x, y: (x[0] * y[1]).cumsum(0).pow(3).sum(),
    lambda T, x, y: T.cat([x, y]).pow(2).sum() + x.unbind()[0].exp().sum(),
    lambda T, x, y: (x * y).mul_(2).add_(1).pow(2).sum(),
    lambda T, x, y: T.logsumexp(x * y, 1).sum(),
]

TRANSFORMS = {
    "grad": lambda T, F, f, x, y: F.grad(f, (0, 1))(x, y),
    "value": lambda T, F, f, x, y: F.grad_and_value(f)(x, y),
    "jvp": lambda T, F, f, x, y: F.jvp(f, (x, y), (y, x)),
    "vjp": lambda T, F, f, x, y: F.vjp(f, x, y)[1](T.tensor(2.0, dtype=T.float64)),
    "jacrev": lambda T, F, f, x, y: F.jacrev(F.grad(f))(x, y),
    "jacfwd": lambda T, F, f, x, y: F.jacfwd(F.grad(f))(x, y),
    "jacfwd of jacfwd": lambda T, F, f, x, y: F.jacfwd(F.jacfwd(f))(x, y),
    "hessian": lambda T, F, f, x, y: F.hessian(f)(x, y),
    "hvp": lambda T, F, f, x, y: F.jvp(lambda x: F.grad(f)(x, y), (x,), (y,))[1],
    "reverse over forward": lambda T, F, f, x, y: F.grad(
        lambda x: F.jvp(lambda x: f(x, y), (x,), (y,))[1]
    )(x),
    "jvp of jvp": lambda T, F, f, x, y: F.jvp(
        lambda x: F.jvp(lambda x: f(x, y), (x,), (y,))[1], (x,), (y,)
    ),
    "vmap(grad)": lambda T, F, f, x, y: F.vmap(F.grad(f), (None, 0))(x, T.stack([y, x, y * x])),
    "vmap(grad), both": lambda T, F, f, x, y: F.vmap(F.grad(f, (0, 1)))(
        T.stack([y, x]), T.stack([x, y])
    ),
    "grad(vmap)": lambda T, F, f, x, y: F.grad(
        lambda x: F.vmap(f, (None, 0))(x, T.stack([y, x])).sum()
    )(x),
    "vmap(jvp)": lambda T, F, f, x, y: F.vmap(lambda v: F.jvp(lambda x: f(x, y), (x,), (v,))[1])(
        T.stack([y, x])
    ),
    "vmap(hessian)": lambda T, F, f, x, y: F.vmap(F.hessian(f))(T.stack([y, x]), T.stack([x, y])),
    "vmap(vmap(grad))": lambda T, F, f, x, y: F.vmap(F.vmap(F.grad(f), (0, None)), (None, 0))(
        T.stack([x, y]), T.stack([y, x, x])
    ),
    "grad(grad)": lambda T, F, f, x, y: F.grad(lambda x: F.grad(lambda x: f(x, y))(x).pow(2).sum())(
        x
    ),
}


def flat(tree):
    if isinstance(tree, (tuple, list)):
        return [x for t in tree for x in flat(t)]
    return [tree]


@pytest.mark.parametrize("transform", TRANSFORMS)
@pytest.mark.parametrize("case", range(len(SMOOTH)))
def test_as_in_pytorch(case, transform):
    reference = pytest.importorskip("torch")
    reference_func = pytest.importorskip("torch.func")

    def run(T, F):
        x, y = numbers(T, 2, 3), numbers(T, 2, 3, seed=1)
        return flat(TRANSFORMS[transform](T, F, lambda x, y: SMOOTH[case](T, x, y), x, y))

    try:
        theirs = run(reference, reference_func)
    except RuntimeError as error:
        pytest.skip(f"PyTorch itself: {error}")
    ours = run(torch, torch.func)
    assert len(ours) == len(theirs)
    for a, b in zip(ours, theirs):
        assert tuple(a.shape) == tuple(b.shape) and not a.requires_grad
        diff = (reference.tensor(a.tolist(), dtype=b.dtype) - b).abs().max().item()
        assert diff < 1e-9


def test_grad_under_no_grad():
    three = torch.tensor(3.0)
    with torch.no_grad():
        assert grad(lambda x: x * x)(three).item() == 6.0
        assert not grad(lambda x: x * x)(three).requires_grad
    assert grad(lambda x: x * x)(three).item() == 6.0
    assert grad(grad(lambda x: x**3))(torch.tensor(2.0)).item() == 12.0


def test_no_grad_within():
    def f(x):
        with torch.no_grad():
            c = x**2
        return x - c

    assert grad(f)(torch.tensor(3.0)).item() == 1.0


def test_results_stay_connected_to_the_outside_alone():
    w, x = torch.ones(2, requires_grad=True), torch.ones(2)
    assert not grad(lambda a: (a * a).sum())(x).requires_grad
    g = grad(lambda a: (a * w).sum())(x)
    g.sum().backward()
    assert w.grad.tolist() == [1.0, 1.0]
    h = grad(lambda a: (a**3).sum())(w)
    w.grad = None
    h.sum().backward()
    assert w.grad.tolist() == [6.0, 6.0]
    assert x.grad is None


def test_vmap_over_grad_of_a_shared_parameter():
    w, x = torch.ones(2, requires_grad=True), torch.arange(6.0).view(3, 2)
    g = vmap(grad(lambda w, a: ((w * a) ** 2).sum()), in_dims=(None, 0))(w, x)
    assert g.tolist() == [[0.0, 2.0], [8.0, 18.0], [32.0, 50.0]]
    assert g.requires_grad


def test_per_sample_gradients_of_a_module():
    torch.manual_seed(0)
    model = torch.nn.Sequential(torch.nn.Linear(3, 4), torch.nn.Tanh(), torch.nn.Linear(4, 2))
    x, y = numbers(torch, 5, 3, dtype="float32"), torch.tensor([0, 1, 1, 0, 1])
    params = {k: p.detach() for k, p in model.named_parameters()}

    def loss(params, x, y):
        out = functional_call(model, params, (x.unsqueeze(0),))
        return torch.nn.functional.cross_entropy(out, y.unsqueeze(0))

    got = vmap(grad(loss), in_dims=(None, 0, 0))(params, x, y)
    for i in range(5):
        model.zero_grad()
        torch.nn.functional.cross_entropy(model(x[i : i + 1]), y[i : i + 1]).backward()
        for k, p in model.named_parameters():
            assert torch.allclose(got[k][i], p.grad, atol=1e-6)


def test_trees_and_dims():
    x = torch.arange(6.0).view(3, 2)
    out = vmap(lambda d: [d["a"], {"k": d["b"] * 2}])({"a": x, "b": x})
    assert torch.equal(out[1]["k"], x * 2) and torch.equal(out[0], x)
    assert torch.equal(vmap(lambda a: a, 1, 1)(x), x)
    assert torch.equal(vmap(lambda a: a, 0, -1)(x), x.t())
    assert torch.equal(vmap(lambda a: torch.ones(2))(x), torch.ones(3, 2))
    a, b = vmap(lambda a: (a, 5), out_dims=(0, None))(x)
    assert b == 5
    assert torch.equal(vmap(lambda a, b: a + b, in_dims=((0), None))(x, x[0]), x + x[0])
    assert torch.equal(vmap(lambda a: a * 2, chunk_size=2)(x), x * 2)
    assert vmap(vmap(lambda a: a * 2))(x).tolist() == (x * 2).tolist()
    f, aux = grad(lambda a: (a.sum(), a * 2), has_aux=True)(x)
    assert torch.equal(aux, x * 2)
    g, (v, aux) = grad_and_value(lambda a, b: ((a * b).sum(), {"z": a}), (0, 1), True)(x, x)
    assert torch.equal(g[0], x) and v.item() == (x * x).sum().item() and torch.equal(aux["z"], x)


def test_zero_dim_tensors_promote_as_such():
    x = torch.tensor([1.5, 2.5], dtype=torch.float64)
    y = vmap(lambda s: s * torch.ones(3))(x)
    assert y.dtype is torch.float32 and y.tolist() == [[1.5] * 3, [2.5] * 3]


def test_in_place_on_the_batch():
    x = torch.zeros(3, 2)
    vmap(lambda a, b: a.add_(b))(x, torch.ones(3, 2))
    assert x.tolist() == [[1.0, 1.0]] * 3
    vmap(lambda a: a[0].mul_(5))(x)
    assert x.tolist() == [[5.0, 1.0]] * 3


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda x: vmap(lambda: 1)(), ValueError, "got no inputs"),
        (lambda x: vmap(lambda a: a)(1), ValueError, "We cannot vmap over non-Tensor arguments"),
        (lambda x: vmap(lambda a: a, 5)(x), ValueError, "expected in_dim to satisfy -2 <= in_dim < 2"),
        (lambda x: vmap(lambda a: a, (0, 0))(x), ValueError, "in_dims is not compatible"),
        (lambda x: vmap(lambda a, b: a)(x, torch.ones(4)), ValueError, r"got sizes \[3, 4\]"),
        (lambda x: vmap(lambda a: 1.0)(x), ValueError, "must only return Tensors, got type <class 'float'>"),
        (lambda x: vmap(lambda a: a, out_dims=7)(x), IndexError, r"range of \[-2, 1\], but got 7"),
        (lambda x: vmap(lambda a: a, randomness="zz")(x), RuntimeError, "Only allowed values"),
        (lambda x: vmap(lambda a: torch.rand(2))(x), RuntimeError, "randomness error mode"),
        (lambda x: vmap(lambda a: a.bernoulli_())(x), RuntimeError, "randomness error mode"),
        (lambda x: vmap(lambda a: a.sum().item())(x), RuntimeError, r"calling .item\(\) on a Tensor"),
        (lambda x: vmap(lambda a: a if a.sum() > 0 else -a)(x), RuntimeError, "data-dependent control"),
        (lambda x: vmap(lambda a: torch.ones(2).add_(a))(x), RuntimeError, "not possible because"),
        (lambda x: vmap(lambda a: a.sum(5))(x), IndexError, r"range of \[-1, 0\], but got 5"),
        (lambda x: vmap(lambda a: a, chunk_size=0)(x), ValueError, "chunk_size should be None"),
        (lambda x: vmap(lambda a: a.tolist())(x), RuntimeError, "doesn't have storage"),
        (lambda x: vmap(lambda a: a.numpy())(x), RuntimeError, "doesn't have storage"),
        (lambda x: vmap(lambda a: a.data_ptr())(x), RuntimeError, "doesn't have storage"),
        (lambda x: vmap(lambda a: a.nonzero())(x), RuntimeError, "dynamic shape. Attempted to vmap over aten::nonzero"),
        (lambda x: vmap(lambda a: a.nonzero(as_tuple=True))(x), RuntimeError, "aten::nonzero"),
        (lambda x: vmap(lambda a: a.unique())(x), RuntimeError, "aten::_unique2"),
        (lambda x: vmap(lambda a: a.unique_consecutive())(x), RuntimeError, "aten::unique_consecutive"),
        (lambda x: vmap(lambda a: a[a > 0])(x), RuntimeError, "indexing with a boolean mask"),
        (lambda x: vmap(lambda a: torch.ones(2)[a > 0])(x), RuntimeError, "indexing with a boolean mask"),
        (lambda x: vmap(lambda a: a.masked_select(a > 0))(x), RuntimeError, r"torch.masked_select\(self, mask\)"),
        (lambda x: vmap(torch.nn.BatchNorm1d(2))(x[None].repeat(2, 1, 1)), RuntimeError, "were not batched"),
        (lambda x: vmap(lambda a: torch.bernoulli(a), randomness="same")(x), RuntimeError, "file an issue with functorch"),
        (lambda x: vmap(lambda a: a, out_dims=None)(x), ValueError, r"\(<lambda>, ...\): `<lambda>` can not return a Batched"),
        (lambda x: vmap(lambda a: a, out_dims="x")(x), ValueError, "out_dims=x\\): `out_dims` must be an int"),
        (lambda x: grad(lambda a: (a.sum(), 3), has_aux=True)(x), RuntimeError, "unsupported type <class 'int'>"),
        (lambda x: grad(lambda a: a.sum(), "0")(x), RuntimeError, "argnums must be int or Tuple"),
        (lambda x: grad(lambda a: a.sum().backward())(x), RuntimeError, "inside a functorch transform"),
        (lambda x: vmap(lambda a: torch.autograd.backward(a.sum()))(x), RuntimeError, "inside a functorch transform"),
        (lambda x: jvp(lambda a: a, (), ()), RuntimeError, "primals to contain at least one Tensor"),
        (lambda x: jvp(lambda a: a, (1.0,), (1.0,)), RuntimeError, "only contain Tensors, got <class 'float'>"),
        (lambda x: vjp(lambda a: (), x), RuntimeError, r"non-empty output \(got output = \[\]\)"),
        (lambda x: vjp(lambda a: {"y": (a, a)}, x)[1](x), RuntimeError, r"cotangents: \*, primal output: \{'y': \(\*, \*\)\}"),
        (lambda x: jacrev(lambda a: a, chunk_size=0), ValueError, "jacrev: `chunk_size` should be greater"),
        (lambda x: grad(lambda a: a)(x), RuntimeError, "got tensor with 2 dims"),
        (lambda x: grad(lambda a: 1.0)(x), RuntimeError, "to return a Tensor, got <class 'float'>"),
        (lambda x: grad(lambda a: a.sum())(1), ValueError, "must be Tensor, got <class 'int'>"),
        (lambda x: grad(lambda a: a.sum(), 3)(x), RuntimeError, "Got argnum=3, but only 1 positional"),
        (lambda x: grad(lambda a: a.sum())(x.long()), RuntimeError, "floating point dtype can require"),
        (lambda x: jvp(lambda a: a, x, x), RuntimeError, "Expected primals to be a tuple"),
        (lambda x: jvp(lambda a: a, (x,), (x[0],)), RuntimeError, "different size than that of"),
        (lambda x: jvp(lambda a: 1, (x,), (x,)), RuntimeError, "to return only tensors"),
        (lambda x: vjp(lambda a: 1.0, x), RuntimeError, "to return only tensors"),
        (lambda x: vjp(lambda a: a.sin(), x)[1](x[0]), RuntimeError, "Mismatch in shape"),
    ],
)  # fmt: skip
def test_refusals(call, error, text):
    with pytest.raises(error, match=text):
        call(torch.ones(3, 2))
    assert torch.equal(torch.rand(2) * 0, torch.zeros(2))  # no level is left behind


def test_escaped_tensors():
    kept = []
    vmap(lambda a: kept.append(a) or a)(torch.ones(3))
    with pytest.raises(RuntimeError, match="escaped"):
        kept[0] + 1


def test_randomness():
    x = torch.zeros(4, 8)
    torch.manual_seed(0)
    same = vmap(lambda a: a + torch.rand(8), randomness="same")(x)
    assert all(torch.equal(same[0], s) for s in same)
    different = vmap(lambda a: a + torch.rand(8), randomness="different")(x)
    assert not torch.equal(different[0], different[1])
    drop = torch.nn.functional.dropout
    ones = torch.ones(4, 64)
    same = vmap(lambda a: drop(a, 0.5), randomness="same")(ones)
    assert all(torch.equal(same[0], s) for s in same)
    different = vmap(lambda a: drop(a, 0.5), randomness="different")(ones)
    assert not torch.equal(different[0], different[1])


@pytest.mark.parametrize("shape", [(), (7,), (20,), (3, 4)])
def test_different_draws_are_one_draw_of_the_batch(shape):
    def drawn(f):
        torch.manual_seed(3)
        return f()

    whole = drawn(lambda: torch.randn(5, *shape))
    zeros = torch.zeros(5, *shape)
    for draw in (
        lambda a: torch.randn(shape),
        torch.randn_like,
        lambda a: a.clone().normal_(),
    ):
        assert torch.equal(drawn(lambda: vmap(draw, randomness="different")(zeros)), whole)
    integers = drawn(lambda: torch.randint(0, 9, (5, *shape)))
    batched = vmap(lambda a: torch.randint(0, 9, shape), randomness="different")
    assert torch.equal(drawn(lambda: batched(zeros)), integers)


def test_chunks_draw_the_same():
    y = vmap(lambda a: a + torch.rand(2), randomness="same", chunk_size=2)(torch.zeros(5, 2))
    assert all(torch.equal(y[0], row) for row in y)


def test_masks_that_all_examples_share():
    x = torch.arange(6.0).view(2, 3)
    mask = torch.tensor([True, False, True])
    assert vmap(lambda a: a[mask])(x).tolist() == [[0, 2], [3, 5]]
    assert vmap(lambda a: a.masked_select(mask))(x).tolist() == [[0, 2], [3, 5]]


def test_gradients_under_inference_mode():
    with torch.inference_mode():
        x = torch.arange(3.0)  # records nothing itself
        assert grad(lambda a: (a * a).sum())(x).tolist() == [0, 2, 4]
        assert vjp(lambda a: a * a, x)[1](torch.ones(3))[0].tolist() == [0, 2, 4]
        assert hessian(lambda a: (a**3).sum())(x).diagonal().tolist() == [0, 6, 12]
    assert not torch.is_inference_mode_enabled()


def test_backward_is_allowed_again_after_a_transform():
    with pytest.raises(ZeroDivisionError):
        grad(lambda a: 1 / 0)(torch.ones(1))
    x = torch.ones(2, requires_grad=True)
    x.sum().backward()
    assert x.grad.tolist() == [1, 1]


def test_repr_of_batched():
    seen = []
    vmap(vmap(lambda a: seen.append(repr(a)) or a))(torch.ones(2, 1, 1, 1))
    assert seen == [
        "BatchedTensor(lvl=2, bdim=0, value=\n    BatchedTensor(lvl=1, bdim=0, value=\n"
        "        tensor([[[[1.]]],\n\n\n                [[[1.]]]])\n    )\n)"
    ]


def test_ensembles():
    models = [torch.nn.Linear(3, 2) for _ in range(4)]
    params, buffers = stack_module_state(models)
    x = numbers(torch, 5, 3, dtype="float32")
    out = vmap(lambda p, b: functional_call(models[0], (p, b), (x,)))(params, buffers)
    for i, m in enumerate(models):
        assert torch.allclose(out[i], m(x), atol=1e-6)


def test_simple_jacobians():
    x = torch.tensor([1.0, 2.0])
    assert jacrev(lambda a: a**2)(x).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert jacfwd(lambda a: a**2)(x).tolist() == [[2.0, 0.0], [0.0, 4.0]]
    assert hessian(lambda a: (a**3).sum())(x).tolist() == [[6.0, 0.0], [0.0, 12.0]]
    y, v = jvp(torch.sin, (x,), (torch.ones(2),))
    assert torch.allclose(v, x.cos())
    y, pull = vjp(lambda a: a * 3, x)
    (g,) = pull(torch.ones(2))
    assert g.tolist() == [3.0, 3.0]


RANDOM = {
    (
        "lambda t: T.multinomial(t, 2)",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    ("lambda t: T.multinomial(t, 2)", "different", 0): "[[200, 100], [100, 0]] (2, 1)",
    ("lambda t: T.multinomial(t, 2)", "different", 1): "[[100, 0], [100, 0], [0, 100]] (2, 1)",
    (
        "lambda t: T.multinomial(t, 2)",
        "same",
        0,
    ): "Vmap does not currently support same randomness with a batch",
    (
        "lambda t: T.multinomial(T.ones(3), 1) + 0 * t[:1]",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    ("lambda t: T.multinomial(T.ones(3), 1) + 0 * t[:1]", "different", 0): "[[100], [100]] (1, 1)",
    ("lambda t: T.multinomial(T.ones(3), 1) + 0 * t[:1]", "same", 0): "[[100], [100]] (1, 1)",
    ("T.bernoulli", "error", 0): "vmap: called random operation while in randomness error mode",
    ("T.bernoulli", "different", 0): "[[0, 100, 0], [0, 0, 100]] (3, 1)",
    ("T.bernoulli", "different", 1): "[[0, 100], [0, 100], [0, 100]] (2, 1)",
    ("T.bernoulli", "same", 0): "Vmap does not currently support same randomness with a batch",
    (
        "lambda t: T.bernoulli(t, 0.5)",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    ("lambda t: T.bernoulli(t, 0.5)", "different", 0): "[[0, 100, 100], [100, 100, 0]] (3, 1)",
    ("lambda t: T.bernoulli(t, 0.5)", "different", 1): "[[0, 100], [100, 100], [100, 0]] (2, 1)",
    (
        "lambda t: T.bernoulli(t, 0.5)",
        "same",
        0,
    ): "Vmap does not currently support same randomness with a batch",
    (
        "lambda t: t.clone().bernoulli_(t)",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    ("lambda t: t.clone().bernoulli_(t)", "different", 0): "[[0, 100, 0], [0, 0, 100]] (3, 1)",
    ("lambda t: t.clone().bernoulli_(t)", "different", 1): "[[0, 0], [100, 0], [0, 100]] (1, 3)",
    (
        "lambda t: t.clone().bernoulli_(t)",
        "same",
        0,
    ): "Vmap does not currently support same randomness with a batch",
    (
        "lambda t: T.zeros(3).bernoulli_(t)",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    (
        "lambda t: T.zeros(3).bernoulli_(t)",
        "different",
        0,
    ): "vmap: inplace bernoulli(self, *extra_args) is not possible b",
    (
        "lambda t: T.zeros(3).bernoulli_(t)",
        "same",
        0,
    ): "Vmap does not currently support same randomness with a batch",
    ("T.rand_like", "error", 0): "vmap: called random operation while in randomness error mode",
    ("T.rand_like", "different", 0): "[[83, 13, 91], [82, 92, 12]] (3, 1)",
    ("T.rand_like", "different", 1): "[[83, 82], [13, 92], [91, 12]] (1, 3)",
    ("T.rand_like", "same", 0): "[[83, 13, 91], [83, 13, 91]] (0, 1)",
    ("T.randn_like", "error", 0): "vmap: called random operation while in randomness error mode",
    ("T.randn_like", "different", 0): "[[-49, -60, -56], [67, -20, 194]] (3, 1)",
    ("T.randn_like", "different", 1): "[[-49, 67], [-60, -20], [-56, 194]] (1, 3)",
    ("T.randn_like", "same", 0): "[[-49, -60, -56], [-49, -60, -56]] (0, 1)",
    (
        "lambda t: T.randint_like(t, 5)",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    ("lambda t: T.randint_like(t, 5)", "different", 0): "[[100, 400, 200], [0, 100, 0]] (3, 1)",
    ("lambda t: T.randint_like(t, 5)", "different", 1): "[[100, 0], [400, 100], [200, 0]] (1, 3)",
    ("lambda t: T.randint_like(t, 5)", "same", 0): "[[100, 400, 200], [100, 400, 200]] (0, 1)",
    (
        "lambda t: T.rand_like(T.zeros(3)) + t",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    (
        "lambda t: T.rand_like(T.zeros(3)) + t",
        "different",
        0,
    ): "[[100, 46, 141], [149, 175, 112]] (3, 1)",
    ("lambda t: T.rand_like(T.zeros(3)) + t", "same", 0): "[[100, 46, 141], [150, 96, 191]] (3, 1)",
    (
        "lambda t: t.clone().random_(10)",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    ("lambda t: t.clone().random_(10)", "different", 0): "[[100, 400, 700], [500, 600, 0]] (3, 1)",
    (
        "lambda t: t.clone().random_(10)",
        "different",
        1,
    ): "[[100, 500], [400, 600], [700, 0]] (1, 3)",
    ("lambda t: t.clone().random_(10)", "same", 0): "[[100, 400, 700], [100, 400, 700]] (3, 1)",
    (
        "lambda t: t.clone().normal_()",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    ("lambda t: t.clone().normal_()", "different", 0): "[[-49, -60, -56], [67, -20, 194]] (3, 1)",
    ("lambda t: t.clone().normal_()", "different", 1): "[[-49, 67], [-60, -20], [-56, 194]] (1, 3)",
    ("lambda t: t.clone().normal_()", "same", 0): "[[-49, -60, -56], [-49, -60, -56]] (3, 1)",
    (
        "lambda t: T.zeros(3).normal_()",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    (
        "lambda t: T.zeros(3).normal_()",
        "different",
        0,
    ): "vmap: Cannot ask for different inplace randomness on an unba",
    ("lambda t: T.zeros(3).normal_()", "same", 0): "[[-49, -60, -56], [-49, -60, -56]] (0, 1)",
    (
        "lambda t: t.new_empty(2).uniform_()",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    ("lambda t: t.new_empty(2).uniform_()", "different", 0): "[[83, 13], [91, 82]] (2, 1)",
    (
        "lambda t: t.new_empty(2).uniform_()",
        "different",
        1,
    ): "[[83, 13], [91, 82], [92, 12]] (2, 1)",
    ("lambda t: t.new_empty(2).uniform_()", "same", 0): "[[83, 13], [83, 13]] (2, 1)",
    ("F.dropout", "error", 0): "vmap: called random operation while in randomness error mode",
    ("F.dropout", "different", 0): "[[0, 67, 100], [133, 167, 0]] (3, 1)",
    ("F.dropout", "different", 1): "[[0, 133], [67, 167], [100, 0]] (1, 3)",
    ("F.dropout", "same", 0): "[[0, 67, 100], [0, 167, 200]] (3, 1)",
    (
        "lambda t: F.dropout(T.ones(1))",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    ("lambda t: F.dropout(T.ones(1))", "different", 0): "[[0], [200]] (1, 1)",
    ("lambda t: F.dropout(T.ones(1))", "same", 0): "[[0], [0]] (0, 1)",
    (
        "lambda t: F.dropout1d(t.reshape(-1, 1), 0.5)",
        "error",
        0,
    ): "vmap: called random operation while in randomness error mode",
    (
        "lambda t: F.dropout1d(t.reshape(-1, 1), 0.5)",
        "different",
        0,
    ): "[[[0], [67], [100]], [[133], [167], [0]]] (3, 1, 1)",
    (
        "lambda t: F.dropout1d(t.reshape(-1, 1), 0.5)",
        "different",
        1,
    ): "[[[0], [133]], [[67], [167]], [[100], [0]]] (1, 3, 3)",
    (
        "lambda t: F.dropout1d(t.reshape(-1, 1), 0.5)",
        "same",
        0,
    ): "[[[0], [67], [100]], [[0], [167], [200]]] (3, 1, 1)",
}


def drawn(T, case, randomness, dim):
    T.manual_seed(5)
    x = T.arange(1.0, 7.0).reshape(2, 3) / 6
    try:
        r = T.func.vmap(
            eval(case, {"T": T, "F": T.nn.functional}), in_dims=dim, randomness=randomness
        )(x)
    except RuntimeError as e:
        return str(e)[:60]
    return f"{(r * 100).round().int().tolist()} {r.stride()}"


@pytest.mark.parametrize("key", RANDOM, ids=str)
@pytest.mark.parametrize("name", ["facula", "torch"])
def test_random_ops_under_vmap(name, key):
    assert drawn(pytest.importorskip(name), *key) == RANDOM[key]


def test_new_tensors_are_batched_where_their_model_is():
    x = torch.arange(6.0).reshape(2, 3)
    for f in (
        lambda t: t.new_zeros(3).add_(t),
        lambda t: t.new_full((3,), 1.0).mul_(t),
        lambda t: t.new_empty(3).copy_(t),
    ):
        r = vmap(f)(x)
        assert r.tolist() == x.tolist() and r.is_contiguous()
    nested = vmap(vmap(lambda t: t.new_ones(2).mul_(t)))(x)
    assert nested.tolist() == x[..., None].expand(2, 3, 2).tolist()
