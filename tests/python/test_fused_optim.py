"""Fused steps of SGD, Adam and AdamW against the formulas op by op, bit for bit."""

import pytest

import facula as torch
from facula.optim import adam as adam_module
from facula.optim import sgd as sgd_module

pytestmark = pytest.mark.kernels

DTYPES = [torch.float32, torch.float64]
HALVES = [torch.float16, torch.bfloat16]
SGD = [
    {},
    {"weight_decay": 0.1},
    {"maximize": True, "weight_decay": 1},
    {"momentum": 0.9},
    {"momentum": 0.9, "dampening": 0.3, "weight_decay": 0.01},
    {"momentum": 0.5, "nesterov": True, "maximize": True},
    {"lr": 0.0, "momentum": 1.0},
]
ADAM = [
    {},
    {"betas": (0.3, 0.7), "eps": 1e-3},
    {"betas": (0.5, 0.9), "weight_decay": 0.1},
    {"amsgrad": True},
    {"amsgrad": True, "maximize": True, "weight_decay": 0.1, "betas": (0.0, 0.0)},
    {"decoupled_weight_decay": True, "weight_decay": 0.02},
    {"decoupled_weight_decay": True, "weight_decay": 0.02, "amsgrad": True, "eps": 0},
]


def bits(t):
    """What t holds, NaNs and signs of zeros included."""
    width = {2: torch.int16, 4: torch.int32, 8: torch.int64}[t.element_size()]
    return t.detach().contiguous().view(width).tolist()


def layouts(dtype):
    """Tensors of one dtype in all kinds of memory."""
    g = torch.Generator().manual_seed(7)

    def normal(*size):
        return torch.randn(size, generator=g, dtype=torch.float64).to(dtype)

    return [
        normal(),
        normal(1),
        normal(3, 5),
        normal(0, 4),
        normal(5, 7).t(),
        normal(9, 11)[1::2, ::3],
        normal(700)[::2],
        normal(2, 3, 4, 5).contiguous(memory_format=torch.channels_last),
        normal(300),
        normal(67, 129),
        normal(6, 4, 3).permute(2, 0, 1)[:, :, 1:],
        torch.tensor([0.0, -0.0, float("inf"), float("nan"), 1e-8, -1e30]).to(dtype),
    ]


def grad_like(p, step, contiguous):
    g = torch.Generator().manual_seed(100 + step)
    grad = torch.randn(tuple(p.shape), generator=g, dtype=torch.float64).to(p.dtype)
    if contiguous or p.dim() < 2:
        return grad
    return grad.transpose(0, 1).contiguous().transpose(0, 1)


def train(monkeypatch, name, options, dtype, fused, steps=3, contiguous=False):
    """Parameters and state after some steps; `fused` False takes the formulas op by op."""
    with monkeypatch.context() as patch:
        if not fused:
            patch.setattr(sgd_module, "_fused_sgd_", lambda *args: False)
            patch.setattr(adam_module, "_fused_adam_", lambda *args: False)
        params = [t.clone(memory_format=torch.preserve_format) for t in layouts(dtype)]
        params[5] = layouts(dtype)[5]  # with gaps, which clone() closes
        params = [p.requires_grad_() for p in params]
        op = getattr(torch.optim, name)(params, **options)
        for step in range(steps):
            for i, p in enumerate(params):
                p.grad = None if i == 3 + step else grad_like(p, 20 * step + i, contiguous)
            before = [p._version for p in params]
            op.step()
            for p, version in zip(params, before):
                assert (p._version > version) == (p.grad is not None)
        out = [bits(p) for p in params]
        for p in params:
            out += [bits(v) for _, v in sorted(op.state[p].items())]
        return out


CASES = [("SGD", o) for o in SGD] + [("Adam", o) for o in ADAM]


@pytest.mark.parametrize("name, options", CASES, ids=str)
@pytest.mark.parametrize("dtype", DTYPES, ids=str)
def test_fused_is_op_by_op(monkeypatch, name, options, dtype):
    for contiguous in (False, True):
        plain = train(monkeypatch, name, options, dtype, False, contiguous=contiguous)
        assert train(monkeypatch, name, options, dtype, True, contiguous=contiguous) == plain


@pytest.mark.parametrize("name, options", CASES, ids=str)
@pytest.mark.parametrize("dtype", HALVES, ids=str)
def test_halves_are_op_by_op(monkeypatch, name, options, dtype):
    plain = train(monkeypatch, name, options, dtype, False)
    assert train(monkeypatch, name, options, dtype, True) == plain
