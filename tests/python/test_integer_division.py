"""Quotients and remainders of integers against Python's, where vectors do it and where not."""

import random

import pytest

import facula as torch

pytestmark = pytest.mark.kernels
EDGES = [
    0,
    1,
    2,
    3,
    7,
    2**31 - 1,
    2**50,
    2**51 - 1,
    2**51,
    2**52,
    2**53 - 1,
    2**53,
    2**53 + 1,
    2**62,
    2**63 - 1,
]


def truncated(a, b):
    return abs(a) // abs(b) * (-1 if (a < 0) != (b < 0) else 1)


def wrapped(v, bits):
    return (v + 2 ** (bits - 1)) % 2**bits - 2 ** (bits - 1)


def pairs(bits):
    edges = [s * e for e in EDGES for s in (1, -1) if e < 2 ** (bits - 1)] + [-(2 ** (bits - 1))]
    both = [(a, b) for a in edges for b in edges if b]
    draw = random.Random(0)
    small = [
        (draw.randint(-300, 300), draw.choice([-1, 1]) * draw.randint(1, 40)) for _ in range(999)
    ]
    vectors = [pair for pair in both if max(map(abs, pair)) < 2**51]
    wide = min(bits - 1, 51)
    near = []
    for _ in range(999):  # quotients just below an integer
        b = draw.randint(1, 2 ** (wide // 2))
        near.append((draw.choice([-1, 1]) * (b * draw.randint(1, 2 ** (wide // 2)) - 1), b))
    return both, vectors, small, near


@pytest.mark.parametrize("dtype,bits", [(torch.int64, 64), (torch.int32, 32), (torch.int8, 8)])
def test_quotients(dtype, bits):
    for cases in pairs(bits):
        cases = [(wrapped(a, bits), wrapped(b, bits)) for a, b in cases]
        cases = [(a, b) for a, b in cases if b]
        a = torch.tensor([a for a, _ in cases], dtype=dtype)
        b = torch.tensor([b for _, b in cases], dtype=dtype)
        floors = [wrapped(x // y, bits) for x, y in cases]
        truncs = [wrapped(truncated(x, y), bits) for x, y in cases]
        mods = [x % y for x, y in cases]
        assert (a // b).tolist() == floors
        assert torch.div(a, b, rounding_mode="trunc").tolist() == truncs
        assert (a % b).tolist() == mods
        assert (a[1::2] // b[1::2]).tolist() == floors[1::2]
        assert (a[1::2] % b[1::2]).tolist() == mods[1::2]
        for n in (1, 255, 256, 257):
            assert (a[:n] // b[:n]).tolist() == floors[:n]
        seven = [x for x, _ in cases]
        assert (a // -7).tolist() == [x // -7 for x in seven]
        assert (a % 7).tolist() == [x % 7 for x in seven]


@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.int8])
@pytest.mark.parametrize("at", [0, 255, 256, 599])
def test_zero_divides_nothing(dtype, at):
    b = torch.ones(600, dtype=dtype)
    b[at] = 0
    for divide in (torch.floor_divide, torch.remainder):
        with pytest.raises(RuntimeError, match="ZeroDivisionError"):
            divide(torch.ones(600, dtype=dtype), b)
