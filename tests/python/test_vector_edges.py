"""Lengths about those of vectors and tiles, where kernels go over from one loop to another."""

import math
import struct

import pytest

import facula as torch

pytestmark = pytest.mark.kernels
F = torch.nn.functional
LENGTHS = [1, 7, 8, 15, 16, 17, 31, 32, 33, 63, 65, 1024, 1025, 5000]


@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_extremes(dtype):
    for n in LENGTHS:
        torch.manual_seed(n)
        x = torch.randn(n, dtype=dtype)
        values = x.tolist()
        assert x.amax().item() == max(values)
        assert (x - 9).amax().item() == max((x - 9).tolist())
        assert x.amin().item() == min(values)
        assert x.argmax().item() == values.index(max(values))
        for at in {0, n // 2, n - 1} | set(range(min(n, 40))):
            y = x.clone()
            y[at] = math.nan
            assert math.isnan(y.amax().item()) and math.isnan(y.amin().item())
            assert y.argmax().item() == at and y.max(0).indices.item() == at


def nearest_bfloat16(v):
    (u,) = struct.unpack("I", struct.pack("f", v))
    if v != v:
        return 0x7FC0
    return (u + 0x7FFF + (u >> 16 & 1)) >> 16


def test_bfloat16():
    odd = [0x3F808000, 0x3F818000, 0x3F808001, 0x3F807FFF, 0x7F7FFFFF, 0xFF7F8000, 0x00008000, 1]
    values = [struct.unpack("f", struct.pack("I", u))[0] for u in odd]
    values += [0.0, -0.0, math.inf, -math.inf, math.nan, 1 / 3]
    for n in range(1, 50):
        row = (values * 4)[n % 14 :][:n] if n < 43 else (values * 4)[:n]
        got = torch.tensor(row).bfloat16().view(torch.int16).tolist()
        assert [g & 0xFFFF for g in got] == [nearest_bfloat16(v) for v in row]


@pytest.mark.parametrize("dtype", ["uint8", "int16", "float32", "float64", "complex128"])
def test_transposed(dtype):
    for rows, columns in ((16, 16), (15, 33), (17, 48), (64, 64), (100, 130)):
        x = torch.arange(rows * columns).remainder(251).reshape(rows, columns)
        y = x.to(getattr(torch, dtype)).t().contiguous()
        assert y.tolist() == [list(column) for column in zip(*x.tolist())]


def test_rows_added_at():
    """More columns than a thread takes at once, places that repeat."""
    x = torch.arange(300.0).reshape(3, 100).repeat(1, 7)
    index = torch.tensor([1, 0, 1])
    expected = torch.stack([x[1], x[0] + x[2]])
    for threads in (1, 2):
        before = torch.get_num_threads()
        torch.set_num_threads(threads)
        got = torch.zeros(2, 700).index_add_(0, index, x)
        torch.set_num_threads(before)
        assert torch.equal(got, expected)


@pytest.mark.parametrize("channels,kernel,stride", [(1, 3, 1), (1, 5, 1), (3, 3, 1), (3, 3, 2)])
@pytest.mark.parametrize("dtype", [torch.float32, torch.float64])
def test_convolution_of_few_channels(channels, kernel, stride, dtype):
    torch.manual_seed(0)
    w = torch.randn(6, channels, kernel, kernel, dtype=dtype)
    b = torch.randn(6, dtype=dtype)
    for width in (*range(8, 42), 75):
        x = torch.randn(2, channels, 11, width, dtype=dtype)
        got = F.conv2d(x, w, b, stride, 1)
        columns = F.unfold(x.double(), kernel, padding=1, stride=stride)
        expected = w.double().flatten(1) @ columns + b.double()[:, None]
        assert torch.allclose(got.double().flatten(2), expected, rtol=1e-5, atol=1e-4)


@pytest.mark.parametrize("inner", [1, 3, 16, 63, 64, 65, 130])
def test_softmax(inner):
    torch.manual_seed(0)
    x = torch.randn(2, 37, inner, requires_grad=True)
    g = torch.randn(2, 37, inner)
    e = x.detach().double().exp()
    p = e / e.sum(1, keepdim=True)
    y = torch.softmax(x, 1)
    assert torch.allclose(y.double(), p, rtol=1e-5)
    (gx,) = torch.autograd.grad(y, x, g)
    expected = p * (g.double() - (p * g.double()).sum(1, keepdim=True))
    assert torch.allclose(gx.double(), expected, rtol=1e-4, atol=1e-6)
    y = torch.log_softmax(x, 1)
    assert torch.allclose(y.double(), p.log(), rtol=1e-5)
    (gx,) = torch.autograd.grad(y, x, g)
    expected = g.double() - p * g.double().sum(1, keepdim=True)
    assert torch.allclose(gx.double(), expected, rtol=1e-4, atol=1e-5)
