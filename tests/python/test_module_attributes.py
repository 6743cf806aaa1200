"""Attributes and calls of modules, which C looks up: what subclasses may change about them."""

import typing

import pytest

import facula as torch
from facula import nn


class Plain(nn.Module):
    def __init__(self):
        super().__init__()
        self.inner = nn.Linear(2, 3)
        self.register_buffer("scale", torch.ones(1))
        self.number = 5

    def forward(self, x, *, twice=False):
        return self.inner(x) * (2 if twice else 1)


def test_members_are_found_and_misses_are_named():
    m = Plain()
    assert m.inner is m._modules["inner"] and m.scale is m._buffers["scale"] and m.number == 5
    assert m.inner.weight is m.inner._parameters["weight"]
    with pytest.raises(AttributeError, match="^'Plain' object has no attribute 'absent'$"):
        m.absent
    assert not hasattr(m, "absent") and getattr(m, "absent", 7) == 7


def test_a_subclass_may_have_its_own_getattr():
    class Own(Plain):
        def __getattr__(self, name):
            return 42 if name == "answer" else super().__getattr__(name)

    m = Own()
    assert m.answer == 42 and m.inner.weight.shape == (3, 2)
    with pytest.raises(AttributeError, match="'Own' object has no attribute 'absent'"):
        m.absent

    class Below(Own):
        pass

    assert Below().answer == 42


def test_a_subclass_may_have_its_own_getattribute():
    class Own(Plain):
        def __getattribute__(self, name):
            return 42 if name == "answer" else super().__getattribute__(name)

    assert Own().answer == 42 and Own().inner.bias.shape == (3,)


def test_getattr_assigned_later_counts():
    class Later(Plain):
        pass

    m = Later()
    Later.__getattr__ = lambda self, name: 42
    assert m.answer == 42
    del Later.__getattr__
    assert m.inner.weight.shape == (3, 2)
    with pytest.raises(AttributeError):
        m.answer


def test_class_attributes_and_properties_come_first():
    class Shadowed(nn.Module):
        weight = "the class's"

        def __init__(self):
            super().__init__()
            self._parameters["weight"] = nn.Parameter(torch.ones(1))

        @property
        def broken(self):
            return self.absent

    m = Shadowed()
    assert m.weight == "the class's"
    with pytest.raises(AttributeError, match="'broken'|'absent'"):
        m.broken


def test_without_init():
    class Bare(nn.Module):
        def __init__(self):
            pass

    with pytest.raises(AttributeError, match="'Bare' object has no attribute '_backward_hooks'"):
        Bare()(1)


def test_calls():
    m, x = Plain(), torch.ones(1, 2)
    assert torch.equal(m(x, twice=True), 2 * m(x))
    m.forward = lambda x: "the instance's"
    assert m(x) == "the instance's"
    seen = []
    handle = nn.modules.module.register_module_forward_hook(lambda *a: seen.append(type(a[0])))
    nn.Linear(2, 2)(x)
    handle.remove()
    nn.Linear(2, 2)(x)
    assert seen == [nn.Linear]


def test_init_subclass_reaches_other_bases():
    T = typing.TypeVar("T")

    class Boxed(nn.Module, typing.Generic[T]):
        pass

    assert Boxed.__parameters__ == (T,)
    seen = []

    class Watching:
        def __init_subclass__(cls, tag=None):
            seen.append((cls.__name__, tag))

    class Both(nn.Module, Watching, tag="x"):
        pass

    assert seen == [("Both", "x")]
    with pytest.raises(TypeError):

        class Wrong(nn.Module, tag="x"):
            pass


def test_recording_modes_are_reentrant_and_decorate():
    w = torch.ones(1, requires_grad=True)
    with torch.no_grad() as inside:
        assert inside is None and not (w * 2).requires_grad
        with torch.enable_grad():
            assert (w * 2).requires_grad
        assert not (w * 2).requires_grad
    assert (w * 2).requires_grad

    @torch.no_grad
    def bare(x):
        return x * 2

    @torch.no_grad()
    def called(x):
        return x * 2

    assert not bare(w).requires_grad and not called(w).requires_grad
    assert bare.__name__ == "bare" and torch.is_grad_enabled()
    mode = torch.no_grad()
    with pytest.raises(KeyError):
        with mode:
            raise KeyError
    assert mode.prev is True and torch.is_grad_enabled()
