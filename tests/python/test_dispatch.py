"""The dispatch level: what a TorchDispatchMode sees. Recorded from PyTorch 2.13; where the lists
differ, the difference is written beside the list."""

import pytest

import facula as torch
from facula.utils._python_dispatch import TorchDispatchMode


class Log(TorchDispatchMode):
    def __init__(self):
        self.ops = []

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        assert types == ()
        self.ops.append(str(func))
        return func(*args, **(kwargs or {}))


def logged(f):
    with Log() as log:
        f()
    return log.ops


def step():
    """Linear, dropout, sum, backward."""
    torch.manual_seed(0)
    linear, x = torch.nn.Linear(4, 3), torch.randn(2, 4)

    def run():
        y = torch.nn.functional.dropout(linear(x), 0.5)
        y.sum().backward()

    return run, linear


# PyTorch's list, and what stands for it here.
PYTORCH = [
    (["aten.t.default", "aten.addmm.default"], ["aten.linear.default"]),  # linear is one op
    (["aten.empty_like.default", "aten.bernoulli_.float"],) * 2,
    (["aten.div_.Scalar"], ["aten.div_.Tensor"]),  # one overload takes tensors and numbers
    (["aten.mul.Tensor", "aten.sum.default"],) * 2,
    (["aten.ones_like.default", "aten.expand.default", "aten.mul.Tensor"],) * 2,
    # the weight's gradient is computed as g^T x at once, not as (x^T g)^T
    (["aten.t.default", "aten.mm.default", "aten.t.default"],
     ["aten.transpose.int", "aten.mm.default"]),
    # the bias's gradient loses its dimension in the sum
    (["aten.sum.dim_IntList", "aten.view.default", "aten.t.default"], ["aten.sum.dim_IntList"]),
    (["aten.detach.default", "aten.detach.default"],) * 2,
]  # fmt: skip


def test_a_training_step():
    run, linear = step()
    assert logged(run) == [name for _, ours in PYTORCH for name in ours]
    assert linear.weight.grad.shape == (3, 4)


def test_the_recorded_list_is_pytorchs():
    reference = pytest.importorskip("torch")
    from torch.utils._python_dispatch import TorchDispatchMode as Mode

    class RefLog(Mode):
        def __init__(self):
            self.ops = []
            super().__init__()

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.ops.append(str(func))
            return func(*args, **(kwargs or {}))

    linear, x = reference.nn.Linear(4, 3), reference.randn(2, 4)
    with RefLog() as log:
        reference.nn.functional.dropout(linear(x), 0.5).sum().backward()
    assert sorted(log.ops) == sorted(name for theirs, _ in PYTORCH for name in theirs)


def test_values_are_the_same_under_a_mode():
    run, linear = step()
    run()
    plain = linear.weight.grad.clone()
    run, linear = step()
    with Log():
        run()
    assert torch.equal(plain, linear.weight.grad)


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda x: x + 1, "aten.add.Tensor"),
        (lambda x: x * x, "aten.mul.Tensor"),
        (lambda x: x.add_(1), "aten.add_.Tensor"),
        (lambda x: x == 1, "aten.eq.Scalar"),
        (lambda x: x == x, "aten.eq.Tensor"),
        (lambda x: x**2, "aten.pow.Tensor_Scalar"),
        (lambda x: x @ x, "aten.mm.default"),
        (lambda x: torch.matmul(x, x), "aten.mm.default"),  # composites are seen by their parts
        (lambda x: x[0], "aten.select.int"),
        (lambda x: x.view(4), "aten.view.default"),
        (lambda x: x.t(), "aten.t.default"),
        (lambda x: x.sum(0), "aten.sum.dim_IntList"),
        (lambda x: x.unsqueeze(0), "aten.unsqueeze.default"),
        (lambda x: x.detach(), "aten.detach.default"),
        (lambda x: x.to(torch.float64), "aten._to_copy.default"),
        (lambda x: x.clone(), "aten.clone.default"),
        (lambda x: torch.zeros(2), "aten.zeros.default"),
        (lambda x: torch.empty(2), "aten.empty.memory_format"),
        (lambda x: x.fill_(1), "aten.fill_.Scalar"),
        (lambda x: torch.zeros_like(x), "aten.zeros_like.default"),
    ],
)
def test_names(call, name):
    x = torch.ones(2, 2)
    assert logged(lambda: call(x)) == [name]


def test_out():
    x, out = torch.ones(2), torch.empty(2)
    assert logged(lambda: torch.add(x, 1, out=out)) == ["aten.add.out"]
    assert out.tolist() == [2.0, 2.0]


def test_arguments():
    class Args(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            self.seen = (args, kwargs)
            return func(*args, **kwargs)

    x = torch.ones(2, 3)
    with Args() as mode:
        torch.add(x, 1, alpha=2)
        assert mode.seen[0][0] is x and mode.seen == ((x, 1), {"alpha": 2})
        x.sum(0, keepdim=True)
        assert mode.seen == ((x, [0], True), {})
        x.sum(0)
        assert mode.seen == ((x, [0]), {})
        x.to(torch.float64)
        assert mode.seen == ((x,), {"dtype": torch.float64})


def test_a_handler_may_answer_otherwise():
    class Doubling(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            r = func(*args, **kwargs)
            return r * 2 if func is torch.ops.aten.exp.default else r

    a = torch.zeros(2, requires_grad=True)
    with Doubling():
        y = a.exp()
    assert y.tolist() == [2.0, 2.0]
    assert type(y.grad_fn).__name__ == "ExpBackward0"
    y.sum().backward()
    assert a.grad.tolist() == [2.0, 2.0]  # the gradient reads the result


def test_nothing_in_a_handler_is_recorded():
    class Check(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            r = func(*args, **kwargs)
            assert r.grad_fn is None and torch.is_grad_enabled()
            return r

    a = torch.ones(2, requires_grad=True)
    with Check():
        y = a * 2
    assert type(y.grad_fn).__name__ == "MulBackward0"


def test_modes_nest_and_are_left():
    seen = []

    class Mode(TorchDispatchMode):
        def __init__(self, n):
            self.n = n

        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            seen.append(self.n)
            return func(*args, **kwargs)

    x = torch.ones(2)
    with Mode(1), Mode(2):
        x + 1
    assert seen == [2, 1]

    class Bad(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            raise KeyError("mine")

    with pytest.raises(KeyError, match="mine"), Bad():
        x + 1
    assert (x + 1).tolist() == [2.0, 2.0]


def test_in_place_and_views_keep_their_meaning():
    a = torch.ones(2, 2, requires_grad=True)
    with Log():
        b = a * 1
        v = b[0]
        v.mul_(3)
        b.sum().backward()
    assert v._is_view() and a.grad.tolist() == [[3.0, 3.0], [1.0, 1.0]]


def test_op_objects():
    f = torch.ops.aten.mm.default
    assert (str(f), repr(f)) == (
        "aten.mm.default",
        "<OpOverload(op='aten.mm', overload='default')>",
    )
    assert (f.name(), f.__name__, f._opname, f._overloadname) == (
        "aten::mm",
        "mm.default",
        "mm",
        "default",
    )
    assert f.namespace == "aten" and str(f.overloadpacket) == "aten.mm"
    assert str(f._schema) == "aten::mm(Tensor self, Tensor mat2) -> Tensor"
    assert torch.ops.aten.add.Tensor.name() == "aten::add.Tensor"
    assert "Tensor" in torch.ops.aten.add.overloads() and "out" in torch.ops.aten.add.overloads()
    x = torch.ones(2, 2)
    assert f(x, x).tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert torch.ops.aten.add(x, 1).tolist() == [[2.0, 2.0], [2.0, 2.0]]
    assert torch.ops.aten.add_.Tensor(x, 1) is x
    with pytest.raises(AttributeError, match="has no attribute 'no_such_op'"):
        torch.ops.aten.no_such_op
    with pytest.raises(AttributeError, match="has no overload name 'nope'"):
        torch.ops.aten.add.nope


def test_no_two_primitives_share_a_name():
    """A handler given another op of the same name would run that one: arange(end) and
    arange(start, end) did."""
    from facula import _op_overload

    composite = 1
    owners = {}
    for i, (_, _, _, flags, _, _) in enumerate(_op_overload._rows()):
        if not flags & composite:
            for kind in "-TSRDN":
                owners.setdefault(str(_op_overload._overload(i, 0, kind)), set()).add(i)
    assert {name: ops for name, ops in owners.items() if len(ops) > 1} == {}
    assert logged(lambda: (torch.arange(3), torch.arange(1, 3))) == [
        "aten.arange.default",
        "aten.arange.start_step",
    ]
