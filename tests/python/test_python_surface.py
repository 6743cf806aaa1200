"""What a Python prompt prints: the blocks of surface_cases.txt, as recorded from PyTorch 2.13."""

import gzip
import json
import os
import pathlib
import subprocess
import sys

import pytest

import surface_run

pytest.importorskip("facula")
numpy = pytest.importorskip("numpy")

HERE = pathlib.Path(__file__).resolve().parent
BLOCKS = surface_run.blocks()
# The wording of Python's and NumPy's own texts changes between their versions.
SAME_WORDING = sys.version_info[:2] == (3, 11) and numpy.__version__[0] == "2"


@pytest.fixture(scope="module")
def recorded():
    with gzip.open(HERE.parent / "golden" / "surface.json.gz", "rt") as file:
        return dict(json.load(file))


@pytest.fixture(scope="module")
def said(tmp_path_factory):
    path = tmp_path_factory.mktemp("surface") / "out.json"
    env = dict(os.environ, PYTHONPATH=str(HERE.parents[1] / "python"))
    command = [sys.executable, "-m", "facula", str(HERE / "surface_run.py"), str(path)]
    subprocess.run(command, env=env, check=True, timeout=120)
    return dict(json.loads(path.read_text()))


def comparable(text):
    if SAME_WORDING:
        return text.splitlines()
    foreign = ("! TypeError", "! AttributeError", "array(", "np.")
    return [line for line in text.splitlines() if not line.startswith(foreign)]


@pytest.mark.parametrize("block", BLOCKS, ids=[f"{i}" for i in range(len(BLOCKS))])
def test_says_the_same(block, recorded, said):
    assert comparable(said[block]) == comparable(recorded[block]), block


def test_all_blocks_are_recorded(recorded):
    assert set(recorded) == set(BLOCKS) and len(set(BLOCKS)) == len(BLOCKS)
