"""Ops of neural networks: against PyTorch where it is importable, and against definitions written
out here where it is not; second derivatives by differences; the same bits at any thread count."""

import itertools
import math

import pytest

facula = pytest.importorskip("facula")
pytest.importorskip("facula._C")
F = facula.nn.functional


def _values(n, seed):
    """n values of no pattern between -2 and 2, the same for both libraries."""
    return [2 * math.sin(12.9898 * (i + 1) + 78.233 * seed) for i in range(n)]


def _make(lib, spec, seed):
    if spec is None or not isinstance(spec, tuple):
        return spec
    kind, *shape = spec
    n = math.prod(shape)
    if kind == "i":  # indices below 3
        return lib.tensor([(7 * i + seed) % 3 for i in range(n)]).reshape(shape)
    data = _values(n, seed)
    if kind == "p":  # positive, not a leaf of interest
        return lib.tensor([abs(v) + 0.1 for v in data], dtype=lib.float64).reshape(shape)
    return lib.tensor(data, dtype=lib.float64).reshape(shape).requires_grad_()


def _run(lib, function, specs, dtype):
    tensors = [_make(lib, s, i) for i, s in enumerate(specs)]
    leaves = [t for t in tensors if hasattr(t, "requires_grad") and t.requires_grad]
    cast = [
        t.to(getattr(lib, dtype)) if hasattr(t, "dtype") and t.dtype == lib.float64 else t
        for t in tensors
    ]
    out = function(lib, *cast)
    weights = lib.tensor(_values(out.numel(), 99), dtype=out.dtype).reshape(tuple(out.shape))
    if not out.requires_grad:
        return [out.tolist()]
    (out * weights).sum().backward()
    return [out.tolist()] + [t.grad.tolist() for t in leaves]


def _flat(x):
    return [x] if not isinstance(x, list) else [v for y in x for v in _flat(y)]


CASES = {
    "linear": (
        lambda t, x, w, b: t.nn.functional.linear(x, w, b),
        ["f", 4, 6],
        ["f", 5, 6],
        ["f", 5],
    ),
    "embedding": (lambda t, i, w: t.embedding(w, i, 1), ["i", 4, 2], ["f", 3, 5]),
    "embedding freq": (lambda t, i, w: t.embedding(w, i, -1, True), ["i", 7], ["f", 3, 5]),
    "nll_loss": (lambda t, x, i: t._C._nn.nll_loss_nd(x, i, None, 1), ["f", 5, 3], ["i", 5]),
    "nll_loss2d": (
        lambda t, x, i, w: t._C._nn.nll_loss_nd(x, i, w, 2, 1),
        ["f", 2, 3, 2, 2],
        ["i", 2, 2, 2],
        ["p", 3],
    ),
    "cross_entropy": (lambda t, x, i: t.nn.functional.cross_entropy(x, i), ["f", 9, 3], ["i", 9]),
    "cross_entropy smooth": (
        lambda t, x, i, w: t.nn.functional.cross_entropy(x, i, w, label_smoothing=0.2),
        ["f", 4, 3, 2],
        ["i", 4, 2],
        ["p", 3],
    ),
    "cross_entropy probabilities": (
        lambda t, x, p: t.nn.functional.cross_entropy(x, p, reduction="sum"),
        ["f", 4, 3],
        ["p", 4, 3],
    ),
    "layer_norm": (
        lambda t, x, w, b: t.layer_norm(x, (3, 7), w, b),
        ["f", 20, 3, 7],
        ["f", 3, 7],
        ["f", 3, 7],
    ),
    "rms_norm": (lambda t, x, w: t.rms_norm(x, (7,), w, 1e-5), ["f", 4, 7], ["f", 7]),
    "group_norm": (
        lambda t, x, w, b: t.group_norm(x, 2, w, b),
        ["f", 3, 4, 5],
        ["f", 4],
        ["f", 4],
    ),
    "batch_norm": (
        lambda t, x, w, b: t.batch_norm(x, w, b, None, None, True, 0.1, 1e-5, False),
        ["f", 4, 3, 5],
        ["f", 3],
        ["f", 3],
    ),
    "batch_norm rows": (
        lambda t, x, w: t.batch_norm(x, w, None, None, None, True, 0.1, 1e-5, False),
        ["f", 9, 70],
        ["f", 70],
    ),
    "batch_norm eval": (
        lambda t, x, w, m, v: t.batch_norm(x, w, None, m, v, False, 0.1, 1e-5, False),
        ["f", 4, 3, 5],
        ["f", 3],
        ["p", 3],
        ["p", 3],
    ),
    "instance_norm": (
        lambda t, x, w: t.instance_norm(x, w, None, None, None, True, 0.1, 1e-5, False),
        ["f", 2, 3, 6],
        ["f", 3],
    ),
    "conv1d": (lambda t, x, w: t.conv1d(x, w, None, 2, 3, 2), ["f", 2, 3, 11], ["f", 4, 3, 3]),
    "conv2d": (
        lambda t, x, w, b: t.conv2d(x, w, b, (2, 1), (1, 2), 1, 2),
        ["f", 2, 4, 7, 6],
        ["f", 6, 2, 3, 2],
        ["f", 6],
    ),
    "conv2d same": (
        lambda t, x, w: t.conv2d(x, w, None, 1, "same", 2),
        ["f", 2, 3, 7, 6],
        ["f", 2, 3, 2, 3],
    ),
    "conv2d depthwise": (
        lambda t, x, w, b: t.conv2d(x, w, b, 2, 1, 1, 5),
        ["f", 2, 5, 9, 38],
        ["f", 10, 1, 3, 3],
        ["f", 10],
    ),
    "conv3d": (
        lambda t, x, w: t.conv3d(x, w, None, 1, (1, 0, 1)),
        ["f", 1, 2, 4, 5, 4],
        ["f", 3, 2, 2, 3, 2],
    ),
    "conv_transpose2d": (
        lambda t, x, w, b: t.conv_transpose2d(x, w, b, (2, 3), 1, (1, 2), 2, (1, 2)),
        ["f", 2, 4, 4, 3],
        ["f", 4, 3, 3, 2],
        ["f", 6],
    ),
    "max_pool2d": (
        lambda t, x: t.max_pool2d(x, 3, 2, 1, 1, True),
        ["f", 2, 3, 8, 9],
    ),
    "max_pool2d indices": (
        lambda t, x: t._C._nn.max_pool2d_with_indices(x, (2, 3), (1, 2), 1)[1],
        ["f", 3, 8, 9],
    ),
    "avg_pool2d": (
        lambda t, x: t._C._nn.avg_pool2d(x, 3, 2, 1, True, False),
        ["f", 2, 3, 8, 9],
    ),
    "adaptive_avg_pool2d": (
        lambda t, x: t._C._nn.adaptive_avg_pool2d(x, (3, 4)),
        ["f", 2, 3, 8, 9],
    ),
    "adaptive_max_pool2d": (
        lambda t, x: t._C._nn.adaptive_max_pool2d(x, (3, 4))[0],
        ["f", 2, 3, 8, 9],
    ),
    "unfold": (
        lambda t, x: t._C._nn.im2col(x, (2, 3), (1, 2), (1, 0), (2, 1)),
        ["f", 2, 3, 6, 7],
    ),
    "fold": (
        lambda t, x: t._C._nn.col2im(x, (5, 6), (2, 3), (1, 1), (1, 0), (2, 1)),
        ["f", 2, 12, 12],
    ),
    "attention": (
        lambda t, q, k, v: t._C._nn.scaled_dot_product_attention(q, k, v, is_causal=True),
        ["f", 2, 3, 70, 8],
        ["f", 2, 3, 70, 8],
        ["f", 2, 3, 70, 8],
    ),
    "attention mask": (
        lambda t, q, k, v, m: t._C._nn.scaled_dot_product_attention(q, k, v, m > 0.7, scale=0.3),
        ["f", 1, 2, 5, 8],
        ["f", 1, 2, 300, 8],
        ["f", 1, 2, 300, 8],
        ["p", 5, 300],
    ),
    "attention groups": (
        lambda t, q, k, v: t._C._nn.scaled_dot_product_attention(q, k, v, enable_gqa=True),
        ["f", 2, 6, 4, 8],
        ["f", 2, 2, 5, 8],
        ["f", 2, 2, 5, 8],
    ),
}
TOLERANCE = {"float64": 1e-9, "float32": 2e-4, "bfloat16": 0.15, "float16": 2e-2}


@pytest.mark.parametrize("dtype", TOLERANCE)
@pytest.mark.parametrize("name", CASES)
def test_against_pytorch(name, dtype):
    torch = pytest.importorskip("torch")
    function, *specs = CASES[name]
    specs = [tuple(s) for s in specs]
    got = _run(facula, function, specs, dtype)
    want = _run(torch, function, specs, dtype)
    assert len(got) == len(want)
    for x, y in zip(got, want):
        x, y = _flat(x), _flat(y)
        assert len(x) == len(y)
        top = max(1.0, *map(abs, y))
        assert max(abs(a - b) for a, b in zip(x, y)) <= TOLERANCE[dtype] * top


# An embedding's padding and frequencies make its gradient none of a function's.
@pytest.mark.parametrize("name", [n for n in CASES if not n.startswith("embedding")])
def test_gradients_are_the_limits_of_differences(name):
    """First derivatives of the value, and second ones of the first, along one direction."""
    function, *specs = CASES[name]
    tensors = [_make(facula, tuple(s), i) for i, s in enumerate(specs)]
    leaves = [t for t in tensors if t.requires_grad]
    steps = [facula.tensor(_values(t.numel(), 50 + i), dtype=t.dtype).reshape(tuple(t.shape))
             for i, t in enumerate(leaves)]  # fmt: skip

    def value(h):
        moved = iter([(t + h * s).detach().requires_grad_() for t, s in zip(leaves, steps)])
        args = [next(moved) if t.requires_grad else t for t in tensors]
        mine = [t for t in args if t.requires_grad]
        out = function(facula, *args)
        if not out.requires_grad:
            pytest.skip("no gradient")
        w = facula.tensor(_values(out.numel(), 99), dtype=out.dtype).reshape(tuple(out.shape))
        y = (out * w).sum()
        grads = facula.autograd.grad(y, mine, create_graph=True)
        along = sum((g * s).sum() for g, s in zip(grads, steps))
        return y, along, mine

    h = 1e-6
    if "max" in name:
        h = 1e-8  # no maximum may change its place
    y, along, mine = value(0.0)
    low, high = value(-h), value(h)
    slope = (high[0].item() - low[0].item()) / (2 * h)
    assert abs(slope - along.item()) <= 1e-4 * max(1.0, abs(slope))
    if not along.requires_grad:
        return
    seconds = facula.autograd.grad(along, mine, allow_unused=True)
    curve = sum((g * s).sum().item() for g, s in zip(seconds, steps) if g is not None)
    bend = (high[1].item() - low[1].item()) / (2 * h)
    assert abs(bend - curve) <= 1e-3 * max(1.0, abs(bend))


def test_convolution_is_its_definition():
    x = facula.tensor(_values(2 * 3 * 5 * 6, 1)).reshape(2, 3, 5, 6)
    w = facula.tensor(_values(4 * 3 * 2 * 3, 2)).reshape(4, 3, 2, 3)
    y = facula.conv2d(x, w, None, (1, 2), (1, 1), (2, 1))
    assert tuple(y.shape) == (2, 4, 5, 3)
    xs, ws, ys = x.tolist(), w.tolist(), y.tolist()
    for n, o, i, j in itertools.product(range(2), range(4), range(5), range(3)):
        want = 0.0
        for c, a, b in itertools.product(range(3), range(2), range(3)):
            p, q = i - 1 + 2 * a, 2 * j - 1 + b
            if 0 <= p < 5 and 0 <= q < 6:
                want += xs[n][c][p][q] * ws[o][c][a][b]
        assert abs(ys[n][o][i][j] - want) < 1e-4


def test_weight_gradients_see_no_more_than_their_taps():
    """An infinity that one tap never meets is no NaN in its gradient, wherever rows are padded."""
    x = facula.ones(1, 2, 5, 19)
    x[0, :, 2, 18] = float("inf")
    w = facula.ones(2, 1, 1, 3, requires_grad=True)
    facula.conv2d(x, w, None, 1, 0, 1, 2).sum().backward()
    assert w.grad.tolist() == [[[[85.0, 85.0, float("inf")]]]] * 2


def test_running_statistics_move():
    x = facula.tensor(_values(24, 3)).reshape(4, 2, 3)
    mean, var = facula.zeros(2), facula.ones(2)
    F.batch_norm(x, mean, var, training=True, momentum=0.25)
    for c in range(2):
        v = _flat(x[:, c].tolist())
        m = sum(v) / 12
        s = sum((a - m) ** 2 for a in v) / 11
        assert abs(mean[c].item() - 0.25 * m) < 1e-5
        assert abs(var[c].item() - (0.75 + 0.25 * s)) < 1e-5


@pytest.mark.parametrize("name", CASES)
def test_same_bits_at_any_thread_count(name):
    function, *specs = CASES[name]
    before = facula.get_num_threads()
    try:
        results = []
        for n in (1, 2, 3, 7):
            facula.set_num_threads(n)
            results.append(_run(facula, function, [tuple(s) for s in specs], "float32"))
        assert all(r == results[0] for r in results)
    finally:
        facula.set_num_threads(before)


@pytest.mark.parametrize(
    "text, error, message",
    [
        ("F.embedding(t([0, 5]), o(2, 3))", IndexError, "index out of range in self"),
        ("F.cross_entropy(o(2, 3), t([0, 5]))", IndexError, "Target 5 is out of bounds."),
        (
            "F.layer_norm(o(2, 3), (4,))",
            RuntimeError,
            "Given normalized_shape=[4], expected input with shape [*, 4], but got input of size[2, 3]",
        ),
        (
            "F.conv2d(o(1, 3, 4, 4), o(2, 4, 3, 3))",
            RuntimeError,
            "Given groups=1, weight of size [2, 4, 3, 3], expected input[1, 3, 4, 4] to have 4 "
            "channels, but got 3 channels instead",
        ),
        (
            "F.conv2d(o(1, 3, 4, 4), o(2, 3, 5, 5))",
            RuntimeError,
            "Calculated padded input size per channel: (4 x 4). Kernel size: (5 x 5). Kernel size "
            "can't be greater than actual input size",
        ),
        ("F.max_pool2d(o(1, 1, 4, 4), 2, stride=0)", RuntimeError, "stride should not be zero"),
        (
            "F.avg_pool2d(o(1, 1, 4, 4), 5)",
            RuntimeError,
            "Given input size: (1x4x4). Calculated output size: (1x0x0). Output size is too small",
        ),
    ],
)
def test_errors(text, error, message):
    with pytest.raises(error) as caught:
        eval(text, {"F": F, "t": facula.tensor, "o": lambda *n: facula.ones(n)})
    assert str(caught.value) == message
