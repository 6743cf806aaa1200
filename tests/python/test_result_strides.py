"""Strides of new results: those of PyTorch 2.13's iterator, dimensions of one or no element included."""

import random

import pytest

torch = pytest.importorskip("facula")


def strided(T, sizes, strides, dtype="float32"):
    room = sum((n - 1) * s for n, s in zip(sizes, strides) if n) + 1
    return T.as_strided(T.ones(max(room, 1)).to(getattr(T, dtype)), sizes, strides)


# expression over x of these sizes and strides: the strides of what it gives
CASES = {
    ("x + 3", (4, 1), (1, 4)): (1, 4),
    ("x + x", (4, 1), (1, 4)): (1, 1),
    ("x * 2", (1, 4), (1, 1)): (1, 1),
    ("x ** 2", (2, 1, 2), (1, 100, 2)): (1, 100, 2),
    ("x - 1", (2, 1, 2), (1, 100, 2)): (1, 4, 2),
    ("x.exp()", (2, 1, 3), (1, 77, 2)): (1, 77, 2),
    ("x.exp()", (1, 2, 1, 2), (4, 1, 1, 2)): (4, 1, 4, 2),
    ("x.exp()", (2, 3), (1, 0)): (3, 1),
    ("x.exp()", (2, 3), (1, 3)): (1, 2),
    ("x + T.ones(3, 1, 2)", (3, 4, 2), (1, 3, 12)): (1, 3, 12),
    ("T.ones(3, 4, 2) + x", (3, 4, 2), (1, 3, 12)): (8, 2, 1),
    ("x + T.ones(2, 1).t()", (3, 2), (1, 3)): (1, 3),
    ("x + T.ones((), dtype=T.float64)", (3, 2), (1, 3)): (1, 3),
    ("x + T.ones(3, 2, dtype=T.float64)", (3, 2), (2, 0)): (2, 1),
    ("x == 1", (2, 1), (1, 100)): (1, 2),
    ("x / 2", (0, 1), (1, 7)): (1, 0),
    ("x + x", (2, 0), (1, 2)): (1, 1),
    ("T.where(x > 0, x, 1.0)", (3, 1), (1, 5)): (1, 3),
    ("T.add(x, x, out=T.empty(0))", (3, 4), (1, 3)): (1, 3),
    ("T.exp(x, out=T.empty(0))", (3, 4), (1, 3)): (1, 3),
    ("x.clone()", (1,), (7,)): (7,),
    ("T.zeros_like(x)", (1, 4), (1, 1)): (1, 1),
    ("x.to(T.float16)", (1,), (7,)): (7,),
    ("T.einsum('ij,jk->ki', x, T.ones(3, 4))", (2, 3), (3, 1)): (2, 1),
    ("T.einsum('ij,jk->ik', x, T.ones(3, 4))", (2, 3), (1, 2)): (4, 1),
    ("T.einsum('bik,bkj->jib', x, T.ones(2, 4, 5))", (2, 3, 4), (12, 4, 1)): (3, 1, 15),
    ("T.einsum('abc,abd->dc', x, x)", (2, 3, 4), (12, 4, 1)): (4, 1),
    ("T.einsum('abc,abd->dac', x, x)", (2, 3, 4), (12, 4, 1)): (4, 16, 1),
    ("T.einsum('ij,ij->ji', x, x)", (2, 3), (3, 1)): (1, 3),
    ("T.einsum('i,jk->kji', T.ones(5), x)", (2, 3), (3, 1)): (5, 15, 1),
}


def result(T, expression, sizes, strides):
    return tuple(eval(expression, {"T": T, "x": strided(T, sizes, strides)}).stride())


@pytest.mark.parametrize("case", CASES, ids=str)
def test_as_recorded(case):
    assert result(torch, *case) == CASES[case]


@pytest.mark.parametrize("case", CASES, ids=str)
def test_live(case):
    assert result(pytest.importorskip("torch"), *case) == CASES[case]


def geometry(chance, sizes):
    """Strides of a permuted tensor, some with gaps, repeated or, over one element, arbitrary."""
    order = list(range(len(sizes)))
    if chance.random() < 0.6:
        chance.shuffle(order)
    strides, step = [0] * len(sizes), 1
    for d in order:
        strides[d] = step
        step *= max(sizes[d], 1)
        if chance.random() < 0.15:
            step += chance.randint(1, 3)
    for d, n in enumerate(sizes):
        if n == 1 and chance.random() < 0.4:
            strides[d] = chance.choice([0, 1, 2, 7, 100])
        elif chance.random() < 0.08:
            strides[d] = 0
    return strides


def broadcast_part(chance, sizes):
    part = [1 if chance.random() < 0.3 else n for n in sizes]
    return part[chance.randint(0, len(part)) :] if chance.random() < 0.3 else part


UNARY = [
    "neg",
    "exp",
    "sqrt",
    "sigmoid",
    "isnan",
    "relu",
    "logical_not",
    "tanh",
    "sign",
    "clone",
    "zeros_like",
]
BINARY = ["add", "mul", "sub", "div", "eq", "lt", "logical_and", "atan2", "pow", "maximum", "fmod"]
NUMBER = ["add", "mul", "sub", "div", "eq", "pow", "fmod", "remainder", "rsub"]
TERNARY = ["where", "addcmul", "addcdiv", "lerp", "clamp"]


def program(chance):
    """A function of the module that gives a result's sizes and strides, or the name of its error."""
    sizes = [
        chance.choice([1, 1, 2, 3, 4, 2, 2, 2, 0])
        for _ in range(chance.choice([1, 2, 2, 3, 3, 4, 4, 5]))
    ]
    dtypes = ["float32", "float32", "float64", "int64", "bfloat16", "bool"]
    dtype = chance.choice(dtypes)
    kind, names = chance.choice(
        [(1, UNARY), (2, BINARY), (2, BINARY), (0, NUMBER), (3, TERNARY), (4, BINARY[:4])]
    )
    name = chance.choice(names)
    operands = []
    for k in range({0: 1, 4: 2}.get(kind, kind)):
        part = sizes if k == 0 or chance.random() < 0.5 else broadcast_part(chance, sizes)
        other = chance.choice(dtypes) if kind == 2 and chance.random() < 0.3 else dtype
        operands.append((part, geometry(chance, part), other))
    chance.shuffle(operands)

    def run(T):
        values = [strided(T, *o) for o in operands]
        if name == "where":
            values[0] = values[0].bool()
        more = [2] if kind == 0 else []
        out = {"out": T.empty(0, dtype=(values[0] / 1).dtype)} if kind == 4 else {}
        try:
            r = getattr(T, name)(*values, *more, **out)
        except RuntimeError as e:
            return type(e).__name__
        return tuple(r.shape), tuple(r.stride())

    return run, (name, kind, operands)


@pytest.mark.parametrize("seed", range(4))
def test_random_programs(seed):
    reference = pytest.importorskip("torch")
    chance = random.Random(seed)
    for _ in range(500):
        run, text = program(chance)
        assert run(torch) == run(reference), text
