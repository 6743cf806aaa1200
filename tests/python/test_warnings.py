"""What warns in PyTorch warns here, in its words, and an error that a warning becomes leaves `out` alone."""

import subprocess
import sys
import warnings

import pytest

torch = pytest.importorskip("facula")

RESIZED = (
    "An output with one or more elements was resized since it had shape [2], which does not match "
    "the required output shape %s. This behavior is deprecated, and in a future PyTorch release "
    "outputs will not be resized unless they have zero elements. You can explicitly reuse an out "
    "tensor t by resizing it, inplace, to zero elements with t.resize_(0)."
)
FREEDOM = (
    "%s(): degrees of freedom is <= 0. Correction should be strictly less than the reduction "
    "factor (input numel divided by output numel)."
)
ELEMENTS = (
    "The number of elements in the out tensor of shape [2] is 2 which does not match the computed "
    "number of elements 3. Note that this may occur as a result of rounding error. The out tensor "
    "will be resized to a tensor of shape (3,)."
)
CASES = {
    "T.add(x, 1, out=o)": RESIZED % "[3]",
    "T.exp(x, out=o)": RESIZED % "[3]",
    "T.add(m, x, out=o)": RESIZED % "[2, 3]",
    "T.eq(x, 1, out=o.bool())": RESIZED % "[3]",
    "T.sum(x, 0, out=o)": RESIZED % "[]",
    "T.cat([x, x], out=o)": RESIZED % "[6]",
    "T.mm(m, m.T, out=o)": RESIZED % "[2, 2]",
    "T.matmul(m, x, out=T.ones(2))": None,
    "T.cumsum(x, 0, out=o)": RESIZED % "[3]",
    "T.tril(m, out=o)": RESIZED % "[2, 3]",
    "T.nonzero(x, out=o.long())": RESIZED % "[3, 1]",
    "T.masked_select(x, x > 0, out=o)": RESIZED % "[3]",
    "T.add(x, 1, out=T.empty(0))": None,
    "T.add(x, 1, out=T.empty(3))": None,
    "T.zeros(3, out=o)": None,
    "T.full((3,), 1.0, out=o)": None,
    "T.eye(3, out=o)": None,
    "T.linspace(0, 1, 3, out=o)": None,
    "T.rand(3, out=o)": None,
    "T.randperm(3, out=o.long())": None,
    "T.bernoulli(x, out=o)": None,
    "T.arange(3, out=o)": ELEMENTS,
    "T.arange(3, out=T.empty(3, 1))": None,
    "T.var(T.ones(1))": FREEDOM % "var",
    "T.std(T.ones(1))": FREEDOM % "std",
    "T.ones(2, 1).std(1)": FREEDOM % "std",
    "T.ones(3).var(0, correction=3)": FREEDOM % "var",
    "T.ones(0, 3).var(1)": FREEDOM % "var",
    "T.std_mean(T.ones(1))": FREEDOM % "std_mean",
    "T.ones(1).var(correction=0)": None,
    "T.ones(3).std()": None,
    "T.ones(1, device='meta').var()": None,
}


def texts(module, case):
    x = module.ones(3)
    names = {"T": module, "x": x, "m": module.ones(2, 3), "o": module.empty(2)}
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        eval(case, names)
    assert all(w.category is UserWarning for w in caught)
    return [str(w.message).split(" (Triggered")[0] for w in caught]


@pytest.mark.parametrize("case", CASES)
def test_text(case):
    expected = CASES[case]
    assert texts(torch, case) == ([] if expected is None else [expected])


@pytest.mark.parametrize("case", CASES)
def test_live(case):
    reference = pytest.importorskip("torch")
    expected = CASES[case]
    assert texts(reference, case) == ([] if expected is None else [expected])


def test_as_errors():
    out = torch.zeros(2)
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        for f in (
            lambda: torch.add(torch.ones(3), 1, out=out),
            lambda: torch.cat([torch.ones(3)], out=out),
            lambda: torch.arange(3, out=out),
        ):
            with pytest.raises(UserWarning):
                f()
            assert out.tolist() == [0, 0]
        with pytest.raises(UserWarning):
            torch.ones(1).var()
    big = torch.ones(1 << 17, requires_grad=True)  # large calls run without the interpreter's lock
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        big.var(correction=1 << 17)
    assert len(caught) == 1


ONCE = """
import warnings, facula as T
for f in (lambda: T.ones(2, dtype=T.complex64).to(T.int64), lambda: T.meshgrid(T.ones(2)),
          lambda: T.where(T.ones(2, dtype=T.uint8), T.ones(2), 0)):
    for i in range(2):
        with warnings.catch_warnings(record=True) as caught:
            warnings.simplefilter("always")
            f()
        print([str(w.message) for w in caught])
"""


def test_once_a_process():
    """Those that PyTorch gives once."""
    said = subprocess.run([sys.executable, "-c", ONCE], capture_output=True, text=True, check=True)
    assert said.stdout.splitlines() == [
        "['Casting complex values to real discards the imaginary part']",
        "[]",
        "['torch.meshgrid: in an upcoming release, it will be required to pass the indexing "
        "argument.']",
        "[]",
        "['where received a uint8 condition tensor. This behavior is deprecated and will be "
        "removed in a future version of PyTorch. Use a boolean condition instead.']",
        "[]",
    ]


def test_out_that_overlaps_is_left_alone():
    v = torch.arange(3.0)
    out = v[1:]
    with warnings.catch_warnings():
        warnings.simplefilter("error")
        with pytest.raises(RuntimeError, match="single memory location"):
            torch.exp(v, out=out)
    assert out.shape == (2,) and v.tolist() == [0, 1, 2]


@pytest.mark.parametrize("shape", [(1,), (2, 3)])
def test_devices_do_not_mix(shape):
    """Also where no operand has to be broadcast."""
    x, y = torch.ones(shape), torch.ones(shape, device="meta")
    for f in (torch.add, torch.lt, torch.where):
        for a, b in ((x, y), (y, x)):
            args = (a, b) if f is not torch.where else (a > 0, a, b)
            with pytest.raises(RuntimeError, match="same device"):
                f(*args)
    assert torch.add(torch.tensor(1.0), y).device.type == "meta"
