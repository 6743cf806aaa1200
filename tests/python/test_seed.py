"""The text that facula was asked for by prints what it says, line for line.

Its slips are read as PyTorch behaves: on Linux an array of integers is int64, and without a GPU
`.cuda()` raises. All of its statements, with PyTorch's printed text, are programs/seed.py."""

import pytest

torch = pytest.importorskip("facula")


def said(capsys):
    return capsys.readouterr().out.splitlines()


def test_from_data(capsys):
    print(torch.tensor([[0.1, 1.2], [2.2, 3.1], [4.9, 5.2]]))
    assert said(capsys) == [
        "tensor([[0.1000, 1.2000],",
        "        [2.2000, 3.1000],",
        "        [4.9000, 5.2000]])",
    ]


def test_from_values():
    """zeros(size) ones(size) full arange eye with the parameters that the table names."""
    assert torch.zeros((2, 3)).shape == torch.ones((2, 3)).shape == (2, 3)
    assert torch.full((2,), fill_value=7).tolist() == [7, 7]
    assert torch.arange(start=0, end=3, step=1).tolist() == [0, 1, 2]
    assert torch.equal(torch.eye(n=2, m=None), torch.eye(2, 2))
    given = {"out": None, "dtype": None, "layout": torch.strided, "device": None}
    assert not torch.zeros(*(2, 3), **given, requires_grad=False).any()


def test_shares_memory_with_numpy(capsys):
    np = pytest.importorskip("numpy")
    a = np.array([1, 2, 3], dtype=np.int32)
    t = torch.from_numpy(a)
    print(t)
    a[0], t[1] = 7, 8
    assert t.tolist() == a.tolist() == [7, 8, 3]
    t = torch.tensor([2, 4, 6, 8])
    print(t)
    print(t.numpy(), repr(t.numpy()).partition(", dtype")[0].rstrip(")") + ")")
    assert said(capsys) == [
        "tensor([1, 2, 3], dtype=torch.int32)",
        "tensor([2, 4, 6, 8])",
        "[2 4 6 8] array([2, 4, 6, 8])",
    ]


def test_devices(capsys):
    a = torch.tensor([2, 4, 6, 8])
    assert not torch.cuda.is_available()
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        a.cuda()
    with pytest.raises(RuntimeError, match="Cannot access accelerator device"):
        a.cuda(device=1)
    with pytest.raises(AssertionError, match="Torch not compiled with CUDA enabled"):
        a.to("cuda")
    device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
    print(a.to(device))
    print(a.cpu())
    with pytest.raises(RuntimeError, match="pin_memory=True requires"):
        torch.tensor([1], dtype=None, device=None, requires_grad=False, pin_memory=True)
    assert said(capsys) == ["tensor([2, 4, 6, 8])"] * 2


def test_autograd(capsys):
    w = torch.tensor([1.0], requires_grad=True)
    x = torch.tensor([2.0], requires_grad=True)
    a = torch.add(w, x)
    b = torch.add(w, 1)
    y = torch.mul(a, b)
    print(y.grad_fn)
    y.backward()
    print(x.grad)
    print(w.grad)
    lines = said(capsys)
    assert lines[0].startswith("<MulBackward0 object at 0x") and lines[0].endswith(">")
    assert lines[1:] == ["tensor([2.])", "tensor([5.])"]


def test_no_grad(capsys):
    x = torch.randn(3, requires_grad=True)
    print(x.requires_grad)
    print((x**2).requires_grad)
    with torch.no_grad():
        print((x**2).requires_grad)
    assert said(capsys) == ["True", "True", "False"]
