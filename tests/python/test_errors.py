"""Wrong calls raise PyTorch 2.13's type and text; hostile ones raise something, quickly."""

import gzip
import json
import os
import sys

import pytest

import error_cases
import golden_nn

torch = pytest.importorskip("facula")

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(__file__)), "golden", "errors.json.gz")

pytestmark = pytest.mark.filterwarnings("ignore")


def test_as_recorded():
    with gzip.open(GOLDEN, "rt", encoding="utf-8") as f:
        recorded = json.load(f)
    wrong = []
    for case, expected in recorded.items():
        got = error_cases.answer(torch, case)
        if sys.version_info < (3, 10) and got is not None and expected is not None:
            got, expected = ([kind, golden_nn.unqualified(t)] for kind, t in (got, expected))
        if got != expected and case not in error_cases.OURS:
            wrong.append((case, expected, got))
    assert not wrong, f"{len(wrong)} cases: {wrong[:5]}"


def test_all_cases_are_recorded():
    with gzip.open(GOLDEN, "rt", encoding="utf-8") as f:
        assert set(json.load(f)) == set(error_cases.CASES) >= error_cases.OURS
