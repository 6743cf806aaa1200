"""What facula weighs: the time of its import, what that drags in, the size of the installed files."""

import pathlib
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python"


@pytest.fixture(autouse=True, scope="module")
def compiled(tmp_path_factory):
    """Compiled files are kept, as after an installation, wherever the tests run."""
    with pytest.MonkeyPatch.context() as patch:
        patch.delenv("PYTHONDONTWRITEBYTECODE", raising=False)
        patch.setenv("PYTHONPYCACHEPREFIX", str(tmp_path_factory.mktemp("compiled")))
        patch.setenv("PYTHONPATH", str(PACKAGE))
        yield


def python(source):
    """Runs source without site packages, so that only facula is measured."""
    command = [sys.executable, "-S", "-c", source]
    return subprocess.run(command, capture_output=True, text=True, check=True).stdout


def seconds(source):
    began = time.perf_counter()
    python(source)
    return time.perf_counter() - began


def test_import_time():
    """At most 50 ms over the bare interpreter; the best of several tries, as machines are busy."""
    python("import facula")
    for _ in range(5):
        pairs = [(seconds("pass"), seconds("import facula")) for _ in range(5)]
        extra = statistics.median(full - bare for bare, full in pairs)
        if extra < 0.05:
            return
    pytest.fail(f"import facula takes {extra * 1e3:.0f} ms more than nothing")


def test_import_brings_no_heavy_modules():
    listed = python("import facula, sys; print(*sys.modules)").split()
    heavy = {"numpy", "multiprocessing", "dataclasses", "inspect", "typing", "unittest", "asyncio"}
    assert heavy.intersection(listed) <= {"typing"}
    assert "torch" not in listed


def test_installed_size():
    """8 MB, the extension module as it was built here included."""
    total = 0
    for path in (PACKAGE / "facula").rglob("*"):
        if path.suffix in (".py", ".pyi", ".typed"):
            total += path.stat().st_size
    with tempfile.TemporaryDirectory() as folder:  # installed it has no symbol table
        stripped = pathlib.Path(folder) / "stripped.so"
        built = max((PACKAGE / "facula").glob("_C*.so"), key=lambda path: path.stat().st_mtime)
        shutil.copy(built, stripped)
        subprocess.run(["strip", str(stripped)], check=True)
        total += stripped.stat().st_size
    assert total < 8e6
