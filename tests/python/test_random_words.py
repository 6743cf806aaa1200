"""Random fills against transforms of mt19937's words, which NumPy draws."""

import numpy
import pytest

import facula as torch

pytestmark = pytest.mark.kernels
SIZES = [0, 1, 7, 15, 16, 17, 624, 1023, 1024, 1025, 1039, 2500, 5003]


def words(n, seed=7):
    return numpy.random.RandomState(seed)._bit_generator.random_raw(n).astype(numpy.uint64)


def units(n, dtype):
    if dtype == torch.float64:
        w = words(2 * n)
        return ((w[0::2] << numpy.uint64(32) | w[1::2]) & numpy.uint64(2**53 - 1)) * 2.0**-53
    return (words(n) & numpy.uint64(2**24 - 1)) * 2.0**-24


def drawn(fill, n, dtype):
    torch.manual_seed(7)
    return fill(torch.empty(n, dtype=dtype)).double().numpy()


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_uniform(n, dtype):
    kind = numpy.float32 if dtype == torch.float32 else numpy.float64
    assert (drawn(lambda t: t.uniform_(), n, dtype) == units(n, dtype)).all()
    # 53 bits or fewer times a power of two: exact but for the last rounding, as if fused
    expected = (units(n, dtype) * 4 - 3).astype(kind)
    assert (drawn(lambda t: t.uniform_(-3, 1), n, dtype) == expected).all()


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64, torch.bfloat16, torch.float16])
def test_uniform_never_reaches_the_end(dtype):
    scale = {torch.float32: 2e7, torch.float64: 1e16}.get(dtype, 1)
    torch.manual_seed(7)
    t = torch.empty(20000, dtype=dtype).uniform_(scale, scale + 2)
    assert t.min() == scale
    assert t.max() < scale + 2


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", [torch.float32, torch.int64, torch.int32, torch.uint8])
def test_integers(n, dtype):
    expected = words(n) % numpy.uint64(100) + numpy.uint64(3)
    assert (drawn(lambda t: t.random_(3, 103), n, dtype) == expected).all()
    expected = units(n, torch.float64) < 0.3
    assert (drawn(lambda t: t.bernoulli_(0.3), n, dtype) == expected).all()


@pytest.mark.parametrize("high", [1, 2, 3, 2**28 - 1, 2**28, 2**31 + 1, 2**40])
def test_ranges(high):
    w = words(6000)
    if high < 2**28:
        expected = w[:3000] % numpy.uint64(high)
    else:
        expected = (w[0::2] << numpy.uint64(32) | w[1::2]) % numpy.uint64(high)
    torch.manual_seed(7)
    assert (torch.randint(0, high, (3000,)).numpy().astype(numpy.uint64) == expected).all()


@pytest.mark.parametrize("n", SIZES)
def test_bernoulli_of_probabilities(n):
    p = torch.arange(n, dtype=torch.float32) / max(n, 1)
    torch.manual_seed(7)
    expected = units(n, torch.float32) < p.numpy()
    assert (torch.bernoulli(p).numpy() == expected).all()
    with pytest.raises(RuntimeError, match="Expected p_in >= 0 && p_in <= 1 to be true"):
        torch.bernoulli(torch.cat([p, torch.tensor([1.5])]))


@pytest.mark.parametrize("n", SIZES)
@pytest.mark.parametrize("dtype", [torch.int64, torch.int32, torch.float64])
def test_permutations(n, dtype):
    expected = list(range(n))
    for i, w in enumerate(words(max(n - 1, 0)).tolist()):
        j = i + w % (n - i)
        expected[i], expected[j] = expected[j], expected[i]
    torch.manual_seed(7)
    assert torch.randperm(n, dtype=dtype).tolist() == expected
    torch.manual_seed(7)
    out = torch.empty(n, 2, dtype=dtype)[:, 0]
    assert torch.randperm(n, out=out).tolist() == expected


@pytest.mark.parametrize("n", [n for n in SIZES if n >= 16])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_normal(n, dtype):
    """The transform itself; the bits of its functions are PyTorch's, which recorded values hold."""
    first, last = units(n, dtype), units(n + 16, dtype)[n:]

    def transformed(block):
        radius = numpy.sqrt(-2 * numpy.log1p(-block[:8]))
        angle = 2 * numpy.pi * block[8:]
        return numpy.concatenate([radius * numpy.cos(angle), radius * numpy.sin(angle)])

    expected = numpy.empty(n)
    for i in range(0, n - 15, 16):
        expected[i : i + 16] = transformed(first[i : i + 16])
    if n % 16:
        expected[n - 16 :] = transformed(last)
    got = drawn(lambda t: t.normal_(), n, dtype)
    assert numpy.abs(got - expected).max() < (1e-5 if dtype == torch.float32 else 1e-13)


def test_after_a_fill_the_stream_goes_on():
    torch.manual_seed(7)
    torch.rand(700)
    torch.empty(3, dtype=torch.float64).uniform_()
    expected = (words(716)[706:] & numpy.uint64(2**24 - 1)) * 2.0**-24
    assert (torch.rand(10).numpy() == expected).all()
