"""Edges of ops where PyTorch's answer is no matter of course: printed results, as PyTorch 2.13 gives them."""

import warnings

import pytest

torch = pytest.importorskip("facula")

CASES = {
    # a NaN has no sign
    "T.tensor([nan, -2.0, 0.0, 3.0, nan]).sign()": "tensor([ 0., -1.,  0.,  1.,  0.])",
    "T.tensor([nan] * 40, dtype=T.bfloat16).sgn().sum()": "tensor(0., dtype=torch.bfloat16)",
    # comparisons have no gradient to lose in out
    "T.ne(T.ones(2, requires_grad=True), 1, out=T.empty(2, dtype=T.bool))": "tensor([False, False])",
    "T.argmax(T.ones(2, requires_grad=True), out=T.empty(0, dtype=T.int64))": "tensor(0)",
    # the deprecated forms with the number first
    "T.ones(2).add_(2, T.ones(2))": "tensor([3., 3.])",
    "T.ones(2).sub(2, T.ones(2))": "tensor([-1., -1.])",
    "T.add(T.ones(2), 2, other=T.ones(2), out=T.empty(2))": "tensor([3., 3.])",
    "T.ones(2).add(T.tensor(2), T.ones(2))": "tensor([3., 3.])",
    "T.ones(2).addcmul_(0.5, T.ones(2), T.ones(2))": "tensor([1.5000, 1.5000])",
    "T.addcdiv(T.ones(2), -2, T.ones(2), T.ones(2))": "tensor([-1., -1.])",
}


def answer(torch, case):
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        return str(eval(case, {"T": torch, "nan": float("nan"), "inf": float("inf")}))


@pytest.mark.parametrize("case", CASES)
def test_as_recorded(case):
    assert answer(torch, case).replace("facula", "torch") == CASES[case]


@pytest.mark.parametrize("case", CASES)
def test_live(case):
    assert answer(pytest.importorskip("torch"), case) == CASES[case]


def test_number_first_keeps_gradients():
    x, y = torch.ones(2, requires_grad=True), torch.ones(2, requires_grad=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        (x * 1).add_(3, y).sum().backward()
    assert x.grad.tolist() == [1, 1] and y.grad.tolist() == [3, 3]


def test_parts_cannot_be_deleted():
    """Where PyTorch crashes."""
    z = torch.ones(2, dtype=torch.complex64)
    for part in ("real", "imag"):
        with pytest.raises(RuntimeError, match=f"Deleting the {part} part"):
            delattr(z, part)
    assert z.tolist() == [1, 1]
