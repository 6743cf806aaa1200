"""The float32 functions that have code of their own, against float64: within 2 ULP, exact ends.

FACULA_EVERY_FLOAT=1 tries all of float32, which takes minutes; otherwise every 4001st is tried.
"""

import math
import os

import numpy
import pytest

import facula as torch

pytestmark = pytest.mark.kernels
STEP = 1 if os.environ.get("FACULA_EVERY_FLOAT") else 4001
erf = numpy.vectorize(math.erf, otypes=[numpy.float64])
FUNCTIONS = {
    "exp": numpy.exp,
    "expm1": numpy.expm1,
    "log": numpy.log,
    "log1p": numpy.log1p,
    "tanh": numpy.tanh,
    "sqrt": numpy.sqrt,
    "erf": erf,
    "sigmoid": lambda x: 1 / (1 + numpy.exp(-x)),
}


def floats(step):
    for start in range(0, 1 << 32, step << 20):
        u = numpy.arange(start, min(start + (step << 20), 1 << 32), step, dtype=numpy.uint64)
        yield u.astype(numpy.uint32).view(numpy.float32)


@pytest.mark.parametrize("name", FUNCTIONS)
def test_within_two_ulp(name):
    for x in floats(STEP):
        with numpy.errstate(all="ignore"):
            expected = FUNCTIONS[name](x.astype(numpy.float64))
            nearest = expected.astype(numpy.float32)
            got = getattr(torch, name)(torch.tensor(x)).numpy()
            bound = 0.5 if name == "sqrt" else 2.5 if name == "sigmoid" else 2
            ulp = numpy.spacing(numpy.abs(nearest).clip(1e-44)).astype(numpy.float64)
            ulp = numpy.minimum(ulp, 2 * numpy.spacing(numpy.nextafter(numpy.abs(nearest), 0)))
            near = numpy.abs(got.astype(numpy.float64) - expected) <= bound * ulp
        same = (got == nearest) | (numpy.isnan(got) & numpy.isnan(nearest))
        wrong = numpy.flatnonzero(~(near | same))
        if name == "sigmoid":  # 1 + e^-x may be infinite where the result is subnormal
            wrong = wrong[x[wrong] > -87.3]
        assert wrong.size == 0, (x[wrong][:5], got[wrong][:5], nearest[wrong][:5])


ENDS = {
    "exp": ([0.0, -0.0, -math.inf, math.inf, -200, 200], [1, 1, 0, math.inf, 0, math.inf]),
    "log": ([1.0, 0.0, -0.0, math.inf], [0, -math.inf, -math.inf, math.inf]),
    "tanh": ([0.0, -0.0, 10, -math.inf, math.inf], [0.0, -0.0, 1, -1, 1]),
    "erf": ([0.0, -0.0, 4, -math.inf, math.inf], [0.0, -0.0, 1, -1, 1]),
    "sigmoid": ([0.0, -math.inf, math.inf], [0.5, 0, 1]),
    "sqrt": ([0.0, -0.0, math.inf, 4], [0.0, -0.0, math.inf, 2]),
}


@pytest.mark.parametrize("name", ENDS)
def test_ends(name):
    x, expected = ENDS[name]
    got = getattr(torch, name)(torch.tensor([*x, math.nan])).tolist()
    assert math.isnan(got.pop())
    assert got == expected
    assert [math.copysign(1, v) for v in got] == [math.copysign(1, v) for v in expected]
    if name in ("log", "sqrt"):
        assert torch.isnan(getattr(torch, name)(torch.tensor([-1.0, -math.inf]))).all()


@pytest.mark.parametrize("name", ["exp", "log", "tanh", "erf", "sqrt", "sigmoid"])
def test_place_changes_nothing(name):
    """Lengths about those of vectors and of buffers, any offset, and strides."""
    torch.manual_seed(0)
    x = torch.rand(1200) * 6
    whole = getattr(torch, name)(x)
    for n in (1, 3, 15, 16, 17, 31, 33, 255, 257, 513):
        for at in (0, 1, 7):
            assert torch.equal(getattr(torch, name)(x[at : at + n]), whole[at : at + n])
            assert torch.equal(getattr(torch, name)(x[at::2][:n]), whole[at::2][:n])
            y = x.clone()
            getattr(y[at : at + n], name + "_")()
            assert torch.equal(y[at : at + n], whole[at : at + n])
            assert torch.equal(y[at + n :], x[at + n :])


def test_gelu():
    x = torch.linspace(-12, 12, 100001)
    double = torch.nn.functional.gelu(x.double())
    assert (torch.nn.functional.gelu(x) - double).abs().max() < 2e-6
