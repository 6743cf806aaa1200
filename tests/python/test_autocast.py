"""Autocast on the CPU: which op runs in which precision, its cache of casts, its state; custom
functions and GradScaler. Expected values are PyTorch 2.13's."""

import pickle
import warnings

import pytest

import facula as torch
import facula.nn.functional as F
from facula.utils._python_dispatch import TorchDispatchMode

f32, bf16, f16, f64 = torch.float32, torch.bfloat16, torch.float16, torch.float64


class Log(TorchDispatchMode):
    def __init__(self):
        self.ops = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        result = func(*args, **(kwargs or {}))
        self.ops.append((str(func), str(result.dtype)[6:]))
        return result


# PyTorch's list for Linear + dropout + sum + backward; [] where ours needs no such op, and the
# fused op after "=".
PYTORCH = """
_to_copy.default bfloat16
_to_copy.default bfloat16
_to_copy.default bfloat16
t.default bfloat16          = linear.default bfloat16
addmm.default bfloat16      []
empty_like.default bfloat16
bernoulli_.float bfloat16
div_.Scalar bfloat16        = div_.Tensor bfloat16
mul.Tensor bfloat16
sum.default bfloat16
ones_like.default bfloat16
expand.default bfloat16
mul.Tensor bfloat16
t.default bfloat16          = transpose.int bfloat16
mm.default bfloat16
t.default bfloat16          []
sum.dim_IntList bfloat16
view.default bfloat16       []
t.default bfloat16          []
_to_copy.default float32
detach.default float32
_to_copy.default float32
detach.default float32
"""


def pytorch_list():
    theirs, ours = [], []
    for line in PYTORCH.strip().splitlines():
        left, _, right = line.partition("=")
        theirs.append(tuple(left.replace("[]", "").split()))
        if right:
            ours.append(tuple(right.split()))
        elif "[]" not in left:
            ours.append(theirs[-1])
    return theirs, ours


def test_the_ops_of_a_step():
    linear, x = torch.nn.Linear(4, 3), torch.randn(2, 4)
    with Log() as log:
        with torch.autocast("cpu", dtype=bf16):
            loss = F.dropout(linear(x), 0.5).sum()
        loss.backward()
    assert log.ops == [("aten." + name, d) for name, d in pytorch_list()[1]]
    assert linear.weight.grad.dtype is f32 and linear.bias.grad.dtype is f32


def test_the_recorded_list_is_pytorchs():
    reference = pytest.importorskip("torch")
    from torch.utils._python_dispatch import TorchDispatchMode as Mode

    seen = []

    class RefLog(Mode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            result = func(*args, **(kwargs or {}))
            seen.append((str(func)[5:], str(result.dtype)[6:]))
            return result

    linear, x = reference.nn.Linear(4, 3), reference.randn(2, 4)
    with RefLog():
        with reference.autocast("cpu", dtype=reference.bfloat16):
            loss = reference.nn.functional.dropout(linear(x), 0.5).sum()
        loss.backward()
    assert seen == pytorch_list()[0]


x, h, t = torch.randn(4, 4), torch.randn(4, 4).to(bf16), torch.tensor([0, 1, 2, 3])


@pytest.mark.parametrize(
    "call, dtype",
    [
        (lambda: x @ x, bf16),
        (lambda: torch.mm(x, x), bf16),
        (lambda: torch.matmul(x[None], x[None]), bf16),
        (lambda: torch.bmm(x[None], x[None]), bf16),
        (lambda: torch.addmm(x, x, x), bf16),
        (lambda: torch.baddbmm(x[None], x[None], x[None]), bf16),
        (lambda: F.linear(x, x), bf16),
        (lambda: torch.einsum("ij,jk->ik", x, x), bf16),
        (lambda: torch.inner(x, x), bf16),
        (lambda: torch.mv(x, x[0]), f32),
        (lambda: torch.dot(x[0], x[0]), f32),
        (lambda: torch.outer(x[0], x[0]), f32),
        (lambda: F.prelu(x, x[0, :1]), bf16),
        (lambda: F.mse_loss(h, h), f32),
        (lambda: F.l1_loss(h, h), f32),
        (lambda: F.smooth_l1_loss(h, h), f32),
        (lambda: F.huber_loss(h, h), f32),
        (lambda: F.binary_cross_entropy(h.sigmoid(), h.sigmoid()), f32),
        (lambda: F.binary_cross_entropy_with_logits(h, h), f32),
        (lambda: F.soft_margin_loss(h, h), f32),
        (lambda: F.poisson_nll_loss(h, h), f32),
        (lambda: F.margin_ranking_loss(h, h, h), f32),
        (lambda: F.triplet_margin_loss(h, h, h), f32),
        (lambda: F.hinge_embedding_loss(h, h.sign()), f32),
        (lambda: h.exp(), bf16),
        (lambda: h.sum(), bf16),
        (lambda: h.pow(2), bf16),
        (lambda: h + x, f32),
        (lambda: torch.mm(x.double(), x.double()), f64),
        (lambda: torch.mm(x, x, out=torch.empty(4, 4)), f32),
    ],
)
def test_precision(call, dtype):
    with torch.autocast("cpu"):
        assert call().dtype is dtype


def test_values():
    a, b = torch.randn(8, 8), torch.randn(8, 8)
    with torch.autocast("cpu"):
        y = a @ b
    assert torch.equal(y, a.to(bf16) @ b.to(bf16))


def test_cache():
    w, a = torch.randn(4, 4, requires_grad=True), torch.randn(4, 4)

    def casts(**options):
        with Log() as log, torch.autocast("cpu", **options):
            y = (a @ w).sum() + (a @ w).sum()
        y.backward()
        return [name for name, _ in log.ops].count("aten._to_copy.default")

    assert casts() == 3  # w once, a twice
    once = w.grad.clone()
    assert casts(cache_enabled=False) == 4
    assert torch.equal(w.grad - once, once)
    # the cache lives until the outermost context ends
    with Log() as log, torch.autocast("cpu"):
        with torch.autocast("cpu"):
            a @ w
        a @ w
    assert [name for name, _ in log.ops].count("aten._to_copy.default") == 3
    with torch.autocast("cpu"):
        a @ w
        w.data.fill_(1)
    with torch.autocast("cpu"):
        assert torch.equal(a @ w, a.to(bf16) @ torch.ones(4, 4, dtype=bf16))


def test_a_cast_under_no_grad_does_not_cut_the_graph():
    w, a = torch.randn(4, 4, requires_grad=True), torch.randn(4, 4)
    with torch.autocast("cpu"):
        with torch.no_grad():
            a @ w
        (a @ w).sum().backward()
    assert w.grad is not None


def test_state():
    assert not torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") is bf16
    with torch.autocast("cpu", dtype=f16, cache_enabled=False):
        assert torch.is_autocast_enabled("cpu") and torch.get_autocast_dtype("cpu") is f16
        assert not torch.is_autocast_enabled() and not torch.is_autocast_cache_enabled()
        assert (x @ x).dtype is f16
        with torch.autocast("cpu", enabled=False):
            assert not torch.is_autocast_enabled("cpu") and (x @ x).dtype is f32
        with torch.autocast("cpu", dtype=bf16):
            assert (x @ x).dtype is bf16
        assert (x @ x).dtype is f16
    assert not torch.is_autocast_enabled("cpu") and torch.is_autocast_cache_enabled()
    assert torch.get_autocast_dtype("cpu") is bf16 and (x @ x).dtype is f32


def test_decorator_and_exceptions():
    @torch.autocast("cpu")
    def f():
        return x @ x

    assert f().dtype is bf16
    with pytest.raises(KeyError), torch.autocast("cpu"):
        raise KeyError
    assert (x @ x).dtype is f32
    assert isinstance(torch.amp.autocast("cpu"), torch.autocast)


def test_refusals():
    with pytest.warns(UserWarning, match="the target dtype is not supported. Disabling autocast."):
        assert not torch.autocast("cpu", dtype=f32)._enabled
    with pytest.warns(UserWarning, match="CUDA is not available"):
        assert not torch.autocast("cuda")._enabled
    with pytest.raises(RuntimeError, match="device type at start of device string: nope"):
        torch.autocast("nope")
    with pytest.raises(RuntimeError, match="unsupported scalarType"):
        torch.autocast("meta")
    with pytest.raises(TypeError, match="device_type"):
        torch.autocast()
    with pytest.raises(ValueError, match="Expected `device_type` of type `str`"):
        torch.autocast(1)


def test_grad_scaler():
    s, p = torch.amp.GradScaler("cpu"), torch.nn.Parameter(torch.ones(2))
    o = torch.optim.SGD([p], lr=0.1)
    loss = s.scale((p * 2).sum())
    assert loss.item() == 262144.0
    loss.backward()
    assert p.grad.tolist() == [131072.0, 131072.0]
    s.unscale_(o)
    assert p.grad.tolist() == [2.0, 2.0]
    with pytest.raises(RuntimeError, match="already been called on this optimizer"):
        s.unscale_(o)
    s.step(o)
    s.update()
    assert torch.allclose(p, torch.tensor([0.8, 0.8])) and s.get_scale() == 65536.0
    assert s.state_dict() == {
        "scale": 65536.0, "growth_factor": 2.0, "backoff_factor": 0.5, "growth_interval": 2000,
        "_growth_tracker": 1,
    }  # fmt: skip
    p.grad = torch.tensor([float("inf"), 1.0])
    before = p.detach().clone()
    s.step(o)
    s.update()
    assert torch.equal(p, before) and s.get_scale() == 32768.0
    assert pickle.loads(pickle.dumps(s)).get_scale() == 32768.0


def test_grad_scaler_grows_and_disables():
    s, p = torch.amp.GradScaler("cpu", growth_interval=2), torch.nn.Parameter(torch.ones(2))
    o = torch.optim.SGD([p], lr=0.1)
    for _ in range(2):
        o.zero_grad()
        s.scale(p.sum()).backward()
        s.step(o)
        s.update()
    assert s.get_scale() == 2.0**17
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        off = torch.amp.GradScaler("cuda")
    assert not off.is_enabled() and off.scale(p) is p and off.get_scale() == 1.0
