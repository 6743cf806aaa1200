"""gradcheck and gradgradcheck: what they say of right and wrong gradients, as recorded from
PyTorch 2.13 and live; and every differentiable op under them."""

import gzip
import json
import re

import pytest

import gradcheck_cases

torch = pytest.importorskip("facula")

with gzip.open(gradcheck_cases.GOLDEN) as f:
    RECORDED = json.load(f)
OURS = gradcheck_cases.outcomes(torch)

# Advice on failures speaks of PyTorch's own test suite there, of the caller's options here.
ADVICE = re.compile(
    r"(\n\nNOTE: If|\n\ngradcheck or gradgradcheck failed while|\n\n\ngradcheck failed while"
    r"|test might've passed in slow_mode!).*?(?=\n\nGot:|$)",
    re.DOTALL,
)
LONG = re.compile(r"-?\d+\.\d{9,}(e-?\d+)?")


def comparable(outcome):
    """Without the advice, and long numbers by six digits: differences divide noise by 1e-6."""
    texts = [t for t in outcome if "torch.jit.script" not in t]
    texts = [ADVICE.sub(" (advice)", t).rstrip() for t in texts]
    return [LONG.sub(lambda m: f"{round(float(m[0]), 6):.6g}", t) for t in texts]


@pytest.mark.parametrize("case", RECORDED)
def test_as_recorded(case):
    assert comparable(OURS[case]) == comparable(RECORDED[case])


def test_live():
    reference = pytest.importorskip("torch")
    theirs = gradcheck_cases.outcomes(reference)
    for case, ours in OURS.items():
        assert comparable(ours) == comparable(theirs[case]), case
