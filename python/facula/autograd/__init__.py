"""Differentiation: gradients on demand, grad modes, custom functions."""

from .. import _C
from .._C import Tensor
from . import forward_ad, graph
from .anomaly_mode import detect_anomaly, set_detect_anomaly
from .function import Function
from .grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled


def _tuple(x):
    return (x,) if isinstance(x, Tensor) else tuple(x)


def backward(
    tensors,
    grad_tensors=None,
    retain_graph=None,
    create_graph=False,
    grad_variables=None,
    inputs=None,
):
    """Sums the gradients of tensors by the graph's leaves into their .grad."""
    tensors = _tuple(tensors)
    grads = (None,) * len(tensors) if grad_tensors is None else _tuple(grad_tensors)
    retain_graph = create_graph if retain_graph is None else retain_graph
    inputs = None if inputs is None else _tuple(inputs)
    _C._backward(tensors, grads, inputs, retain_graph, create_graph, True, True)


def grad(
    outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False,
    allow_unused=None, is_grads_batched=False, materialize_grads=False,
):  # fmt: skip
    """The gradients of the sum of outputs by inputs, as a tuple."""
    outputs, inputs = _tuple(outputs), _tuple(inputs)
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    grads = (None,) * len(outputs) if grad_outputs is None else _tuple(grad_outputs)
    retain_graph = create_graph if retain_graph is None else retain_graph
    if allow_unused is None:
        allow_unused = materialize_grads
    result = _C._backward(outputs, grads, inputs, retain_graph, create_graph, False, allow_unused)
    if materialize_grads:
        result = tuple(_C.zeros_like(x) if g is None else g for g, x in zip(result, inputs))
    return result


def __getattr__(name):
    import importlib

    if name in ("functional", "gradcheck", "gradgradcheck"):
        module = "functional" if name == "functional" else "gradcheck"
        try:
            found = importlib.import_module(f"{__name__}.{module}")
        except ModuleNotFoundError:
            raise AttributeError(f"facula has no torch.autograd.{name}") from None
        if name != "functional":
            globals().update(gradcheck=found.gradcheck, gradgradcheck=found.gradgradcheck)
        return globals()[name]
    raise AttributeError(f"module 'torch.autograd' has no attribute '{name}'")


Variable = Tensor
