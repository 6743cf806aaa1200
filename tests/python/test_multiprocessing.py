"""Tensors in memory that processes share, and functions run in several processes."""

import os
import pathlib
import subprocess
import sys
import textwrap

import pytest

import facula as torch

PACKAGE = pathlib.Path(__file__).resolve().parents[2] / "python"


def test_share_memory():
    a = torch.arange(6.0).view(2, 3)
    row, copy = a[1], a.clone()
    assert a.share_memory_() is a and a.is_shared() and row.is_shared() and not copy.is_shared()
    assert a.share_memory_().data_ptr() == row.data_ptr() - 12 and torch.equal(a, copy)
    child = os.fork()
    if child == 0:
        a[1, 2] = 77
        os._exit(0)
    os.waitpid(child, 0)
    assert row.tolist() == [3.0, 4.0, 77.0]
    row[0] = 5  # views follow
    assert a[1, 0] == 5 and a.untyped_storage().is_shared()
    with pytest.raises(RuntimeError, match="not resizable"):
        a.resize_(100)
    assert torch.empty(0).share_memory_().is_shared()
    with pytest.raises(RuntimeError, match="only memory of the CPU"):
        torch.empty(2, device="meta").share_memory_()


def test_shared_parameters():
    model = torch.nn.Linear(2, 2)
    before = model.weight.tolist()
    model.share_memory()
    assert model.weight.is_shared() and model.bias.is_shared()
    assert model.weight.is_leaf and model.weight.tolist() == before


def test_sharing_what_was_numpys():
    numpy = pytest.importorskip("numpy")
    array = numpy.ones(3)
    t = torch.from_numpy(array).share_memory_()
    del array
    assert t.tolist() == [1, 1, 1]


PROGRAM = """
import os, signal, sys
import torch
import torch.multiprocessing as mp
from torch import nn

def add(i, t):
    t[i] += i + 1

def fail(i, how):
    if i == 1 and how == "raise":
        raise ValueError("boom 1")
    if i == 1 and how == "exit":
        sys.exit(3)
    if i == 1:
        os.kill(os.getpid(), signal.SIGTERM)

def double(q, r):
    t, p = q.get(), q.get()
    t.mul_(2)
    r.put((t.sum(), type(p).__name__, p.requires_grad, p.tolist(), t.is_shared()))
    q.get()

if __name__ == "__main__":
    t = torch.zeros(2).share_memory_()
    mp.spawn(add, (t,), 2)
    mp.start_processes(add, args=(t,), nprocs=2, start_method="fork")
    context = mp.start_processes(add, (t,), 1, join=False, start_method="fork")
    print(context.join(), context.join(), len(context.pids()), t.tolist())
    for how in ("raise", "exit", "kill"):
        try:
            mp.start_processes(fail, (how,), nprocs=2, start_method="fork")
        except mp.ProcessRaisedException as e:
            print(str(e).splitlines()[2], str(e).splitlines()[-1], e.error_index)
        except mp.ProcessExitedException as e:
            print(e, e.exit_code, e.signal_name, e.error_index)
    for method in ("spawn", "fork"):
        ctx = mp.get_context(method)
        q, r = ctx.Queue(), ctx.Queue()
        p = ctx.Process(target=double, args=(q, r))
        p.start()
        x = torch.ones(3)
        q.put(x)
        q.put(nn.Parameter(torch.ones(2)))
        print(r.get(timeout=100), x.tolist(), x.is_shared())
        q.put(0)
        p.join()
    try:
        mp.reducer.ForkingPickler.dumps(torch.ones(2, requires_grad=True) * 2)
    except RuntimeError as e:
        print(str(e)[:44])
    with mp.get_context("fork").Pool(2) as pool:
        print(pool.map(torch.sin, [torch.zeros(1), torch.zeros(2)]))
    print(mp.get_sharing_strategy(), len(mp.get_all_sharing_strategies()))
"""
# What the same program prints with PyTorch 2.13.
SAYS = """\
True True 1 [3.0, 4.0]
-- Process 1 terminated with the following error: ValueError: boom 1 1
process 1 terminated with exit code 3 3 None 1
process 1 terminated with signal SIGTERM -15 SIGTERM 1
(tensor(6.), 'Parameter', True, [1.0, 1.0], True) [2.0, 2.0, 2.0] True
(tensor(6.), 'Parameter', True, [1.0, 1.0], True) [2.0, 2.0, 2.0] True
Cowardly refusing to serialize non-leaf tens
[tensor([0.]), tensor([0., 0.])]
file_descriptor 2
"""


def test_program(tmp_path):
    (tmp_path / "program.py").write_text(textwrap.dedent(PROGRAM))
    command = [sys.executable, "-m", "facula", "program.py"]
    env = dict(os.environ, PYTHONPATH=str(PACKAGE))
    done = subprocess.run(
        command, cwd=tmp_path, env=env, capture_output=True, text=True, timeout=120
    )
    assert (done.stdout, done.stderr, done.returncode) == (SAYS, "", 0)
