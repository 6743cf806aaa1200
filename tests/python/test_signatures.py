"""Signature lists and the TypeErrors made of them, as recorded from PyTorch 2.13.

    python tests/python/test_signatures.py

run with PyTorch installed writes golden/signatures.json.gz anew.
"""

import gzip
import json
import pathlib

import pytest

GOLDEN = pathlib.Path(__file__).resolve().parents[1] / "golden" / "signatures.json.gz"


class Q:
    """What no op takes."""


# Expressions of T (the module), x (a tensor) and q (a Q); none of them is a valid call.
CALLS = """
T.max()
T.max(q)
T.max(x, 'a')
T.max(x, 0, True, 3)
T.max(x, dim=0, bad=1)
x.max(q)
x.max(0, q)
T.add()
T.add(q, 1)
T.add(x)
T.add(x, 1, 2, 3, 4)
T.add(x, 1, bad=2)
T.add(x, 'a')
x.add()
x.add_(q)
x.add(x, alpha='a')
T.std()
T.std(q)
T.std(x, 'a')
T.std(x, 0, bad=1)
x.std('a')
T.where()
T.where(q)
T.where(x, q, 1)
T.where(x, x)
x.where()
x.where(q)
T.arange()
T.arange('a')
T.arange(1, 'a')
T.arange(1, 2, 3, 4)
T.arange(1, bad=2)
T.normal()
T.normal(q)
T.normal(1.0)
T.normal(0., 1.)
T.normal(x, x, 3.0)
T.normal(0., 1., 'a')
T.scatter()
T.scatter(x, 0)
T.scatter(x, 0, x, q)
T.scatter(q, 0, x, x)
x.scatter(0, x, x, bad=1)
x.scatter_(0, q, x)
T.randint()
T.randint(3)
T.randint('a', (2,))
T.randint(0, 3)
T.randint(0, 3, 'a')
T.randint(0, 3, (2,), bad=1)
x.to(q)
x.to('cpu', q)
x.to(bad=1)
x.to(1, 2, 3, 4, 5, 6)
T.squeeze()
T.squeeze(q)
T.squeeze(x, 'a')
T.squeeze(x, 0.5)
T.squeeze(x, out=x)
x.squeeze(bad=1)
T.mul()
T.mul(x)
T.mul(x, 1, 2)
T.relu()
T.relu(q)
T.relu(x, x)
T.cat()
T.cat(x, 'a')
T.addcmul()
T.addcmul(x, x)
T.zeros('a')
T.zeros()
x.expand()
x.repeat()
x.permute()
T.full()
x.size(1, 2)
x.size('a')
x.size(bad=1)
x.stride(1, 2)
x.stride(1.5)
x.stride(bad=1)
x.is_contiguous(1)
x.is_contiguous(bad=1)
x.is_contiguous(memory_format=1)
x.requires_grad_(True, False)
x.requires_grad_(bad=1)
x.requires_grad_('a')
""".split("\n")[1:-1]


def answer(module, call):
    names = {"T": module, "x": module.ones(2), "q": Q()}
    try:
        eval(call, names)
    except TypeError as error:
        return str(error)
    return None


def record():
    import torch

    answers = {call: answer(torch, call) for call in CALLS}
    assert all(answers.values()), [c for c, a in answers.items() if a is None]
    with gzip.GzipFile(GOLDEN, "wb", mtime=0) as file:
        file.write(json.dumps(answers, indent=0).encode())


def expected():
    with gzip.open(GOLDEN, "rt") as file:
        return json.load(file)


@pytest.mark.parametrize("call", CALLS)
def test_as_pytorch_says(call):
    import facula

    assert answer(facula, call) == expected()[call]


if __name__ == "__main__":
    record()
