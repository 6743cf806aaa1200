#!/usr/bin/env python3
"""Prints src/cpu/kernels/vmath_tables.h: odd functions as polynomials, a cell of |x| each.

A cell is a quarter of an octave from 1/8 up, and the first all below: its number is the lower five
bits of |x|'s float over 2^21. In it f(x) is a polynomial of degree 5 in |x| - centre that
interpolates at Chebyshev's points. The centre is a float close to the middle at which f is nearly a
float (S. Gal), so that rounding the first coefficient costs nothing.
"""

import math
import struct
from fractions import Fraction

DEGREE, LOWEST = 5, 0.125


def bits(x):
    return struct.unpack("<I", struct.pack("<f", x))[0]


def floating(u):
    return struct.unpack("<f", struct.pack("<I", u))[0]


def interpolated(f, points):
    """The polynomial's coefficients, by elimination in exact arithmetic."""
    n = len(points)
    rows = [[Fraction(x) ** k for k in range(n)] + [Fraction(f(x))] for x in points]
    for i in range(n):
        rows[i] = [v / rows[i][i] for v in rows[i]]
        for j in range(n):
            if j != i:
                rows[j] = [v - rows[j][i] * w for v, w in zip(rows[j], rows[i])]
    return [float(row[n]) for row in rows]


def chebyshev(low, high, n):
    middle, half = (low + high) / 2, (high - low) / 2
    return [middle + half * math.cos((2 * k + 1) * math.pi / (2 * n)) for k in range(n)]


def error_of_rounding(v):
    return abs(floating(bits(v)) - v)


def cell(f, low, high):
    middle = bits((low + high) / 2)
    near = (floating(middle + d) for d in range(-4000, 4001))
    centre = min(near, key=lambda x: error_of_rounding(f(x)))
    points = [x - centre for x in chebyshev(low, high, DEGREE + 1)]
    c = interpolated(lambda r: f(centre + r), points)
    return [centre, f(centre), *c[1:]]


def first_cell(f, slope):
    z = chebyshev(0, LOWEST**2, 2)
    third, fifth = interpolated(lambda z: (f(math.sqrt(z)) / math.sqrt(z) - slope) / z, z)
    return [0, 0, slope, 0, third, 0, fifth]


def table(f, slope, end):
    cells = [[0.0] * (DEGREE + 2) for _ in range(32)]
    start = bits(LOWEST) >> 21
    cells[(start - 1) % 32] = first_cell(f, slope)
    for i in range(start, (bits(end) >> 21) + 1):
        cells[i % 32] = cell(f, floating(i << 21), min(floating((i + 1) << 21), end))
    return list(zip(*cells))


print(
    "/* Made by tools/fit_odd.py: centres and coefficients, the lowest first, a column a cell. */"
)
print("/* clang-format off */")
for name, f, slope, end in (
    ("tanh", math.tanh, 1.0, 9.1),
    ("erf", math.erf, 2 / math.sqrt(math.pi), 3.99),
):
    print(f"static const float v4_{name}_table[{DEGREE + 2}][32] = {{")
    for row in table(f, slope, end):
        print("{" + ", ".join(f"{floating(bits(v)):.9g}" for v in row) + "},")
    print("};")
print("/* clang-format on */")
