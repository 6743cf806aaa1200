"""Numeric gradients, to second order, of every differentiable op of the spec: contiguous, strided,
in views, broadcast, zero-dim and zero-size, real and complex, and written in place."""

import ast
import functools
import pathlib
import re

import pytest

from gradient_samples import ABOVE, COMPLEX, EXEMPT, POSITIVE, REAL, ROWS, UNIT, Spec

torch = pytest.importorskip("facula")

from facula.autograd import gradcheck, gradgradcheck  # noqa: E402

SPEC = pathlib.Path(__file__).parents[2] / "spec"


class Entry:
    """What the spec says of an op."""

    def __init__(self, node, family):
        self.family = family
        (call,) = (d for d in node.decorator_list if isinstance(d, ast.Call))
        fields = {k.arg: k.value for k in call.keywords}
        self.name, self.kind = node.name, ast.literal_eval(call.args[0])
        python = fields.get("python")
        self.python = node.name if python is None else ast.literal_eval(python)
        self.flags = {k: getattr(v, "value", None) for k, v in fields.items()}
        args = node.args.args + node.args.kwonlyargs
        types = [ast.unparse(a.annotation) for a in args]
        takes_tensors = any("Tensor" in t or t == "Value" for t in types)
        recorded = "grads" in fields or (self.kind == "composite" and takes_tensors)
        self.differentiable = recorded and not self.flags.get("no_grad")


def entries():
    found = {}
    for path in sorted(SPEC.glob("*.py")):
        for node in ast.parse(path.read_text()).body:
            if isinstance(node, ast.FunctionDef) and node.decorator_list:
                entry = Entry(node, path.stem)
                found[entry.name] = entry
    return found


ENTRIES = entries()
METHODS = {"where_method": torch.Tensor.where}


def values(spec, dtype, generator):
    """A tensor in the domain of a Spec."""
    if spec.kind == "int":
        return torch.tensor(spec.values, dtype=torch.int64)
    if spec.kind == "bool":
        return torch.tensor(spec.values, dtype=torch.bool)
    draw = functools.partial(torch.rand, spec.shape, dtype=torch.float64, generator=generator)
    u = draw()
    n = u.numel()
    if spec.domain == "distinct":
        t = (torch.randperm(n, generator=generator).to(torch.float64) / max(n, 1)).view(spec.shape)
        t = t + 0.1 + u * 0.01
    elif spec.domain == POSITIVE:
        t = u * 1.5 + 0.2
    elif spec.domain == UNIT:
        t = (u - 0.5) * 1.4
    elif spec.domain == ABOVE:
        t = u + 1.2
    elif spec.domain == "low":
        t = -u - 0.2
    elif spec.domain == "fraction":
        t = u * 0.7 + 0.15
    else:
        t = (u * 1.2 + 0.2) * torch.where(draw() < 0.5, -1.0, 1.0)
    if spec.domain == "zeros" and n:
        t.view(-1)[:: max(n // 2, 1)] = 0
    if spec.kind != "real" and dtype.is_complex:
        t = torch.complex(t, (draw() - 0.5) * 1.1 if spec.domain != "zeros" else t * 0.5)
    return t


def copied(t):
    return t.clone() if isinstance(t, torch.Tensor) else torch.tensor(t, dtype=torch.float64)


class Sample:
    """A call of an op: f(*leaves), for tensors to differentiate by."""

    def __init__(self, name, row, dtype, layout):
        self.op = METHODS.get(name) or getattr(torch.ops.aten, ENTRIES[name].python)
        self.dtype, self.layout, self.leaves = dtype, layout, []
        self.generator = torch.Generator().manual_seed(2147 + len(name))
        row = list(row)
        keywords = row.pop() if row and isinstance(row[-1], dict) else {}
        self.args = [self.prepared(a) for a in row]
        self.keywords = {k: self.prepared(v) for k, v in keywords.items()}

    def prepared(self, a):
        """a with tensors for Specs; functions of the leaves for those that have gradients."""
        if isinstance(a, list):
            return [self.prepared(v) for v in a]
        if isinstance(a, str) and a == "float64_or_complex128":
            return self.dtype
        if not isinstance(a, Spec):
            return a
        t = values(a, self.dtype, self.generator)
        if not a.grad:
            return t
        at = len(self.leaves)
        if self.layout == "plain" or t.dim() == 0:
            self.leaves.append(t.clone().requires_grad_())
            return lambda leaves: leaves[at]
        if self.layout == "strided":
            last = t.movedim(0, -1).contiguous().movedim(-1, 0)
            self.leaves.append(last.requires_grad_())
            return lambda leaves: leaves[at]
        wide = torch.stack([t * 0.5 + 0.1, t], -1)  # a view of every other element
        self.leaves.append(wide.requires_grad_())
        return lambda leaves: leaves[at].select(-1, 1)

    def call(self, op, leaves, first=None):
        def given(a):
            if isinstance(a, list):
                return [given(v) for v in a]
            return a(leaves) if callable(a) and not isinstance(a, torch.dtype) else a

        torch.manual_seed(99)
        args = [given(a) for a in self.args]
        if first is not None:
            args[0] = first(args[0])
        return op(*args, **{k: given(v) for k, v in self.keywords.items()})

    def function(self):
        return lambda *leaves: self.call(self.op, leaves)

    def in_place(self, op):
        return lambda *leaves: self.call(op, leaves, copied)


def samples(name, dtype, layout="plain"):
    rows = ROWS[name]
    if dtype.is_complex:  # extremes are of real numbers
        rows = [row for row in rows if "amax" not in row and "amin" not in row]
    return [Sample(name, row, dtype, layout) for row in rows]


def dtypes(name):
    return [
        *([] if name in COMPLEX else [torch.float64]),
        *([] if name in REAL else [torch.complex128]),
    ]


def check(name, dtype, layout="plain"):
    for sample in samples(name, dtype, layout):
        assert gradcheck(sample.function(), sample.leaves)
        assert gradgradcheck(sample.function(), sample.leaves)


def test_every_op_has_samples():
    wanted = {name for name, entry in ENTRIES.items() if entry.differentiable}
    assert wanted - set(ROWS) - set(EXEMPT) == set()
    assert set(ROWS) & set(EXEMPT) == set()
    assert (set(ROWS) | set(EXEMPT)) - set(ENTRIES) == set()


@pytest.mark.parametrize("name", sorted(set(ROWS) - set(COMPLEX)))
def test_real(name):
    check(name, torch.float64)


@pytest.mark.parametrize("name", sorted(set(ROWS) - set(REAL)))
def test_complex(name):
    check(name, torch.complex128)


@pytest.mark.parametrize("name", REAL)
def test_complex_is_refused(name):
    with pytest.raises(RuntimeError):
        for sample in samples(name, torch.complex128):
            gradcheck(sample.function(), sample.leaves)


# These ask for strides, or for memory that lies in a row.
BY_STRIDES = set(
    "view _unsafe_view view_as view_as_complex as_strided as_strided_scatter kron".split()
)


@pytest.mark.parametrize("layout", ["strided", "view"])
@pytest.mark.parametrize("name", sorted(set(ROWS) - BY_STRIDES))
def test_layouts(name, layout):
    for dtype in dtypes(name):
        for sample in samples(name, dtype, layout):
            assert gradcheck(sample.function(), sample.leaves, fast_mode=True)
            assert gradgradcheck(sample.function(), sample.leaves, fast_mode=True)


IN_PLACE = sorted(name for name in ROWS if ENTRIES[name].flags.get("inplace"))


@pytest.mark.parametrize("name", IN_PLACE)
def test_in_place(name):
    op = getattr(torch.ops.aten, ENTRIES[name].python + "_")
    for dtype in dtypes(name):
        for sample in samples(name, dtype):
            try:
                with torch.no_grad():
                    sample.call(op, sample.leaves, copied)
            except RuntimeError as err:
                if re.search(
                    "output with shape|can.t be cast|In-place abs|result requires dtype", str(err)
                ):
                    continue  # the result does not fit into the operand
                raise
            f = sample.in_place(op)
            assert gradcheck(f, sample.leaves, fast_mode=True)
            assert gradgradcheck(f, sample.leaves, fast_mode=True)


RANDOM = {name for name, entry in ENTRIES.items() if entry.family == "random"}


@pytest.mark.parametrize("name", sorted(ROWS))
def test_forward_mode_and_batches(name):
    for dtype in dtypes(name):
        for sample in samples(name, dtype):
            f = sample.function()
            how = {"check_forward_ad": True, "check_batched_grad": True}
            how["check_batched_forward_grad"] = name not in RANDOM
            assert gradcheck(f, sample.leaves, fast_mode=True, **how)


def test_as_strided_where_gradients_lie_elsewhere():
    """Gradients and tangents with offsets and strides that are not their tensors'."""
    big = torch.arange(12.0)
    x = torch.ones(2, 3, requires_grad=True)
    s = torch.ones(2, 2, requires_grad=True)
    y = torch.as_strided_scatter(x, s, (2, 2), (3, 1), 1)
    gx, gs = torch.autograd.grad(y, (x, s), big[6:].view(2, 3))
    assert gx.tolist() == [[6, 0, 0], [9, 0, 0]] and gs.tolist() == [[7, 8], [10, 11]]
    for t in (big[4:8].view(2, 2), big[4:8].view(2, 2).t()):
        for f in (lambda x: torch.einsum("ii->i", x), lambda x: x.as_strided((2,), (3,))):
            _, pushed = torch.func.jvp(f, (torch.ones(2, 2),), (t,))
            assert pushed.tolist() == [4, 7]
    one = torch.ones(1, requires_grad=True)
    one.expand(3).as_strided((3,), (0,)).sum().backward()
    assert one.grad.item() == 3


INDICES = [[0, 1, 1], [1, 0, 2]]
SPARSE = {
    "sparse_coo_tensor": lambda v: torch.sparse_coo_tensor(INDICES, v, (2, 3)).to_dense(),
    "repeated": lambda v: torch.sparse_coo_tensor([[0, 1, 0]], v, (2,)).to_dense(),
    "coalesce": lambda v: torch.sparse_coo_tensor([[0, 1, 0]], v, (2,)).coalesce().to_dense(),
    "values": lambda v: torch.sparse_coo_tensor(INDICES, v, (2, 3)).coalesce().values(),
    "to_sparse": lambda v: (v * v).to_sparse().to_dense(),
    "sparse_mask": lambda v: v.sparse_mask(torch.tensor([1.0, 0, 1]).to_sparse()).to_dense(),
}


@pytest.mark.parametrize("name", SPARSE)
def test_sparse(name):
    v = torch.tensor([0.5, -1.5, 2.0], dtype=torch.float64, requires_grad=True)
    assert gradcheck(SPARSE[name], v)
    assert gradgradcheck(SPARSE[name], v)


@pytest.mark.parametrize("fast", [False, True])
@pytest.mark.parametrize("masked", [False, True])
def test_sparse_input(masked, fast):
    x = torch.tensor([[0.0, 1.5], [2.5, 0.0]], dtype=torch.float64).to_sparse().requires_grad_()
    assert gradcheck(lambda x: x.to_dense(masked_grad=masked), x, masked=masked, fast_mode=fast)
