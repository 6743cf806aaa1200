"""Custom functions, hooks, saved values, anomaly mode: as recorded from PyTorch 2.13, and live."""

import json

import pytest

import autograd_cases

torch = pytest.importorskip("facula")

with open(autograd_cases.GOLDEN) as f:
    RECORDED = json.load(f)
OURS = autograd_cases.outcomes(torch)

# facula names the argument that PyTorch's message stops short of.
CLEARER = {"markdirtybad"}


@pytest.mark.parametrize("case", RECORDED)
def test_as_recorded(case):
    if case in CLEARER:
        assert OURS[case].startswith(RECORDED[case])
    else:
        assert OURS[case] == RECORDED[case]


def test_live():
    reference = pytest.importorskip("torch")
    theirs = autograd_cases.outcomes(reference)
    assert {k: v for k, v in OURS.items() if k not in CLEARER} == {
        k: v for k, v in theirs.items() if k not in CLEARER
    }


def test_a_million_nodes():
    x = torch.ones(1, requires_grad=True)
    y = x
    for _ in range(1_000_000):
        y = y + 1
    y.backward()
    assert x.grad.item() == 1
    del y
