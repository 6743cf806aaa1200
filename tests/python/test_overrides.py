"""The function level: subclasses, tensor-like objects, modes. Expected: PyTorch 2.13's."""

import copy
import threading

import pytest

import facula as torch
import facula.nn.functional as F
from facula.overrides import (
    TorchFunctionMode,
    get_default_nowrap_functions,
    get_overridable_functions,
    handle_torch_function,
    has_torch_function,
    has_torch_function_unary,
    has_torch_function_variadic,
    is_tensor_like,
    is_tensor_method_or_property,
    resolve_name,
    wrap_torch_function,
)


class Sub(torch.Tensor):
    pass


class SubSub(Sub):
    pass


class Other(torch.Tensor):
    pass


class Log(TorchFunctionMode):
    def __init__(self):
        self.calls = []

    def __torch_function__(self, func, types, args=(), kwargs=None):
        self.calls.append((resolve_name(func), types, kwargs))
        return func(*args, **(kwargs or {}))


def logged(f):
    with Log() as log:
        f()
    return [name for name, _, _ in log.calls]


def ones(cls):
    return torch.ones(2, 2).as_subclass(cls)


def test_results_are_of_the_subclass():
    a = ones(Sub)
    for r in (a + 1, 1 + a, 2 - a, a * a, -a, a @ a, a == 1, a[0], a.t(), a.sum(), a.data,
              torch.add(a, 1), torch.exp(a), F.relu(a), a.add_(1), a.to(torch.float64), a.clone(),
              a.view(4)):  # fmt: skip
        assert type(r) is Sub
    assert type(a.shape) is torch.Size
    assert a.grad is None
    assert type(a.sum().item()) is float
    assert repr(ones(Sub)[0]) == "Sub([1., 1.])"


def test_nearest_class_wins():
    assert type(ones(Sub) + ones(SubSub)) is SubSub
    assert type(ones(SubSub) + ones(Sub)) is SubSub
    with pytest.raises(TypeError, match=r"unsupported operand type\(s\) for \+: 'Sub' and 'Other'"):
        ones(Sub) + ones(Other)
    assert type(torch.nn.Parameter(torch.ones(2)) + 1) is torch.Tensor
    assert type(torch.nn.Parameter(torch.ones(2, 2)) + ones(Sub)) is Sub


def test_disabling():
    a = ones(Sub)
    with torch._C.DisableTorchFunctionSubclass():
        assert type(a + a) is torch.Tensor
        assert not has_torch_function((a,))
    assert type(a + a) is Sub


def test_gradients_flow():
    a = torch.ones(2, requires_grad=True)
    (a.as_subclass(Sub) * 3).sum().backward()
    assert a.grad.tolist() == [3.0, 3.0]


@pytest.mark.parametrize(
    "call, name",
    [
        (lambda x: x + 1, "torch.Tensor.add"),
        (lambda x: 1 + x, "torch.Tensor.add"),
        (lambda x: x - 1, "torch.Tensor.sub"),
        (lambda x: 1 - x, "torch.Tensor.__rsub__"),
        (lambda x: x * 2, "torch.Tensor.mul"),
        (lambda x: x / 2, "torch.Tensor.div"),
        (lambda x: x // 2, "torch.Tensor.__floordiv__"),
        (lambda x: 2 // x, "torch.Tensor.__rfloordiv__"),
        (lambda x: x % 2, "torch.Tensor.remainder"),
        (lambda x: x**2, "torch.Tensor.__pow__"),
        (lambda x: 2**x, "torch.Tensor.__rpow__"),
        (lambda x: x @ x, "torch.Tensor.matmul"),
        (lambda x: -x, "torch.Tensor.neg"),
        (lambda x: abs(x), "torch.Tensor.abs"),
        (lambda x: x == 1, "torch.Tensor.__eq__"),
        (lambda x: x < 1, "torch.Tensor.lt"),
        (lambda x: x.shape, "torch.Tensor.shape.__get__"),
        (lambda x: x.grad, "torch.Tensor.grad.__get__"),
        (lambda x: x.requires_grad, "torch.Tensor.requires_grad.__get__"),
        (lambda x: x.data, "torch.Tensor.data.__get__"),
        (lambda x: x.is_leaf, "torch.Tensor.is_leaf.__get__"),
        (lambda x: x.ndim, "torch.Tensor.ndim.__get__"),
        (lambda x: setattr(x, "requires_grad", True), "torch.Tensor.requires_grad.__set__"),
        (lambda x: x.size(), "torch.Tensor.size"),
        (lambda x: x.dim(), "torch.Tensor.dim"),
        (lambda x: len(x), "torch.Tensor.__len__"),
        (lambda x: x[0], "torch.Tensor.__getitem__"),
        (lambda x: x.__setitem__(0, 1), "torch.Tensor.__setitem__"),
        (lambda x: repr(x), "torch.Tensor.__repr__"),
        (lambda x: torch.add(x, 1), "torch.add"),
        (lambda x: x.add_(1), "torch.Tensor.add_"),
        (lambda x: F.relu(x), "torch.nn.functional.relu"),
        (lambda x: F.linear(x, x), "torch.nn.functional.linear"),
        (lambda x: x.to(torch.float64), "torch.Tensor.to"),
        (lambda x: x.float(), "torch.Tensor.float"),
        (lambda x: x.requires_grad_(), "torch.Tensor.requires_grad_"),
        (lambda x: x.tolist(), "torch.Tensor.tolist"),
        (lambda x: torch.einsum("ij,jk->ik", x, x), "torch.functional.einsum"),
        (lambda x: torch.zeros(2), "torch.zeros"),
        (lambda x: torch.tensor(1.0), "torch.tensor"),
        (lambda x: copy.deepcopy(x), "torch.Tensor.__deepcopy__"),
    ],
)
def test_what_a_mode_sees(call, name):
    x = ones(torch.Tensor)
    assert logged(lambda: call(x))[0] == name


@pytest.mark.parametrize("call", [bool, float, int])
def test_conversions_are_seen(call):
    x = torch.ones(())
    assert logged(lambda: call(x)) == [f"torch.Tensor.__{call.__name__}__"]


def test_modes_nest_innermost_first():
    seen = []

    class Mode(TorchFunctionMode):
        def __init__(self, n):
            self.n = n

        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append((self.n, func.__name__))
            return func(*args, **(kwargs or {}))

    x = torch.ones(2)
    with Mode(1), Mode(2):
        torch.add(x, 1)
    assert seen == [(2, "add"), (1, "add")]
    torch.add(x, 1)
    assert len(seen) == 2


def test_a_mode_is_left_by_an_exception():
    class Bad(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            raise KeyError("mine")

    x = torch.ones(2)
    with pytest.raises(KeyError, match="mine"), Bad():
        x + 1
    assert (x + 1).tolist() == [2.0, 2.0]


def test_modes_are_the_threads_own():
    x, other = torch.ones(2), []
    with Log() as log:
        t = threading.Thread(target=lambda: other.append((x + 1).tolist()))
        t.start()
        t.join()
    assert other == [[2.0, 2.0]] and log.calls == []


class Refuses:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return NotImplemented


class Answers:
    @classmethod
    def __torch_function__(cls, func, types, args=(), kwargs=None):
        return func.__name__, types, kwargs


def test_objects_that_look_like_tensors():
    x, a, r = torch.ones(2), Answers(), Refuses()
    assert torch.add(a, 1) == ("add", (Answers,), None)
    assert torch.add(x, a, alpha=2) == ("add", (Answers,), {"alpha": 2})
    assert x + a == ("add", (Answers,), None)
    assert x.as_subclass(Sub) + a == ("add", (Sub, Answers), None)
    assert torch.add(a, r)[1] == (Answers, Refuses)
    assert F.relu(a)[0] == "relu"
    assert x.mul(a)[0] == "mul"
    assert (
        is_tensor_like(a)
        and is_tensor_like(x)
        and not is_tensor_like(1)
        and not is_tensor_like([x])
    )


def test_when_all_refuse():
    x, r = torch.ones(2), Refuses()
    with pytest.raises(TypeError) as e:
        torch.add(r, 1)
    assert str(e.value) == (
        "Multiple dispatch failed for 'torch.add'; all __torch_function__ handlers returned "
        f"NotImplemented:\n\n  - tensor subclass {Refuses!r}\n\nFor more information, try re-running "
        "with TORCH_LOGS=not_implemented"
    )
    with pytest.raises(
        TypeError, match=r"unsupported operand type\(s\) for \+: 'Tensor' and 'Refuses'"
    ):
        x + r
    with pytest.raises(
        TypeError, match="no implementation found for 'torch.nn.functional.dropout' on types"
    ):
        F.dropout(r)


def test_refusing_mode():
    class Refusing(TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            return NotImplemented

    with pytest.raises(TypeError, match="- mode object"), Refusing():
        torch.zeros(2)


def test_own_functions():
    def double(x):
        if has_torch_function((x,)):
            return handle_torch_function(double, (x,), x)
        return x * 2

    assert double(torch.ones(2)).tolist() == [2.0, 2.0]
    assert double(Answers()) == ("double", (Answers,), {})

    @wrap_torch_function(lambda x: (x,))
    def triple(x):
        return x * 3

    assert triple(torch.ones(2)).tolist() == [3.0, 3.0]
    assert triple(Answers())[0] == "triple"
    assert has_torch_function_unary(Answers()) and not has_torch_function_unary(torch.ones(2))
    assert has_torch_function_variadic(1, Answers()) and not has_torch_function_variadic(1, 2)


def test_names():
    assert resolve_name(torch.add) == "torch.add"
    assert resolve_name(torch.Tensor.add) == "torch.Tensor.add"
    assert resolve_name(torch.Tensor.shape.__get__) == "torch.Tensor.shape.__get__"
    assert resolve_name(len) is None
    assert torch.Tensor.grad.__get__ in get_default_nowrap_functions()
    functions = get_overridable_functions()
    assert torch.add in functions[torch] and torch.Tensor.add in functions[torch.Tensor]
    assert torch.zeros not in functions[torch]
    assert is_tensor_method_or_property(torch.Tensor.add) and not is_tensor_method_or_property(
        torch.add
    )


def test_module_functions_are_one_object():
    assert F.linear is torch._C._nn.linear


def test_a_subclass_that_logs():
    seen = []

    class Logging(torch.Tensor):
        @classmethod
        def __torch_function__(cls, func, types, args=(), kwargs=None):
            seen.append(func.__name__)
            return super().__torch_function__(func, types, args, kwargs)

    x = ones(Logging)
    y = (x * 2).sum()
    assert type(y) is Logging and seen == ["mul", "sum"]


def test_gradients_by_a_subclass_are_of_it():
    class Own(torch.Tensor):
        pass

    x = torch.ones(2).as_subclass(Own).requires_grad_()
    (gradient,) = torch.autograd.grad((x * 2).sum(), x)
    assert type(gradient) is Own and gradient.tolist() == [2, 2]
    p = torch.nn.Parameter(torch.ones(2))  # has no override
    assert type(torch.autograd.grad((p * 2).sum(), p)[0]) is torch.Tensor


def test_questions_are_functions_of_their_own():
    seen = []

    class Log(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            seen.append(torch.overrides.resolve_name(func))
            return func(*args, **(kwargs or {}))

    x = torch.ones(2)
    with Log():
        torch.is_floating_point(x), torch.is_complex(x), torch.numel(x)
    assert seen[0] == "torch.is_floating_point"
    assert "torch.is_complex" in seen and "torch.numel" in seen


def test_parameters_left_as_they_are():
    """What libraries do to make modules without filling them."""

    class Empty(torch.overrides.TorchFunctionMode):
        def __torch_function__(self, func, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            if getattr(func, "__module__", None) == "torch.nn.init":
                return kwargs["tensor"] if "tensor" in kwargs else args[0]
            return func(*args, **kwargs)

    before = torch.get_rng_state()
    with Empty():
        torch.nn.Linear(3, 2)
        torch.nn.Conv2d(1, 2, 3)
        torch.nn.Embedding(3, 2)
    assert torch.equal(torch.get_rng_state(), before)
    w = torch.nn.init.uniform_(torch.empty(3), 2, 3)
    assert w.min() >= 2
    name = torch.overrides.resolve_name(torch.nn.init.kaiming_uniform_)
    assert name == "torch.nn.init.kaiming_uniform_"
