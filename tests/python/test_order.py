"""Sorting, selecting, grouping, searching: as recorded from PyTorch 2.13, live, and by their laws."""

import gzip
import json
import os
import random

import pytest

import order_cases

torch = pytest.importorskip("facula")

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(__file__)), "golden", "order.json.gz")


def compare(got, expected, seed):
    for e, a, b in zip(order_cases.EXPRESSIONS, got, expected):
        if "median" in e:  # which of two zeros lies in the middle is nobody's promise
            a, b = str(a).replace("-0.0", "0.0"), str(b).replace("-0.0", "0.0")
        assert a == b, (e, order_cases.values(seed))


def test_as_recorded():
    with gzip.open(GOLDEN, "rt", encoding="utf-8") as f:
        data = json.load(f)
    for seed, expected in enumerate(data["results"]):
        compare(order_cases.run(torch, seed), expected, seed)
    for e, expected in zip(order_cases.ERRORS, data["errors"]):
        assert order_cases.error(torch, e) == expected, e


def test_live():
    reference = pytest.importorskip("torch")
    for seed in range(1000, 1200):
        expected = order_cases.run(reference, seed)
        compare(order_cases.run(torch, seed), expected, seed)


@pytest.mark.parametrize("n", [17, 33, 97, 300, 5000, 40000, 300000])
@pytest.mark.parametrize("dtype", ["int64", "int32", "uint64", "float64", "float32", "uint8"])
def test_stable_sort_of_any_length(n, dtype):
    r = random.Random(n)
    low = 0 if dtype[0] == "u" else -(2**62)
    for draw in (
        lambda: r.randint(0, 3),
        lambda: r.randint(low, 2**62) if dtype[-2:] == "64" else r.randint(0, 255),
        lambda: r.choice([7, 2**40 + r.randint(0, 9)]) if dtype[-2:] == "64" else r.randint(0, 9),
    ):
        x = torch.tensor([draw() for _ in range(n)], dtype=torch.int64).to(getattr(torch, dtype))
        numbers = x.tolist()
        for down in (False, True):
            values, places = torch.sort(x, stable=True, descending=down)
            expected = sorted(range(n), key=numbers.__getitem__, reverse=False)
            if down:
                expected = sorted(range(n), key=lambda i: -numbers[i])
            assert places.tolist() == expected
            assert values.tolist() == [numbers[i] for i in expected]


@pytest.mark.parametrize("k", [1, 10, 17, 500, 30000])
def test_topk_is_the_beginning_of_a_sort(k):
    torch.manual_seed(k)
    for x in (torch.randn(40000), torch.randint(0, 9, (40000,)), torch.randn(3, 40000).double()):
        for largest in (False, True):
            values, places = x.topk(k, largest=largest)
            v, p = torch.sort(x, stable=True, descending=largest)
            assert torch.equal(values, v[..., :k]) and torch.equal(places, p[..., :k])


def test_unsigned_and_unique_of_any_range():
    r = random.Random(0)
    for spread in (3, 1000, 2**50):
        numbers = [r.randint(0, spread) for _ in range(3000)]
        x = torch.tensor(numbers)
        values, inverse, counts = x.unique(return_inverse=True, return_counts=True)
        assert values.tolist() == sorted(set(numbers))
        assert torch.equal(values[inverse], x) and counts.sum().item() == 3000
    top = torch.tensor([2**62, 1, 2**62, 5]).to(torch.uint64)
    assert top.unique().tolist() == [1, 5, 2**62]
    assert top.median(0).values.item() == 5


def test_same_at_every_number_of_threads():
    torch.manual_seed(0)
    x = torch.randn(300000)
    rows = torch.randn(300, 500).t()
    before = torch.get_num_threads()
    try:
        seen = []
        for n in (1, 2, 3, 7):
            torch.set_num_threads(n)
            seen.append([x.sort()[1], x.topk(40)[1], rows.sort(0)[1], rows.median(1)[1]])
        for other in seen[1:]:
            assert all(torch.equal(a, b) for a, b in zip(seen[0], other))
    finally:
        torch.set_num_threads(before)


def test_out_and_strides():
    x = torch.randn(4, 6).t()
    values, places = torch.empty(0), torch.empty(0, dtype=torch.int64)
    r = torch.sort(x, dim=0, out=(values, places))
    assert r.values is values and torch.equal(values, x.sort(0)[0])
    assert x.sort(0)[0].stride() == x.stride()
    assert torch.sort(torch.empty(2, 3, device="meta"))[1].shape == (2, 3)
    y = torch.randn(5)
    torch.sort(y, out=(y, places))
    assert y.tolist() == sorted(y.tolist())


@pytest.mark.parametrize(
    "f",
    [
        lambda x: x.sort(0)[0],
        lambda x: torch.sort(x, stable=True, descending=True)[0],
        lambda x: x.topk(2, 1)[0],
        lambda x: x.kthvalue(2, 0)[0],
        lambda x: x.median(),
        lambda x: x.median(1)[0],
        lambda x: x.nanmedian(0, True)[0],
        lambda x: x.mode(1)[0],
        lambda x: torch.msort(x),
    ],
)
def test_gradients(f):
    torch.manual_seed(1)
    x = torch.randn(3, 4, dtype=torch.float64, requires_grad=True)
    (g,) = torch.autograd.grad((f(x) ** 3).sum(), x, create_graph=True)
    (gg,) = torch.autograd.grad((g**2).sum(), x)
    step = 1e-6
    for i in range(3):
        for j in range(4):
            moved = x.detach().clone()
            moved[i, j] += step
            up = (f(moved) ** 3).sum()
            moved[i, j] -= 2 * step
            slope = (up - (f(moved) ** 3).sum()).item() / (2 * step)
            assert abs(slope - g[i, j].item()) < 1e-4
    # d/dx of (3 x^2)^2 is 36 x^3 where x was picked once
    picked = g != 0
    assert torch.allclose(gg[picked], 36 * x[picked] ** 3)
