"""docs/adding-an-op.md is true: done to a copy of the tree, it gives an op that passes its test."""

import os
import pathlib
import re
import shutil
import subprocess
import sys

import pytest

ROOT = pathlib.Path(__file__).resolve().parents[2]
PARTS = "include spec tools src python tests examples requirements".split()
STEP = re.compile(
    r"^In `(?P<path>[^`]+)`, "
    r"(?P<place>at the end|a new file|after the line beginning `(?P<after>[^`]+)`):\n\n"
    r"```\w+\n(?P<text>.*?)^```$",
    re.MULTILINE | re.DOTALL,
)


def copy_tree(to):
    skip = shutil.ignore_patterns("__pycache__", "*.so", "golden", "out")
    for part in PARTS:
        if (ROOT / part).is_dir():
            shutil.copytree(ROOT / part, to / part, ignore=skip)
    for name in ("meson.build", "meson_options.txt"):
        shutil.copy(ROOT / name, to / name)


def apply(step, root):
    path, text = root / step["path"], step["text"]
    if step["place"] == "a new file":
        assert not path.exists()
        path.write_text(text)
        return
    lines = path.read_text().splitlines(keepends=True)
    if step["after"] is None:
        lines += ["\n\n", text]
    else:
        places = [i for i, line in enumerate(lines) if line.startswith(step["after"])]
        assert len(places) == 1, f"{step['path']} has {len(places)} lines like {step['after']!r}"
        lines.insert(places[0] + 1, text)
    path.write_text("".join(lines))


def run(command, cwd, **kwargs):
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True, **kwargs
    )
    assert done.returncode == 0, done.stdout[-6000:]
    return done.stdout


def test_the_page_word_for_word(tmp_path):
    tools = pathlib.Path(sys.executable).parent
    if not (tools / "meson").exists() or not (tools / "ninja").exists():
        pytest.skip("meson and ninja are not installed beside this Python")
    steps = list(STEP.finditer((ROOT / "docs" / "adding-an-op.md").read_text()))
    assert len(steps) == 7
    copy_tree(tmp_path)
    for step in steps:
        apply(step, tmp_path)
    run([sys.executable, "tools/gen.py"], tmp_path)
    env = dict(os.environ, PATH=f"{tools}{os.pathsep}{os.environ['PATH']}")
    quick = ["-Doptimization=0", "-Dinstruction_sets=", "-Dlibrary=false"]
    setup = [str(tools / "meson"), "setup", "build", f"-Dpython={sys.executable}", *quick]
    run(setup, tmp_path, env=env)
    run([str(tools / "ninja"), "-C", "build"], tmp_path, env=env)
    for built in (tmp_path / "build" / "python" / "src").glob("_C*.so"):
        shutil.copy(built, tmp_path / "python" / "facula")
    env["PYTHONPATH"] = str(tmp_path / "python")
    test = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider"]
    out = run([*test, "tests/python/test_softclip.py"], tmp_path, env=env)
    assert "3 passed" in out
    gradients = [*test, "tests/python/test_gradients.py", "-k", "softclip or samples"]
    assert "7 passed" in run(gradients, tmp_path, env=env)
    same = [*test, "tests/python/test_same_bits.py", "-k", "softclip"]
    assert "1 passed" in run(same, tmp_path, env=env)
    assert "def softclip(" in (tmp_path / "python" / "facula" / "_ops.pyi").read_text()


def test_spec_errors_name_the_place(tmp_path):
    """The generator refuses what it does not know, and says where."""
    copy_tree(tmp_path)
    spec = tmp_path / "spec" / "pointwise.py"
    good = spec.read_text()
    for source, said in [
        ('@op("pointwise")\ndef f(x: Tensr) -> Tensor:\n    """f"""\n', "unknown type 'Tensr'"),
        ('@op("pointwise", tint=1)\ndef f(x: Tensor) -> Tensor:\n    """f"""\n', "'tint'"),
        ('@op("magic")\ndef f(x: Tensor) -> Tensor:\n    """f"""\n', "unknown kind 'magic'"),
        ('@op("pointwise")\ndef f(x: Tensor) -> Tensor:\n    pass\n', "no docstring"),
    ]:
        spec.write_text(good + "\n\n" + source)
        command = [sys.executable, "tools/gen.py"]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
        assert done.returncode != 0 and said in done.stderr, (said, done.stderr)
        assert "pointwise.py:" in done.stderr


def test_every_field_is_told():
    source = (ROOT / "tools" / "generate" / "model.py").read_text()
    fields = "".join(
        re.search(r"FIELDS = set\((.*?)\.split", source, re.DOTALL)[1].split('"')
    ).split()
    page = (ROOT / "docs" / "adding-an-op.md").read_text()
    assert len(fields) > 30
    assert [f for f in fields if f"`{f}`" not in page and not f.startswith("node_")] == []
