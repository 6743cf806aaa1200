"""`python -m facula`: a program finds facula where it asks for torch."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python"


def run(*args, cwd, code=None):
    env = dict(os.environ, PYTHONPATH=str(PACKAGE))
    done = subprocess.run(
        [sys.executable, "-m", "facula", *args], cwd=cwd, env=env, capture_output=True, text=True
    )
    if code is not None:
        assert done.returncode == code, done.stderr
    return done


@pytest.fixture
def script(tmp_path):
    def write(source, name="script.py"):
        (tmp_path / name).write_text(textwrap.dedent(source))
        return name

    return write


def test_modules_are_the_same_objects(script, tmp_path):
    name = script(
        """
        import torch.nn.functional as F
        import torch, facula, sys
        from torch import nn
        from torch.utils.data import DataLoader
        import torch.optim.lr_scheduler
        assert torch is facula and F is facula.nn.functional and nn is facula.nn
        assert torch.optim.lr_scheduler is sys.modules["facula.optim.lr_scheduler"]
        assert facula.__spec__.name == "facula" and nn.__spec__.name == "facula.nn"
        assert DataLoader.__module__.split(".")[0] in ("facula", "torch")
        print(torch.__version__, __name__, __file__, sys.argv, sys.path[0] == sys.argv[2])
        """
    )
    out = run(name, "a", str(tmp_path), "-x", cwd=tmp_path, code=0).stdout
    assert (
        out
        == f"2.13.0+facula0.1.0 __main__ {tmp_path / name} ['script.py', 'a', '{tmp_path}', '-x'] "
        "True\n"
    )


def test_what_is_missing_is_named(script, tmp_path):
    name = script(
        """
        import importlib.util
        assert importlib.util.find_spec("torch.no_such_part") is None
        assert importlib.util.find_spec("torch.nn").origin.endswith("__init__.py")
        import torch.no_such_part
        """
    )
    err = run(name, cwd=tmp_path, code=1).stderr
    assert err.endswith("ModuleNotFoundError: No module named 'torch.no_such_part'\n")


def test_distribution_version(script, tmp_path):
    name = script(
        """
        import importlib.metadata, torch
        print(importlib.metadata.version("torch") == torch.__version__)
        """
    )
    assert run(name, cwd=tmp_path, code=0).stdout == "True\n"


def test_traceback_is_the_programs(script, tmp_path):
    name = script(
        """\
        import torch
        def f():
            torch.ones(2) + torch.ones(3)
        f()
        """
    )
    err = run(name, cwd=tmp_path, code=1).stderr.splitlines()
    assert err[0] == "Traceback (most recent call last):"
    assert err[1] == f'  File "{tmp_path / name}", line 4, in <module>'
    assert not [line for line in err if "__main__.py" in line or "runpy" in line]
    assert err[-1].startswith("RuntimeError: The size of tensor a (2) must match")


def test_exit_status(script, tmp_path):
    assert run(script("import sys; sys.exit(7)"), cwd=tmp_path).returncode == 7
    assert run(script("raise KeyboardInterrupt"), cwd=tmp_path).returncode == 130
    done = run("nowhere.py", cwd=tmp_path)
    assert done.returncode == 2 and f"can't open file '{tmp_path / 'nowhere.py'}'" in done.stderr
    broken = run(script("x = (1,\n"), cwd=tmp_path, code=1).stderr
    first = f'  File "{tmp_path / "script.py"}", line 1'
    assert broken.splitlines()[0] == first and "SyntaxError" in broken


def test_module_and_source(script, tmp_path):
    script("import torch, sys; print(__name__, torch.__name__, sys.argv[1:])", "tool.py")
    assert run("-m", "tool", "x", cwd=tmp_path, code=0).stdout == "__main__ facula ['x']\n"
    out = run("-c", "import torch, sys; print(torch.ones(2), sys.argv)", "y", cwd=tmp_path, code=0)
    assert out.stdout == "tensor([1., 1.]) ['-c', 'y']\n"


def test_options(script, tmp_path):
    name = script("import torch, sys; print(__debug__, sys.argv)")
    script("print('tool', __package__)", "tool.py")
    assert run("-ctool = 1; print(tool)", cwd=tmp_path, code=0).stdout == "1\n"
    assert run("-mtool", cwd=tmp_path, code=0).stdout == "tool \n"
    for args, said in (
        (["-u", name], "unknown option -u: Python's own go before -m facula"),
        (["-m"], "argument expected for -m"),
        (["-c"], "argument expected for -c"),
    ):
        assert run(*args, cwd=tmp_path, code=2).stderr == f"python -m facula: {said}\n"
    err = run("-m", "nowhere", cwd=tmp_path, code=1).stderr
    assert err == "python -m facula: No module named nowhere\n"
    env = dict(os.environ, PYTHONPATH=str(PACKAGE))
    command = [sys.executable, "-O", "-m", "facula", name]
    done = subprocess.run(command, cwd=tmp_path, env=env, capture_output=True, text=True)
    assert done.stdout == "False ['script.py']\n"
    command = [sys.executable, "-m", "facula", "-", "x"]
    source = "import torch, sys; print(torch.ones(1), sys.argv)"
    done = subprocess.run(
        command, cwd=tmp_path, env=env, input=source, capture_output=True, text=True
    )
    assert done.stdout == "tensor([1.]) ['-', 'x']\n"


@pytest.mark.parametrize("method", ["spawn", "forkserver", "fork"])
def test_children(script, tmp_path, method):
    name = script(
        f"""
        import multiprocessing as mp, subprocess, sys
        import torch
        def work(n):
            import torch.nn.functional as F
            assert torch.__name__ == "facula"
            return F.relu(torch.arange(-1, n)).tolist()
        if __name__ == "__main__":
            with mp.get_context({method!r}).Pool(2) as pool:
                print(pool.map(work, [1, 2]))
            sys.stdout.flush()
            source = "import torch; print(torch.__name__)"
            subprocess.run([sys.executable, "-c", source], check=True)
        """
    )
    assert run(name, cwd=tmp_path, code=0).stdout == "[[0, 0], [0, 0, 1]]\nfacula\n"


def test_child_finds_facula_by_itself(script, tmp_path):
    """A child started away from the folder that facula was found in."""
    name = script(
        """
        import subprocess, sys
        source = "import torch; print(torch.__name__)"
        subprocess.run([sys.executable, "-c", source], cwd="/", check=True)
        """
    )
    env = {k: v for k, v in os.environ.items() if k != "PYTHONPATH"}
    command = [sys.executable, "-m", "facula", str(tmp_path / name)]
    done = subprocess.run(command, cwd=PACKAGE, env=env, capture_output=True, text=True)
    assert done.stdout == "facula\n", done.stderr


@pytest.mark.parametrize("asked, works", [("base", True), ("", True), ("avx2", False)])
def test_instruction_set_asked_for(asked, works, tmp_path):
    code = "import facula\nprint(facula.ones(2).sum().item(), facula._C._cpu_isa())"
    env = dict(os.environ, PYTHONPATH=str(PACKAGE), FACULA_CPU=asked)
    done = subprocess.run([sys.executable, "-c", code], env=env, capture_output=True, text=True)
    if works:
        assert done.stdout.split()[0] == "2.0" and done.stdout.split()[1].startswith(asked)
    else:
        assert 'RuntimeError: FACULA_CPU asks for "avx2"; this machine has base' in done.stderr
