"""kron(): blocks, numbers of dimensions that differ, strides, and PyTorch's values live."""

import itertools

import pytest

import facula as torch


def answers(torch):
    """Of every pair: shape, strides and values, or the error: PyTorch too views what it multiplied."""
    a, b = torch.arange(6.0).view(2, 3), torch.arange(4.0).view(2, 2) - 1
    last = torch.arange(16.0).view(1, 2, 4, 2).permute(0, 3, 1, 2)
    tensors = [a, a.t(), a[:, 1:], a[0], a[:0], a[0, 1], b, b.t(), last]
    said = []
    for x, y in itertools.product(tensors, tensors):
        try:
            r = torch.kron(x, y)
            said.append((tuple(r.shape), r.stride(), r.tolist()))
        except RuntimeError as e:
            said.append(str(e))
    return said


def test_blocks():
    blocks = torch.kron(torch.eye(2), torch.tensor([[1, 2], [3, 4]]))
    assert blocks.tolist() == [[1, 2, 0, 0], [3, 4, 0, 0], [0, 0, 1, 2], [0, 0, 3, 4]]
    assert torch.kron(torch.tensor([1, 10]), torch.tensor([[1], [2]])).tolist() == [
        [1, 10],
        [2, 20],
    ]
    a, b = torch.randn(2, 3, 4), torch.randn(3, 2)
    r = torch.kron(a, b)
    assert r.shape == (2, 9, 8)
    for i, j, k in ((0, 0, 0), (1, 4, 5), (1, 8, 7)):
        assert r[i, j, k] == a[i, j // 3, k // 2] * b[j % 3, k % 2]


def test_forms():
    a = torch.tensor([1, 2])
    assert a.kron(a).tolist() == [1, 2, 2, 4]
    assert torch.kron(a, torch.ones(1, dtype=torch.bfloat16)).dtype is torch.bfloat16
    assert torch.kron(a > 1, a > 0).tolist() == [False, False, True, True]
    out = torch.empty(8)[::2]
    assert torch.kron(a, a, out=out) is out and out.tolist() == [1, 2, 2, 4]
    shapes = torch.empty(2, device="meta"), torch.empty(3, 1, device="meta")
    assert torch.kron(*shapes).is_meta and torch.kron(*shapes).shape == (3, 2)
    with pytest.raises(TypeError, match="argument 'other' .position 2. must be Tensor, not int"):
        torch.kron(a, 2)
    with pytest.raises(RuntimeError, match="can't be cast to the desired output type Long"):
        torch.kron(a * 0.5, a, out=a.clone())


def test_gradient():
    a, b = torch.ones(2, requires_grad=True), torch.tensor([[1.0, 2.0]], requires_grad=True)
    y = torch.kron(a, b)
    assert type(y.grad_fn).__name__ == "UnsafeViewBackward0"
    (y * y).sum().backward()
    assert a.grad.tolist() == [10, 10] and b.grad.tolist() == [[4, 8]]


def test_live():
    assert answers(torch) == answers(pytest.importorskip("torch"))
