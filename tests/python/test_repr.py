"""Printed tensors: the texts recorded from PyTorch 2.13 (tests/golden/repr.json.gz), and live."""

import gzip
import json
import os

import pytest

import repr_cases

torch = pytest.importorskip("facula")

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(__file__)), "golden", "repr.json.gz")


def test_as_recorded():
    with gzip.open(GOLDEN, "rt", encoding="utf-8") as f:
        texts = json.load(f)
    for seed, expected in enumerate(texts):
        assert repr_cases.text(torch, seed) == expected, repr_cases.case(seed)


def test_live():
    reference = pytest.importorskip("torch")
    for seed in range(10_000, 11_000):
        got, expected = repr_cases.text(torch, seed), repr_cases.text(reference, seed)
        assert got == expected, repr_cases.case(seed)


def test_seed_lines():
    assert repr(torch.tensor([[0.1, 1.2], [2.2, 3.1], [4.9, 5.2]])) == (
        "tensor([[0.1000, 1.2000],\n        [2.2000, 3.1000],\n        [4.9000, 5.2000]])"
    )
    assert str(torch.tensor([2, 4, 6, 8])) == "tensor([2, 4, 6, 8])"
    t = torch.tensor([1, 2, 3], dtype=torch.int32)
    assert str(t) == "tensor([1, 2, 3], dtype=torch.int32)"
    w = torch.tensor([1.0], requires_grad=True)
    assert repr(w) == "tensor([1.], requires_grad=True)"
    assert repr(w + 1) == "tensor([2.], grad_fn=<AddBackward0>)"


def test_subclass_and_contents():
    class Mine(torch.Tensor):
        pass

    t = torch.ones(2).as_subclass(Mine)
    assert repr(t) == "Mine([1., 1.])"
    assert torch.ones(2).__repr__(tensor_contents="hidden") == "tensor(hidden)"


def test_options():
    before = torch._tensor_str.get_printoptions()
    assert before == {
        "precision": 4,
        "threshold": 1000,
        "edgeitems": 3,
        "linewidth": 80,
        "sci_mode": None,
    }
    with torch._tensor_str.printoptions(precision=2, sci_mode=True):
        assert repr(torch.tensor(1.5)) == "tensor(1.50e+00)"
        torch.set_printoptions(threshold=float("inf"))
        assert torch._tensor_str.PRINT_OPTS.threshold == float("inf")
        assert torch._tensor_str.PRINT_OPTS.sci_mode is None
    assert torch._tensor_str.get_printoptions() == before
    torch._tensor_str.PRINT_OPTS.precision = 1
    assert repr(torch.tensor(1.25)) == "tensor(1.2)"
    torch.set_printoptions(profile="default")
    with pytest.raises(ValueError):
        torch.set_printoptions(precision=-1)
    assert torch._tensor_str.get_printoptions() == before


def test_format():
    assert f"{torch.tensor(1.5):.3f}|{torch.tensor(3):5d}" == "1.500|    3"
    assert f"{torch.tensor([1.5])}" == "tensor([1.5000])"
    with pytest.raises(TypeError, match="unsupported format string passed to Tensor.__format__"):
        f"{torch.tensor([1.5]):.2f}"
