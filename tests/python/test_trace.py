"""trace(): the order and the type of its sum, dtypes, errors, batches, and PyTorch's values live."""

import pytest

import facula as torch

pytestmark = pytest.mark.kernels
WHOLE = "uint8 int8 int16 int32 int64".split()
FLOATS = "float16 bfloat16 float32 float64 complex64 complex128".split()
VIEWS = [
    lambda x: x,
    lambda x: x.t(),
    lambda x: x[1:, ::2],
    lambda x: x[:1].expand(4, -1),
    lambda x: x[:0],
]


@pytest.mark.parametrize("name", WHOLE + FLOATS)
def test_values(name):
    x = torch.arange(1, 13).reshape(3, 4).to(getattr(torch, name))
    for view in VIEWS:
        y = view(x)
        expected = sum(y[i, i].item() for i in range(min(y.shape)))
        assert torch.trace(y).item() == y.trace().item() == expected
        assert torch.trace(y).shape == ()
        assert torch.trace(y).dtype is (torch.int64 if name in WHOLE else y.dtype)


def test_sums():
    assert torch.trace(torch.full((2, 2), 127, dtype=torch.int8)).item() == 254
    assert torch.trace(torch.full((2, 2), 2**63 - 1)).item() == -2
    # in order, float32 by way of float64, float16 by way of float32
    assert torch.trace(torch.diag(torch.tensor([1e8, 1.0, -1e8]))).item() == 1
    assert torch.trace(torch.diag(torch.tensor([6e4, 6e4, -6e4])).half()).item() == 60000
    assert torch.trace(torch.tensor([[1 + 2j]]).conj()).item() == 1 - 2j


def test_errors():
    for shape in ((), (3,), (2, 2, 2)):
        text = f"trace: expected a matrix, but got tensor with dim {len(shape)}"
        with pytest.raises(RuntimeError, match=text):
            torch.trace(torch.ones(shape))
    with pytest.raises(NotImplementedError, match="\"trace\" not implemented for 'Bool'"):
        torch.trace(torch.ones(2, 2, dtype=torch.bool))
    with pytest.raises(TypeError, match="unexpected keyword argument 'out'"):
        torch.trace(torch.ones(2, 2), out=torch.ones(()))
    assert not hasattr(torch.ones(2, 2), "trace_")
    meta = torch.trace(torch.ones(2, 3, device="meta", dtype=torch.int8))
    assert meta.dtype is torch.int64 and meta.shape == ()


def test_gradient():
    for shape in ((2, 3), (5, 2), (0, 3)):
        x = torch.randn(shape, requires_grad=True)
        y = torch.trace(x)
        assert type(y.grad_fn).__name__ == "TraceBackward0"
        assert y.grad_fn._saved_self_sym_sizes == shape
        (3 * y).backward()
        assert torch.equal(x.grad, 3 * torch.eye(*shape))


def test_batches():
    x = torch.arange(24.0).reshape(4, 2, 3)
    expected = torch.stack([torch.trace(one) for one in x])
    assert torch.equal(torch.func.vmap(torch.trace)(x), expected)
    assert torch.equal(torch.func.vmap(torch.trace, in_dims=2)(x.movedim(0, 2)), expected)
    assert torch.func.vmap(torch.trace)(torch.ones(0, 2, 2)).shape == (0,)
    assert torch.func.vmap(torch.trace)(x.int()).dtype is torch.int64
    gradients = torch.func.vmap(torch.func.grad(torch.trace))(x)
    assert torch.equal(gradients, torch.eye(2, 3).expand(4, 2, 3))
    with pytest.raises(RuntimeError, match="trace: expected a matrix, but got tensor with dim 1"):
        torch.func.vmap(torch.trace)(torch.ones(2, 2))


@pytest.mark.parametrize("name", FLOATS)
def test_live(name):
    theirs = pytest.importorskip("torch")
    torch.manual_seed(0)
    values = torch.randn(70, 61, dtype=torch.float64).tolist()
    answers = []
    for module in (torch, theirs):
        x = module.tensor(values, dtype=getattr(module, name))
        answers.append([view(x).trace().item() for view in VIEWS])
    assert answers[0] == answers[1]
