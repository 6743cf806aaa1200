"""nn, optim and utils.data against what PyTorch 2.13 did in the same cases (tests/golden)."""

import pytest

import golden_nn

torch = pytest.importorskip("facula")
pytest.importorskip("facula._C")
if not hasattr(torch, "nn"):
    pytest.skip("this facula has no nn yet", allow_module_level=True)

import cases_data  # noqa: E402
import cases_nn_functional  # noqa: E402
import cases_nn_module  # noqa: E402
import cases_nn_modules  # noqa: E402
import cases_optim  # noqa: E402

MODULES = {
    "nn_functional": cases_nn_functional,
    "nn_module": cases_nn_module,
    "nn_modules": cases_nn_modules,
    "optim": cases_optim,
    "data": cases_data,
}


def _cases():
    for name, module in MODULES.items():
        for text in getattr(module, "EXPRESSIONS", ()):
            yield pytest.param(name, text, None, id=f"{name}:{text[:80]}")
        for function in getattr(module, "SCENARIOS", ()):
            key = "def " + function.__name__
            yield pytest.param(name, key, function, id=f"{name}:{function.__name__}")


_loaded = {}


@pytest.mark.parametrize("name, key, function", _cases())
def test_as_recorded(name, key, function):
    if name not in _loaded:
        _loaded[name] = golden_nn.load(name)
    expected = _loaded[name][key]
    if function is None:
        got = golden_nn.run_expression(key, torch, MODULES[name])
    else:
        got = golden_nn.outcome(lambda: function(torch), torch)
    tolerance = getattr(MODULES[name], "TOLERANCE", {}).get(key, 2e-5)
    difference = golden_nn.same(golden_nn.heeded(got), golden_nn.heeded(expected), tolerance)
    assert difference is None, difference
