"""Tensors of every kind with print options, for the texts recorded from PyTorch and live ones.

Only `random.random()` and exact arithmetic make the values, so that every machine makes the same.
"""

import random

DTYPES = (
    "bool", "uint8", "int8", "int16", "int32", "int64", "uint16", "uint32", "uint64",
    "float16", "bfloat16", "float32", "float64", "complex64", "complex128",
)  # fmt: skip
RANGES = {
    "bool": (0, 1), "uint8": (0, 255), "int8": (-128, 127), "int16": (-(2**15), 2**15 - 1),
    "int32": (-(2**31), 2**31 - 1), "int64": (-(2**63), 2**63 - 1), "uint16": (0, 2**16 - 1),
    "uint32": (0, 2**32 - 1), "uint64": (0, 2**63 - 1),
}  # fmt: skip
ODD = (0.0, -0.0, 1.0, float("nan"), float("inf"), float("-inf"), 2.5, -3.0)
EDGES = (1e-4, 2e-4, 0.1, 0.9999999, 5e-5, 1.0, 99.99996, 1000.0, 1001.0, 1e8, 99999999.0)
VARIANTS = (
    "plain", "plain", "plain", "transpose", "step", "conj", "conj_imag", "expand",
    "requires_grad", "result", "view", "meta",
)  # fmt: skip


class Source:
    def __init__(self, seed):
        self.random = random.Random(seed).random

    def below(self, n):
        return int(self.random() * n)

    def pick(self, *values):
        return values[self.below(len(values))]

    def reals(self, n):
        kind = self.below(7)
        if kind == 0:
            return [4 * self.random() - 2 for _ in range(n)]
        if kind == 1:
            return [float(self.below(12) - 6) for _ in range(n)]
        if kind == 2:
            scale = float(f"1e{self.below(24) - 12}")
            return [scale * (2 * self.random() - 1) for _ in range(n)]
        if kind == 3:
            return [float(f"1e{self.below(12) - 6}") * self.random() for _ in range(n)]
        if kind == 4:
            return [float(self.below(10 ** self.pick(1, 2, 5, 9))) for _ in range(n)]
        return [self.pick(*(ODD if kind == 5 else EDGES)) for _ in range(n)]

    def values(self, dtype, n):
        if dtype.startswith("complex"):
            return [complex(a, b) for a, b in zip(self.reals(n), self.reals(n))]
        if "float" in dtype:
            return self.reals(n)
        low, high = RANGES[dtype]
        if dtype != "bool" and self.below(3) > 0:
            low, high = max(low, -50), min(high, self.pick(9, 1000))
        span = high - low + 1
        return [min(high, low + int(self.random() * span)) for _ in range(n)]

    def shape(self):
        n = self.pick(0, 1, 1, 1, 2, 2, 2, 3, 4, 5)
        top = self.pick(1, 3, 5, 12) if n < 3 else self.pick(2, 3)
        if self.below(25) == 0:
            return [n, 0] if n > 1 else [0]
        if self.below(12) == 0:
            return self.pick([1003], [33, 31], [2, 600])
        return [1 + self.below(top) for _ in range(n)]

    def options(self):
        o = {}
        if self.below(2):
            o["precision"] = self.pick(0, 1, 2, 3, 6, 8, 12, 20)
        if self.below(2):
            o["threshold"] = self.pick(0, 1, 5, 10, 100, float("inf"))
        if self.below(2):
            o["edgeitems"] = self.pick(0, 1, 2, 4, 5)
        if self.below(2):
            o["linewidth"] = self.pick(1, 10, 20, 40, 60, 100, 200)
        if self.below(4) == 0:
            o["sci_mode"] = self.pick(True, False)
        if self.below(10) == 0:
            o["profile"] = self.pick("short", "full", "default")
        return o


def case(seed):
    """(dtype, shape, flat values, variant, options, default dtype) of a seed."""
    s = Source(seed)
    dtype, shape = s.pick(*DTYPES), s.shape()
    n = 1
    for size in shape:
        n *= size
    default = s.pick("float32", "float32", "float64", "float16")
    return dtype, shape, s.values(dtype, n), s.pick(*VARIANTS), s.options(), default


def make(torch, seed):
    dtype, shape, values, variant, _, _ = case(seed)
    dtype = getattr(torch, dtype)
    if variant == "meta":
        return torch.empty(shape, dtype=dtype, device="meta")
    wide = torch.complex128 if dtype.is_complex else torch.float64
    if not dtype.is_complex and not dtype.is_floating_point:
        wide = torch.int64
    t = torch.tensor(values, dtype=wide).reshape(shape).to(dtype)
    smooth = dtype.is_complex or dtype.is_floating_point
    if variant == "transpose" and len(shape) > 1:
        return t.transpose(0, len(shape) - 1)
    if variant == "step" and shape:
        return t[::2]
    if variant == "expand":
        return t.expand(2, *shape)
    if variant == "conj" and dtype.is_complex:
        return t.conj()
    if variant == "conj_imag" and dtype.is_complex:
        return t.conj().imag
    if variant == "requires_grad" and smooth:
        return t.requires_grad_()
    if variant == "result" and smooth:
        return t.requires_grad_() * 1
    if variant == "view" and smooth:
        return t.requires_grad_().reshape(-1)
    return t


def text(torch, seed):
    """What the case prints, with PyTorch's settings put back afterwards."""
    options, default = case(seed)[4:]
    try:
        torch.set_printoptions(profile="default")
        torch.set_printoptions(**options)
        torch.set_default_dtype(getattr(torch, default))
        return repr(make(torch, seed))
    finally:
        torch.set_default_dtype(torch.float32)
        torch.set_printoptions(profile="default")
