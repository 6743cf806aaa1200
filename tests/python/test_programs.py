"""Whole programs print what they print under PyTorch 2.13: programs/*.py, run by `-m facula`.

They use the random streams, so that a draw more or less anywhere shows; numbers that training has
carried far are printed to the digits that do not depend on the order of a sum."""

import gzip
import json
import os
import pathlib
import subprocess
import sys

import pytest

pytest.importorskip("facula")
numpy = pytest.importorskip("numpy")

HERE = pathlib.Path(__file__).resolve().parent
PROGRAMS = sorted(path.stem for path in (HERE / "programs").glob("*.py"))


@pytest.fixture(scope="module")
def recorded():
    with gzip.open(HERE.parent / "golden" / "programs.json.gz", "rt", encoding="utf-8") as file:
        return json.load(file)


@pytest.mark.parametrize("name", PROGRAMS)
def test_prints_the_same(name, recorded, tmp_path):
    if numpy.__version__[0] != "2" and name in ("numpy_interop", "seed"):
        pytest.skip("NumPy's own texts are those of its version 2")
    env = dict(os.environ, PYTHONPATH=str(HERE.parents[1] / "python"), PYTHONIOENCODING="utf-8")
    command = [sys.executable, "-W", "ignore", "-m", "facula", HERE / "programs" / f"{name}.py"]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, timeout=60)
    assert done.returncode == 0, done.stderr.decode()
    text = done.stdout.decode().replace("facula.", "torch.")
    assert text.splitlines() == recorded[name].splitlines()


def test_all_programs_are_recorded(recorded):
    assert set(recorded) == set(PROGRAMS)
