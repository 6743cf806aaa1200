"""torch.autograd.functional: values, graphs and errors as recorded from PyTorch 2.13, and live."""

import gzip
import json

import pytest

import functional_cases

torch = pytest.importorskip("facula")

with gzip.open(functional_cases.GOLDEN) as f:
    RECORDED = json.load(f)
OURS = functional_cases.outcomes(torch)


@pytest.mark.parametrize("name", sorted({case.split()[0] for case in RECORDED}))
def test_as_recorded(name):
    cases = [case for case in RECORDED if case.split()[0] == name]
    assert {c: OURS[c] for c in cases} == {c: RECORDED[c] for c in cases}


def test_live():
    reference = pytest.importorskip("torch")
    assert functional_cases.outcomes(reference) == OURS
