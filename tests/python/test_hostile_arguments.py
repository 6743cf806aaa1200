"""Arguments that once read memory that is not there, and a short run of tests/fuzz/arguments.py."""

import os
import pathlib
import subprocess
import sys

import pytest

import facula as torch

FUZZER = pathlib.Path(__file__).parents[1] / "fuzz" / "arguments.py"
meta = torch.ones((), device="meta")
sparse = torch.ones(3).to_sparse()
cycle = [7, 0.5]
cycle.append(cycle)


@pytest.mark.parametrize(
    "call, error, text",
    [
        (lambda: torch.Tensor.detach_(0), TypeError, "expected a Tensor, but got int"),
        (lambda: torch.Tensor.tolist("x"), TypeError, "expected a Tensor, but got str"),
        (lambda: torch.Tensor([torch.ones(3)] * 3), ValueError, "only one element tensors"),
        (lambda: torch.Tensor([torch.ones(3, device="meta")] * 3), ValueError, "only one element"),
        (lambda: torch.tensor([meta]), RuntimeError, "cannot be called on meta tensors"),
        (lambda: torch.tensor(cycle, dtype=torch.float32), TypeError, "must be real number"),
        (lambda: torch.tensor(cycle), TypeError, "self-referential lists are incompatible"),
        (lambda: torch.tensor([7, [7, [cycle]]]), (TypeError, ValueError), "new|expected"),
        (lambda: meta.to_sparse(), NotImplementedError, "to_sparse: .* meta device lacks"),
        (lambda: sparse.clone().div_(meta), NotImplementedError, "'SparseMeta' backend"),
        (lambda: sparse.matmul(torch.ones(2, 3, 4, 5)), NotImplementedError, "SparseCPU"),
        (lambda: torch.ones(2, 2, 3) @ sparse, NotImplementedError, "SparseCPU"),
        (lambda: torch.ones(3).tensor_split(torch.ones(3, dtype=torch.int64).to_sparse()),
         RuntimeError, "be strided"),
        (lambda: meta.equal(torch.ones((), device="meta")), NotImplementedError, "equal: "),
        (lambda: torch.ones(2, 3).bernoulli_(meta), RuntimeError, "same device"),
        (lambda: torch.ones(2, 3).masked_fill(torch.ones(2, 3) > 0, meta), RuntimeError,
         "same device|meta"),
    ],
)  # fmt: skip
def test_is_refused(call, error, text):
    with pytest.raises(error, match=text):
        call()


def test_tensors_in_lists_are_numbers():
    assert torch.tensor([torch.ones(1), torch.ones(1, 1)]).tolist() == [1.0, 1.0]
    assert torch.tensor([[1, 2], torch.ones(2)]).tolist() == [[1, 2], [1, 1]]
    assert torch.ones(1).to_sparse().item() == 1.0


def test_random_calls_fail_cleanly(tmp_path):
    environment = dict(os.environ, TMPDIR=str(tmp_path))
    command = [sys.executable, str(FUZZER), "1", "1"]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout
