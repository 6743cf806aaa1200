"""The type stubs: every name is there, and mypy, where it is installed, accepts and refuses."""

import ast
import pathlib
import subprocess
import sys

import pytest

import facula

PACKAGE = pathlib.Path(facula.__file__).resolve().parent

GOOD = """
import facula as torch
from facula import nn

x = torch.zeros(2, 3)
y: torch.Tensor = torch.sum(x, dim=1) + 1
z = x.view(3, 2).relu_()
torch.tensor([1.0], requires_grad=True).backward()
values, indices = torch.max(x, 0)
model = nn.Linear(2, 3)
torch.arange(0, 3, dtype=torch.float32)
with torch.no_grad():
    w = x @ x.t()
"""
BAD = ["torch.sum('a')", "torch.relu(x, 3)", "x.view('a')", "torch.zeros(2, dtype='f')"]


def names_in(stub):
    names = set()
    for node in ast.parse((PACKAGE / stub).read_text()).body:
        if isinstance(node, ast.FunctionDef):
            names.add(node.name)
        if isinstance(node, ast.AnnAssign):
            names.add(node.target.id)
        if isinstance(node, ast.ClassDef):
            names.update(f"{node.name}.{n.name}" for n in node.body if hasattr(n, "name"))
    return names


def test_stubs_name_what_exists():
    for name in names_in("_ops.pyi") | names_in("__init__.pyi"):
        owner, _, method = name.rpartition(".")
        if name != "__getattr__":
            assert hasattr(facula.Tensor if owner else facula, method or name), name


def test_every_op_has_a_stub():
    stubs = names_in("_ops.pyi")
    missing = [n for n in facula._C.__all__ if callable(getattr(facula._C, n))]
    missing = [n for n in missing if type(getattr(facula._C, n)) is type(len) and n not in stubs]
    known = names_in("__init__.pyi")
    assert [n for n in missing if n not in known and n[0] != "_" and n[-1] != "_"] == []


def test_help_tells_arguments_and_result():
    for name in ("add", "sum", "max", "where", "matmul"):
        text = getattr(facula, name).__doc__
        first, _, rest = text.partition("\n")
        assert first.startswith(f"{name}(") and "->" in first and rest.strip(), name
    assert facula.Tensor.relu.__doc__.startswith("relu(")
    told = facula.add.__doc__.splitlines()
    assert "Shape: broadcast, or RuntimeError where that fails." in told
    assert "Dtype: the common dtype of the operands." in told
    assert "Differentiable in: input, other." in told
    assert "Other forms: add_, out=." in told


def test_mypy(tmp_path):
    pytest.importorskip("mypy")

    def errors(source):
        (tmp_path / "program.py").write_text(source)
        command = [sys.executable, "-m", "mypy", "--follow-imports=silent", "--no-error-summary"]
        command += ["--cache-dir", str(tmp_path / "cache"), "program.py"]
        env = {"MYPYPATH": str(PACKAGE.parent), "PATH": ""}
        return subprocess.run(
            command, cwd=tmp_path, env=env, capture_output=True, text=True
        ).stdout.splitlines()

    assert errors(GOOD) == []
    found = errors(GOOD + "\n".join(BAD))
    lines = {int(line.split(":")[1]) for line in found if ": error:" in line}
    start = GOOD.count("\n") + 1
    assert lines == set(range(start, start + len(BAD))), found
