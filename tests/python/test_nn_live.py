"""nn and optim against a live PyTorch: signatures, and state that each can load from the other."""

import inspect

import pytest

facula = pytest.importorskip("facula")
pytest.importorskip("facula._C")
if not hasattr(facula, "nn"):
    pytest.skip("this facula has no nn yet", allow_module_level=True)
torch = pytest.importorskip("torch")

from facula import nn  # noqa: E402

MODULES = sorted(n for n in nn.modules.__all__)


def shape_of(f):
    """Names, kinds and defaults of the parameters, without annotations."""
    out = []
    for p in inspect.signature(f).parameters.values():
        default = p.default
        if default is not inspect.Parameter.empty and not isinstance(
            default, (int, float, str, tuple, type(None))
        ):
            default = type(default).__name__
        out.append((p.name, p.kind.name, default))
    return out


@pytest.mark.parametrize("name", MODULES)
def test_module_signatures(name):
    ours, theirs = getattr(nn, name), getattr(torch.nn, name)
    if theirs.__init__ is torch.nn.Module.__init__:
        assert ours.__init__ is nn.Module.__init__
    else:
        assert shape_of(ours.__init__) == shape_of(theirs.__init__)
    names = [c.__name__ for c in theirs.__mro__ if "Generic" not in c.__name__]
    ours_names = [c.__name__ for c in ours.__mro__]
    assert [n for n in ours_names if not n.startswith("_")] == [
        n for n in names if not n.startswith("_")
    ]


def test_module_methods():
    for name, theirs in inspect.getmembers(torch.nn.Module, inspect.isfunction):
        if name in ("ipu", "xpu", "mtia"):  # devices facula does not know
            continue
        ours = getattr(nn.Module, name)
        if name in ("_load_from_state_dict", "compile", "__getattr__", "__call__"):
            continue  # the last two are C functions here
        assert shape_of(ours) == shape_of(theirs), name


@pytest.mark.parametrize(
    "kind", ["ModuleList", "ModuleDict", "Sequential", "ParameterList", "ParameterDict"]
)
def test_container_methods(kind):
    ours, theirs = getattr(nn, kind), getattr(torch.nn, kind)
    for name, f in vars(theirs).items():
        if inspect.isfunction(f) and not name.startswith("_get_item"):
            assert shape_of(getattr(ours, name)) == shape_of(f), name


def _functions(module):
    return sorted(n for n, f in vars(module).items() if inspect.isfunction(f) and n[0] != "_")


@pytest.mark.parametrize("name", _functions(nn.functional))
def test_functional_signatures(name):
    if name in ("call_override", "overridable"):
        return
    theirs = getattr(torch.nn.functional, name)
    ours = getattr(nn.functional, name)
    if not inspect.isfunction(theirs) or list(inspect.signature(theirs).parameters) == [
        "args",
        "kwargs",
    ]:
        return  # a builtin there, or dispatched by one argument
    assert shape_of(ours) == shape_of(theirs)


@pytest.mark.parametrize("name", _functions(nn.init))
def test_init_signatures(name):
    theirs = getattr(torch.nn.init, name)
    if hasattr(theirs, "__wrapped__") or name in ("uniform", "normal"):
        return
    ours, wanted = shape_of(getattr(nn.init, name)), shape_of(theirs)
    if ours[0][0] != "args":
        assert ours == wanted
