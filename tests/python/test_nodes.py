"""What a graph's nodes show: names, edges, and what they keep for backward."""

import pytest

from gradient_samples import ROWS
from test_gradients import ENTRIES, Sample

torch = pytest.importorskip("facula")

FREED = "Trying to backward through the graph a second time"

# What PyTorch keeps and this library need not, or computes by another op.
KEPT_BY_PYTORCH_ALONE = {
    "AdaptiveAvgPool2DBackward0": {"self"},
    "AdaptiveMaxPool2DBackward0": {"self"},
    "AddmmBackward0": {"mat1_sym_strides", "mat2_sym_strides"},
    "AvgPool2DBackward0": {"self"},
    "ComplexBackward0": {"real", "imag"},
    "ConvolutionBackward0": {"bias_sym_sizes_opt"},
    "CummaxBackward0": {"self"},
    "CumminBackward0": {"self"},
    "DivBackward2": {"self", "other", "rounding_mode"},  # rounded: its gradient is zero
    "GatherBackward0": {"self"},
    "GeluBackward0": {"approximate"},
    "IndexAddBackward0": {"source"},
    "IndexCopyBackward0": {"source"},
    "LogSigmoidBackward0": {"buffer"},
    "MaskedSelectBackward0": {"self"},
    "MaxPool2DWithIndicesBackward0": {"self"},
    "MmBackward0": {"mat2_sym_strides", "self_sym_strides"},
    "NllLoss2DBackward0": {"self"},
    "NllLossBackward0": {"self"},
    "PolarBackward0": {"result"},
    "PowBackward0": {"exponent"},
    "PutBackward0": {"source"},
    "SgnBackward0": {"result"},
    "TakeBackward0": {"self"},
}
LINEAR = {"linear"}  # its node is named after the op that PyTorch computes it by
KEPT_HERE_ALONE = {"PolarBackward0": {"abs", "angle"}, "ThresholdBackward0": {"value"}}


def shown(node, prefix="_saved_"):
    return {name[len(prefix) :] for name in dir(node) if name.startswith(prefix)}


def first_node(result):
    if isinstance(result, (tuple, list)):
        return next((n for n in map(first_node, result) if n is not None), None)
    return getattr(result, "grad_fn", None)


def test_names_are_those_of_pytorch():
    pytorch = pytest.importorskip("torch")

    def theirs(a):
        if isinstance(a, (list, tuple)):
            return [theirs(v) for v in a]
        if isinstance(a, torch.dtype):
            return getattr(pytorch, str(a).split(".")[1])
        if not isinstance(a, torch.Tensor):
            return a
        dtype = getattr(pytorch, str(a.dtype).split(".")[1])
        made = pytorch.tensor(a.detach().tolist(), dtype=dtype).reshape(tuple(a.shape))
        return made.requires_grad_(a.requires_grad)

    compared, differ = set(), []
    for name in sorted(ROWS.keys() & ENTRIES.keys() - LINEAR):
        their_op = getattr(pytorch.ops.aten, ENTRIES[name].python, None)
        if their_op is None:
            continue
        for row in ROWS[name]:
            sample = Sample(name, row, torch.float64, "plain")
            calls = []
            sample.call(lambda *a, **k: calls.append((a, k)), sample.leaves)
            args, keywords = calls[0]
            try:
                keywords_there = {k: theirs(v) for k, v in keywords.items()}
                there = first_node(their_op(*theirs(args), **keywords_there))
            except RuntimeError:
                continue  # its overloads for numbers alone are Python's
            here = first_node(sample.op(*args, **keywords))
            kind = type(here).__name__
            if here is None or there is None or type(there).__name__ != kind:
                continue
            less = KEPT_BY_PYTORCH_ALONE.get(kind, set())
            more = KEPT_HERE_ALONE.get(kind, set())
            if not shown(here) - more <= shown(there) <= shown(here) | less:
                differ.append((name, kind, shown(here) ^ shown(there)))
            compared.add(kind)
    assert not differ
    assert len(compared) > 150


EDGES = {  # None: no gradient goes there; x: to a
    "a ** 2": "PowBackward0 x",
    "a ** b": "PowBackward1 x x",
    "2 ** a": "PowBackward2 x",
    "1 - a": "RsubBackward1 x",
    "a - 1": "SubBackward0 x None",
    "a * 2": "MulBackward0 x None",
    "a % 2": "RemainderBackward0 x",
    "a % c": "RemainderBackward1 x None",
    "T.fmod(a, 2)": "FmodBackward0 x",
    "T.fmod(a, b)": "FmodBackward1 x x",
    "a.masked_fill(c > 0, 1)": "MaskedFillBackward0 x",
    "a.masked_fill(c > 0, b[0, 0])": "MaskedFillBackward1 x SelectBackward0",
    "T.fill(a, c[0, 0])": "FillBackward1 x None",
    "(a * 1).fill_(3.0)": "FillBackward2 MulBackward0",
    "F.glu(a)": "GluBackward0 x",
    "F.threshold(a, 0.5, 0.0)": "ThresholdBackward0 x",
    "F.smooth_l1_loss(a, c)": "SmoothL1LossBackward0 x None",
    "F.huber_loss(a, c)": "HuberLossBackward0 x None",
    "F.mse_loss(a, b)": "MseLossBackward0 x x",
    "F.l1_loss(a, c)": "MeanBackward0 AbsBackward0",
    "F.linear(c, c, b[:, 0])": "AddmmBackward0 SelectBackward0 None None",
    "T.einsum('ij,kj->ik', a, b)": "ViewBackward0 PermuteBackward0",
    "T.outer(a[0], b[0])": "MulBackward0 ViewBackward0 SelectBackward0",
}


@pytest.mark.parametrize("case", EDGES)
@pytest.mark.parametrize("name", ["facula", "torch"])
def test_edges_are_those_of_pytorch(name, case):
    T = pytest.importorskip(name)
    a, b = (T.ones(2, 2, requires_grad=True) for _ in range(2))
    node = eval(case, {"T": T, "F": T.nn.functional, "a": a, "b": b, "c": T.ones(2, 2)}).grad_fn
    named = [next and next.name().split("::")[-1] for next, _ in node.next_functions]
    got = " ".join([node.name(), *("x" if n == "AccumulateGrad" else str(n) for n in named)])
    assert got == EDGES[case]


def test_hooks_see_the_bias_first():
    x, w, b = (
        torch.ones(3, 4),
        torch.ones(2, 4, requires_grad=True),
        torch.ones(2, requires_grad=True),
    )
    y = torch.nn.functional.linear(x, w, b)

    def twice(grads, _):
        assert [None if g is None else g.shape for g in grads] == [(2,), None, (2, 4)]
        return (grads[0] * 2, None, grads[2] * 3)

    assert [n is None for n, _ in y.grad_fn.next_functions] == [False, True, False]
    y.grad_fn.register_hook(twice)
    y.sum().backward()
    assert b.grad.tolist() == [6, 6] and w.grad[0].tolist() == [9, 9, 9, 9]


def test_values_of_saved_names():
    x = torch.arange(6.0).view(2, 3).requires_grad_()
    assert x.sum(1, keepdim=True).grad_fn._saved_dim == (1,)
    assert x.sum(1).grad_fn._saved_self_sym_sizes == (2, 3)
    assert x.mean().grad_fn._saved_self_sym_numel == 6
    assert x.clamp(1, 4).grad_fn._saved_max == 4
    values, order = x.sort()
    assert torch.equal(values.grad_fn._saved_indices, order)
    assert x.softmax(1).grad_fn._saved_dim == 1
    assert x.select(1, 2).grad_fn._saved_index == 2
    assert x.expand(4, 2, 3).grad_fn._saved_self_sym_sizes == (2, 3)
    assert x.transpose(0, 1).grad_fn._saved_dim1 == x.swapaxes(0, 1).grad_fn._saved_dim1 == 1
    y = x[[0, 1]]
    assert y.grad_fn._saved_indices[0].tolist() == [0, 1]
    unused = (x * torch.ones(3)).grad_fn
    assert unused._saved_self is None and unused._saved_other.tolist() == [1, 1, 1]
    assert not hasattr((x + 1).grad_fn, "_saved_other")


def test_a_factor_is_a_saved_tensor():
    x = torch.ones(2, requires_grad=True)
    y = x * 3
    assert y.grad_fn._saved_other.dtype is torch.int64 and y.grad_fn._saved_other == 3
    y.sum().backward()
    with pytest.raises(RuntimeError, match=FREED):
        y.grad_fn._saved_other


def test_saved_values_after_they_were_freed():
    x = torch.ones(2, requires_grad=True)
    y = x.exp()[[0]].sum(0, keepdim=True)
    index = y.grad_fn.next_functions[0][0]
    y.sum().backward()
    for node, name in ((index, "indices"), (index.next_functions[0][0], "result")):
        with pytest.raises(RuntimeError, match=FREED):
            getattr(node, "_saved_" + name)
    assert y.grad_fn._saved_dim == (0,)  # numbers stay


def test_hooks_of_one_saved_tensor():
    x = torch.arange(3.0).requires_grad_()
    y = x * x
    saved = y.grad_fn._raw_saved_self
    saved.register_hooks(lambda t: t * 2, lambda t: t * 3)
    assert y.grad_fn._saved_self.tolist() == [0, 6, 12]
    with pytest.raises(RuntimeError, match="only one pair of hooks is allowed at a time"):
        saved.register_hooks(lambda t: t, lambda t: t)
    y.sum().backward()
    assert x.grad.tolist() == [0, 7, 14]
    with pytest.raises(RuntimeError, match="after it has been freed"):
        saved.register_hooks(lambda t: t, lambda t: t)


def test_hooks_of_a_functions_saved_tensors():
    class Double(torch.autograd.Function):
        @staticmethod
        def forward(ctx, x):
            ctx.save_for_backward(x)
            return x * 2

        @staticmethod
        def backward(ctx, g):
            return g * ctx.saved_tensors[0]

    x = torch.ones(2, requires_grad=True)
    y = Double.apply(x)
    (saved,) = y.grad_fn._raw_saved_tensors
    saved.register_hooks(lambda t: None, lambda nothing: torch.full((2,), 5.0))
    y.sum().backward()
    assert x.grad.tolist() == [5, 5]


def test_what_a_node_is():
    x = torch.ones(2, 3, requires_grad=True)
    node = x.exp().grad_fn
    assert node.requires_grad is True
    (m,) = node._input_metadata
    assert (m.shape, m.dtype, m.device) == ([2, 3], torch.float32, torch.device("cpu"))
    assert len(x.max(1)[0].grad_fn._input_metadata) == 1  # none for the indices
    assert len(x.unbind()[0].grad_fn._input_metadata) == 2
    node._set_sequence_nr(7)
    assert node._sequence_nr() == 7
    leaf = node.next_functions[0][0]
    assert "variable" in dir(leaf) and leaf.variable is x
    assert "variable" not in dir(node)


def test_metadata_lives_as_long_as_the_node():
    y = torch.ones(2, requires_grad=True).exp()
    y.grad_fn.metadata["made by"] = "test"
    assert y.grad_fn.metadata == {"made by": "test"}  # though the first object is gone
    assert y.detach().requires_grad_().exp().grad_fn.metadata == {}
