"""Every kernel gives the same bits whatever the threads, the place and the strides of its inputs.

With the grain at one element, so that even small loops are cut: 1, 2, 3 and 7 threads; inputs
contiguous, offset in their storage and with gaps; and a child forked after parallel work in its
parent. Pointwise ops take transposed inputs too; sums may follow the order of the memory.
"""

import hashlib
import os
import pathlib
import sys

import pytest

import facula as torch
from bits_cases import ANY, CASES
from facula import _C

ROOT = pathlib.Path(__file__).resolve().parents[2]
pytestmark = pytest.mark.kernels


def spec():
    sys.path.insert(0, str(ROOT / "tools"))
    from generate import model

    return model.read(ROOT / "spec")


OPS = spec()


# --- inputs --------------------------------------------------------------------------------------


def make(shape, kind, dtype):
    if kind == "mask":
        return torch.rand(shape) < 0.5
    if kind is not None and kind.startswith("index:"):
        return torch.randint(0, int(kind[6:]), shape)
    if dtype.is_complex:
        return torch.randn(shape, dtype=dtype)
    if dtype.is_floating_point:
        if kind in ("unit", "positive"):
            return torch.rand(shape, dtype=torch.float64).mul(0.98).add(0.01).to(dtype)
        return torch.randn(shape, dtype=torch.float64).to(dtype)
    return torch.randint(0, 7, shape).to(dtype)


def offset(x):
    room = torch.zeros(x.numel() + 3, dtype=x.dtype)
    return room[3:].view(x.shape).copy_(x)


def gaps(x):
    if x.dim() == 0:
        return offset(x)
    return torch.zeros((*x.shape[:-1], 3 * x.shape[-1]), dtype=x.dtype)[..., 1::3].copy_(x)


def transposed(x):
    order = tuple(reversed(range(x.dim())))
    return torch.empty(tuple(reversed(x.shape)), dtype=x.dtype).permute(order).copy_(x)


LAYOUTS = {"offset": offset, "gaps": gaps}


# --- one run -------------------------------------------------------------------------------------


def digest(tensors):
    h = hashlib.sha256()
    for t in tensors:
        h.update(repr((tuple(t.shape), str(t.dtype))).encode())
        flat = t.detach().resolve_conj().resolve_neg().contiguous().view(-1)
        if flat.numel():
            h.update(bytes(memoryview(flat.view(torch.uint8).numpy())))
    return h.hexdigest()


def tensors_of(result):
    if isinstance(result, torch.Tensor):
        return [result]
    return [t for item in result if item is not None for t in tensors_of(item)]


def run(call, inputs):
    """The digest of what call returns and of its gradients by every input that can have one."""
    leaves = [x.detach() for x in inputs]
    for x in leaves:
        if x.dtype.is_floating_point or x.dtype.is_complex:
            x.requires_grad_(True)
    outs = tensors_of(call(*leaves))
    tracked = [y for y in outs if y.requires_grad]
    grads = []
    if tracked:
        wanted = [x for x in leaves if x.requires_grad]
        torch.manual_seed(2)
        seeds = [torch.randn(y.shape, dtype=torch.float64).to(y.dtype) for y in tracked]
        try:
            grads = torch.autograd.grad(tracked, wanted, seeds, allow_unused=True)
        except RuntimeError as e:  # the gradient has fewer dtypes than the op, or none
            if "not implemented" not in str(e):
                raise
    return digest(outs + [g for g in grads if g is not None])


@pytest.fixture(autouse=True)
def fine_grain():
    threads = torch.get_num_threads()
    _C._set_grain(1)
    yield
    _C._set_grain(0)
    torch.set_num_threads(threads)


def compare(call, inputs, what, layouts):
    torch.set_num_threads(1)
    reference = run(call, inputs)
    for threads in (2, 3, 7):
        torch.set_num_threads(threads)
        assert run(call, inputs) == reference, f"{what}: {threads} threads"
    for threads, (name, layout) in zip((2, 1, 7), layouts.items()):
        torch.set_num_threads(threads)
        moved = [layout(x) for x in inputs]
        assert run(call, moved) == reference, f"{what}: {name}, {threads} threads"


# --- pointwise ops: arguments follow from the spec -----------------------------------------------


def pointwise_call(op):
    """A call of a pointwise op on as many tensors as it has, and that number."""
    where = torch if hasattr(torch, op.python) else getattr(_C, "_nn", None)
    function = getattr(where, op.python, None)
    if function is None or op.overload and op.overload != "Tensor":
        function = None
    tensors = [p for p in op.params if p.type in ("TENSOR", "VALUE") and not p.optional]
    numbers = [0.5 for p in op.params if p.type not in ("TENSOR", "VALUE") and not p.optional]

    def call(*xs):
        return function(*xs, *numbers)

    return (call if function is not None else None), len(tensors)


POINTWISE = [op for op in OPS if op.kind == "pointwise" and op.get("function", True)]


@pytest.mark.parametrize("op", POINTWISE, ids=lambda op: op.name)
def test_pointwise(op):
    call, count = pointwise_call(op)
    if call is None:
        pytest.skip("reached through other ops only")
    worked = []
    for name in ANY.split():
        torch.manual_seed(0)
        dtype = getattr(torch, name)
        kind = "unit" if op.name in ("polygamma", "bernoulli") else None
        inputs = [make((41, 37), kind, dtype) for _ in range(count)]
        if op.name == "where":
            inputs[0] = make((41, 37), "mask", dtype)
        torch.set_num_threads(1)
        try:
            call(*inputs)
        except (RuntimeError, TypeError):
            continue
        compare(call, inputs, name, {**LAYOUTS, "transposed": transposed})
        worked.append(name)
    if not worked:
        pytest.skip("takes none of the inputs tried")


# --- everything else -----------------------------------------------------------------------------


@pytest.mark.parametrize("row", CASES, ids=lambda row: row[0].replace(" ", "+"))
def test_structured(row):
    kernels, dtypes, shapes, call = row
    for name in dtypes.split():
        torch.manual_seed(0)
        inputs = []
        for item in shapes:
            shape, kind = item if isinstance(item[-1], str) else (item, None)
            inputs.append(make(shape, kind, getattr(torch, name)))
        compare(call, inputs, name, LAYOUTS)


def test_every_kernel_has_a_sample():
    sampled = {name for row in CASES for name in row[0].split()}
    structured = [op.name for op in OPS if op.kind == "structured"]
    assert sorted(set(structured) - sampled) == []


# --- after fork ----------------------------------------------------------------------------------


def training_step():
    torch.manual_seed(0)
    x, w = torch.randn(64, 50), torch.randn(30, 50)
    return run(lambda x, w: torch.tanh(torch.nn.functional.linear(x, w)).sum(), [x, w])


@pytest.mark.skipif(not hasattr(os, "fork"), reason="no fork here")
def test_after_fork():
    torch.set_num_threads(3)
    expected = training_step()
    for _ in range(5):
        reader, writer = os.pipe()
        child = os.fork()
        if child == 0:
            try:
                os.write(writer, training_step().encode())
            finally:
                os._exit(0)
        os.close(writer)
        with os.fdopen(reader) as pipe:
            assert pipe.read() == expected
        assert os.waitpid(child, 0)[1] == 0
        assert training_step() == expected
