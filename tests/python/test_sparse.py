"""Tensors of layout sparse_coo: text, values and gradients, as PyTorch 2.13 has them."""

import copy
import pickle

import pytest

torch = pytest.importorskip("facula")

MATRIX = [[0.0, 2.0, 0.0], [3.0, 0.0, 4.0]]


def repeated():
    return torch.sparse_coo_tensor([[0, 0]], [1.0, 2.0], (4,))


def test_text():
    assert str(torch.zeros(2, 3, layout=torch.sparse_coo)) == (
        "tensor(indices=tensor([], size=(2, 0)),\n"
        "       values=tensor([], size=(0,)),\n"
        "       size=(2, 3), nnz=0, layout=torch.sparse_coo)"
    )
    x = torch.sparse_coo_tensor(
        [[0, 1], [1, 1]], [3, 4], (2, 3), dtype=torch.float64, requires_grad=True
    )
    assert str(x) == (
        "tensor(indices=tensor([[0, 1],\n"
        "                       [1, 1]]),\n"
        "       values=tensor([3., 4.]),\n"
        "       size=(2, 3), nnz=2, dtype=torch.float64, layout=torch.sparse_coo,\n"
        "       requires_grad=True)"
    )


def test_parts():
    x = repeated()
    assert (x._nnz(), x.sparse_dim(), x.dense_dim(), x.is_coalesced()) == (2, 1, 0, False)
    assert x.layout is torch.sparse_coo and x.is_sparse and x.shape == (4,)
    c = x.coalesce()
    assert c.is_coalesced() and c.indices().tolist() == [[0]] and c.values().tolist() == [3.0]
    with pytest.raises(RuntimeError, match="Cannot get indices on an uncoalesced tensor"):
        x.indices()
    with pytest.raises(RuntimeError, match="coalesce expected sparse coordinate tensor layout"):
        torch.ones(2).coalesce()


def test_there_and_back():
    m = torch.tensor(MATRIX)
    assert m.to_sparse().indices().tolist() == [[0, 1, 1], [1, 0, 2]]
    assert m.to_sparse(1).values().tolist() == MATRIX
    for n in (1, 2):
        assert torch.equal(m.to_sparse(n).to_dense(), m)
    assert torch.equal(repeated().to_dense(), torch.tensor([3.0, 0, 0, 0]))
    assert torch.equal(torch.tensor(3.0).to_sparse().to_dense(), torch.tensor(3.0))


def test_arithmetic():
    m = torch.tensor(MATRIX)
    x, s = m.to_sparse(), repeated()
    assert torch.equal((x + x * 2 - x / 2).to_dense(), m * 2.5)
    assert torch.equal(torch.ones(4).add_(s, alpha=2), torch.tensor([7.0, 1, 1, 1]))
    assert torch.equal(x @ torch.ones(3, 2), m @ torch.ones(3, 2))
    assert torch.equal(x.t().to_dense(), m.t())
    assert torch.equal((s * s).to_dense(), torch.tensor([9.0, 0, 0, 0]))
    assert s.sum().item() == 3
    with pytest.raises(RuntimeError, match=r"add\(sparse, dense\) is not supported"):
        s + torch.ones(4)
    with pytest.raises(NotImplementedError, match="Could not run 'aten::exp'"):
        s.exp()


def test_gradients():
    m = torch.tensor(MATRIX, requires_grad=True)
    (m.to_sparse().to_dense() ** 2).sum().backward()
    assert torch.equal(m.grad, 2 * m.detach())
    v = torch.tensor([1.0, 2.0], requires_grad=True)
    x = torch.sparse_coo_tensor([[0, 2]], v, (4,))
    (x.to_dense() * torch.arange(4.0)).sum().backward()
    assert v.grad.tolist() == [0.0, 2.0]
    leaf = torch.sparse_coo_tensor([[0, 2]], [1.0, 2.0], (4,)).coalesce().requires_grad_()
    (leaf.values() * 3).sum().backward()
    assert leaf.grad.is_sparse and leaf.grad.to_dense().tolist() == [3.0, 0, 3.0, 0]


def test_copies():
    x = repeated()
    for y in (copy.deepcopy(x), pickle.loads(pickle.dumps(x)), x.clone()):
        x.mul_(2)
        assert torch.equal(y.to_dense(), torch.tensor([3.0, 0, 0, 0]))
        x.div_(2)


@pytest.mark.parametrize(
    "indices, values, size, text",
    [
        ([[0, 2]], [1.0, 2.0], (2,), "size is 2 but found index 2"),
        ([[-1, 2]], [1.0, 2.0], (4,), "found negative index -1 for dim 0"),
        ([[0, 2]], [1.0], (4,), "must have same nnz"),
        ([[0, 2]], [[1.0, 2], [3, 4]], (4, 3), r"expected \[2, 3\], got \[2, 2\]"),
        ([[0, 2]], [1.0, 2.0], (4, 5), "len.size. == sparse_dim . dense_dim"),
        ([[0, 2]], [1.0, 2.0], (2**62, 2**62), "len.size. == sparse_dim . dense_dim"),
        ([[0], [2]], [1.0], (2**62, 2**62), "overflow"),
    ],
)
def test_refusals(indices, values, size, text):
    with pytest.raises(RuntimeError, match=text):
        torch.sparse_coo_tensor(indices, values, size)


def test_nothing_reads_memory_that_is_not_there():
    x = repeated()
    for read in (
        x.tolist,
        x.item,
        lambda: x[0],
        x.numpy,
        lambda: x.view(2, 2),
        lambda: x.new_tensor(x),
    ):
        try:
            read()
        except (RuntimeError, TypeError, NotImplementedError, ValueError, IndexError):
            pass


def test_data_of_sparse_tensors():
    a, b = torch.zeros(2, 2).to_sparse(), torch.eye(3).to_sparse()
    a.data = b
    assert a.shape == (3, 3) and a.to_dense().tolist() == b.to_dense().tolist()
    for x, y in ((a, torch.zeros(2)), (torch.zeros(2), a)):
        with pytest.raises(RuntimeError, match="incompatible tensor type"):
            x.data = y


def test_dense_to_dense_is_the_tensor_itself():
    x = torch.ones(2, requires_grad=True)
    assert x.to_dense() is x and x.is_leaf and x.grad_fn is None
    y = x * 2
    assert y.to_dense() is y and type(y.grad_fn).__name__ == "MulBackward0"
    y.to_dense().sum().backward()
    assert x.grad.tolist() == [2.0, 2.0]
