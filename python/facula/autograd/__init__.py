"""Differentiation: gradients on demand, grad modes, custom functions."""

from collections.abc import Mapping

from .. import _C
from .._C import Tensor
from .._levels import transforms as _transforms
from . import forward_ad, graph
from .anomaly_mode import detect_anomaly, set_detect_anomaly
from .function import Function
from .grad_mode import enable_grad, inference_mode, no_grad, set_grad_enabled
from .gradcheck import gradcheck, gradgradcheck


def _tuple(x):
    return (x,) if isinstance(x, (Tensor, graph.GradientEdge)) else tuple(x)


def _tensors(x):
    """A tuple of tensors, of which some stand for the edges that were given."""
    return tuple(
        _C._edge_tensor(t.node, t.output_nr) if isinstance(t, graph.GradientEdge) else t
        for t in _tuple(x)
    )


def _inputs(x, caller):
    if type(x) is dict:
        return _tensors(x.values())
    if isinstance(x, Mapping):
        raise TypeError(
            f"`inputs` argument to `{caller}()` must be a dict, not {type(x).__name__}. "
            "Other Mapping types are not supported."
        )
    return _tensors(x)


def backward(
    tensors,
    grad_tensors=None,
    retain_graph=None,
    create_graph=False,
    grad_variables=None,
    inputs=None,
):
    """Sums the gradients of tensors by the graph's leaves into their .grad."""
    _transforms.refuse_backward()
    if grad_variables is not None:
        import warnings

        warnings.warn(
            "`grad_variables` is deprecated. Use `grad_tensors` instead.",
            FutureWarning,
            stacklevel=2,
        )
        if grad_tensors is not None:
            raise RuntimeError(
                "`grad_tensors` and `grad_variables` (deprecated) arguments both passed to "
                "`backward()`. Please only use `grad_tensors`."
            )
        grad_tensors = grad_variables
    tensors = _tensors(tensors)
    grads = (None,) * len(tensors) if grad_tensors is None else _tuple(grad_tensors)
    retain_graph = create_graph if retain_graph is None else retain_graph
    inputs = None if inputs is None else _inputs(inputs, "backward")
    if inputs == ():
        raise RuntimeError("`inputs` argument to `backward()` cannot be empty.")
    _C._backward(tensors, grads, inputs, retain_graph, create_graph, True, True)


def _batched_grad(outputs, inputs, grads, retain_graph, create_graph, allow_unused):
    """grad() for each row of the grads, the results stacked."""
    for i, (g, y) in enumerate(zip(grads, outputs)):
        if g is not None and (g.dim() == 0 or g.shape[1:] != y.shape):
            raise RuntimeError(
                "If `is_grads_batched=True`, we interpret the first dimension of each grad_output "
                "as the batch dimension. The sizes of the remaining dimensions are expected to "
                "match the shape of corresponding output, but a mismatch was detected: "
                f"grad_output[{i}] has a shape of {g.shape[1:]} and output[{i}] has a shape of "
                f"{y.shape}. If you only want some tensors in `grad_output` to be considered "
                "batched, consider using vmap."
            )
    n = next((len(g) for g in grads if g is not None), 0)
    rows = []
    for i in range(n):
        row = tuple(None if g is None else g[i] for g in grads)
        keep = retain_graph or i + 1 < n
        rows.append(_C._backward(outputs, row, inputs, keep, create_graph, False, allow_unused))
    if not rows:
        return tuple(_C.zeros((0, *x.shape), dtype=x.dtype, device=x.device) for x in inputs)
    return tuple(None if part[0] is None else _C.stack(part) for part in zip(*rows))


def grad(
    outputs, inputs, grad_outputs=None, retain_graph=None, create_graph=False, only_inputs=True,
    allow_unused=None, is_grads_batched=False, materialize_grads=False,
):  # fmt: skip
    """The gradients of the sum of outputs by inputs: a tuple, or a dict as inputs are one."""
    names = list(inputs) if type(inputs) is dict else None
    among = (*_tuple(outputs), *(inputs.values() if names is not None else _tuple(inputs)))
    if _C._has_torch_function_variadic(*among):
        from ..overrides import handle_torch_function

        return handle_torch_function(
            grad, among, outputs, inputs, grad_outputs=grad_outputs, retain_graph=retain_graph,
            create_graph=create_graph, only_inputs=only_inputs, allow_unused=allow_unused,
            is_grads_batched=is_grads_batched, materialize_grads=materialize_grads,
        )  # fmt: skip
    if materialize_grads and allow_unused is False:
        raise ValueError(
            "Expected allow_unused to be True or not passed when materialize_grads=True, "
            "but got: allow_unused=False."
        )
    if not only_inputs:
        import warnings

        warnings.warn(
            "only_inputs argument is deprecated and is ignored now (defaults to True). To "
            "accumulate gradient for other parts of the graph, please use "
            "torch.autograd.backward.",
            FutureWarning,
            stacklevel=2,
        )
    outputs, inputs = _tensors(outputs), _inputs(inputs, "grad")
    if not inputs:
        raise RuntimeError("`inputs` argument to `grad()` cannot be empty.")
    grads = (None,) * len(outputs) if grad_outputs is None else _tuple(grad_outputs)
    retain_graph = create_graph if retain_graph is None else retain_graph
    if allow_unused is None:
        allow_unused = materialize_grads
    for x in inputs:
        if not isinstance(x, Tensor):
            raise RuntimeError(
                f"all inputs have to be Tensors or GradientEdges, but got {type(x).__name__}"
            )
    compute = _batched_grad if is_grads_batched else _plain_grad
    result = compute(outputs, inputs, grads, retain_graph, create_graph, allow_unused)
    if materialize_grads:
        result = tuple(_C.zeros_like(x) if g is None else g for g, x in zip(result, inputs))
    return result if names is None else dict(zip(names, result))


def _plain_grad(outputs, inputs, grads, retain_graph, create_graph, allow_unused):
    return _C._backward(outputs, grads, inputs, retain_graph, create_graph, False, allow_unused)


def __getattr__(name):
    if name in ("functional", "profiler", "profiler_util"):
        import importlib

        return importlib.import_module(f"{__name__}.{name}")
    raise AttributeError(f"module 'torch.autograd' has no attribute '{name}'")


from .variable import Variable
