"""Jacobians, Hessians and their products with vectors, of functions called once at a point.

With create_graph=True results can be differentiated, by the inputs and by whatever else func uses.
With strict=True it is an error, not a zero, where something does not depend on something. What
torch.func has of the same names composes; this is the older face.
"""

import facula as torch
from facula import _C
from facula._C import Tensor

from . import forward_ad

__all__ = ["hessian", "hvp", "jacobian", "jvp", "vhp", "vjp"]

_OUTPUTS = "outputs of the user-provided function"


def _tuple_of(x, what, function):
    """(x as a tuple, whether it was one)"""
    if isinstance(x, Tensor):
        return (x,), False
    if not isinstance(x, tuple):
        raise TypeError(
            f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but the "
            f"given {what} has type {type(x)}."
        )
    for i, t in enumerate(x):
        if not isinstance(t, Tensor):
            raise TypeError(
                f"The {what} given to {function} must be either a Tensor or a tuple of Tensors but "
                f"the value at index {i} has type {type(t)}."
            )
    return x, True


def _fresh(tensors, create_graph, requires_grad):
    """Aliases to differentiate by; connected to the originals where a graph is wanted."""
    return tuple(
        t.view_as(t)
        if create_graph and t.requires_grad
        else t.detach().requires_grad_(requires_grad)
        for t in tensors
    )


def _inputs_of(inputs, function, create_graph):
    inputs, many = _tuple_of(inputs, "inputs", function)
    return _fresh(inputs, create_graph, True), many


def _given_back(tensors, create_graph, many):
    if not create_graph:
        tensors = tuple(t.detach() for t in tensors)
    return tuple(tensors) if many else tensors[0]


def _check_vector(v, like, is_tuple, function):
    v, _ = _tuple_of(v, "v", function)
    if is_tuple or len(like) != 1:
        if len(v) != len(like):
            raise RuntimeError(
                f"v is a tuple of invalid length: should be {len(like)} but got {len(v)}."
            )
    elif len(v) != 1:
        raise RuntimeError("The given v should contain a single Tensor.")
    for i, (a, b) in enumerate(zip(v, like)):
        if a.shape != b.shape:
            entry = f"Entry {i} in " if is_tuple else ""
            raise RuntimeError(f"{entry}v has invalid size: should be {b.shape} but got {a.shape}.")
    return v


def _expect_dependence(tensors, strict, which):
    """In strict mode all must require gradients."""
    if not strict:
        return
    for i, t in enumerate(tensors):
        if t is None:  # the gradient by an input that was not used
            raise RuntimeError(
                f"The output of the user-provided function is independent of input {i}. This is "
                "not allowed in strict mode."
            )
        if t.requires_grad:
            continue
        if which == "jacobian":
            raise RuntimeError(
                "While computing the hessian, found that the jacobian of the user-provided "
                f"function with respect to input {i} is independent of the input. This is not "
                "allowed in strict mode. You should ensure that your function is twice "
                "differentiable and that the jacobian depends on the inputs (this would be "
                "violated by a linear function for example)."
            )
        if which == "gradient":
            raise RuntimeError(
                f"The gradient with respect to input {i} is independent of the inputs of the "
                "user-provided function. This is not allowed in strict mode."
            )
        raise RuntimeError(
            f"Output {i} of the user-provided function does not require gradients. The outputs "
            "must be computed in a differentiable manner from the input when running in strict "
            "mode."
        )


def _gradients(outputs, inputs, seeds, create_graph):
    """grad of those outputs that have one; None for inputs that are not reached."""
    seeds = (None,) * len(outputs) if seeds is None else seeds
    pairs = [(y, v) for y, v in zip(outputs, seeds) if y is not None and y.requires_grad]
    if not pairs:
        return (None,) * len(inputs)
    outputs, seeds = zip(*pairs)
    return torch.autograd.grad(
        outputs, inputs, seeds, retain_graph=True, create_graph=create_graph, allow_unused=True
    )


# Why a gradient is missing, by the step of the computation that it is missing in.
_MISSING = {
    "back": "The output of the user-provided function is independent of input {}. This is not "
    "allowed in strict mode.",
    "back_trick": "The gradient with respect to the input is independent of entry {} in the "
    "grad_outputs when using the double backward trick to compute forward mode gradients. This is "
    "not allowed in strict mode.",
    "double_back": "The jacobian of the user-provided function is independent of input {}. This "
    "is not allowed in strict mode.",
    "double_back_trick": "The hessian of the user-provided function is independent of entry {} in "
    "the grad_jacobian. This is not allowed in strict mode as it prevents from using the double "
    "backward trick to replace forward mode AD.",
}


def _filled(grads, like, strict, create_graph, step):
    """Zeros for what is missing, or, in strict mode, an error."""
    result = []
    for i, (g, t) in enumerate(zip(grads, like)):
        if g is None:
            if strict:
                raise RuntimeError(_MISSING[step].format(i))
            g = torch.zeros_like(t)
        elif strict and create_graph and not g.requires_grad:
            order = "hessian" if "double" in step else "jacobian"
            raise RuntimeError(
                f"The {order} of the user-provided function is independent of input {i}. This is "
                "not allowed in strict mode when create_graph=True."
            )
        result.append(g)
    return tuple(result)


def _one_element(outputs, many, function):
    if many:
        raise RuntimeError(f"The function given to {function} should return a single Tensor")
    if outputs[0].numel() != 1:
        raise RuntimeError(
            f"The Tensor returned by the function given to {function} should contain a single "
            "element"
        )


def _input_vector(v, inputs, many, function):
    if v is not None:
        return _check_vector(_detached(v, function), inputs, many, function)
    if len(inputs) != 1 or inputs[0].numel() != 1:
        raise RuntimeError(
            "The vector v can only be None if the input to the user-provided function is a single "
            "Tensor with a single element."
        )
    return None


def _detached(v, function):
    return _tuple_of(v, "v", function)[0]


def vjp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), the vector v times the Jacobian of func there)"""
    with torch.enable_grad():
        inputs, many = _inputs_of(inputs, "vjp", create_graph)
        outputs, many_out = _tuple_of(func(*inputs), _OUTPUTS, "vjp")
        _expect_dependence(outputs, strict, "outputs")
        if v is not None:
            v = _check_vector(v, outputs, many_out, "vjp")
            v = _fresh(v, create_graph, False)
        elif len(outputs) != 1 or outputs[0].numel() != 1:
            raise RuntimeError(
                "The vector v can only be None if the user-provided function returns a single "
                "Tensor with a single element."
            )
    with torch.set_grad_enabled(create_graph or torch.is_grad_enabled()):
        grads = _gradients(outputs, inputs, v, create_graph)
        grads = _filled(grads, inputs, strict, create_graph, "back")
    return _given_back(outputs, create_graph, many_out), _given_back(grads, create_graph, many)


def jvp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), the Jacobian of func there times the vector v)

    By backward twice: the vjp is linear in its vector, and its derivative by that is the Jacobian.
    """
    with torch.enable_grad():
        inputs, many = _inputs_of(inputs, "jvp", create_graph)
        v = _input_vector(v, inputs, many, "jvp")
        if v is not None:
            v = _fresh(v, create_graph, False)
        outputs, many_out = _tuple_of(func(*inputs), _OUTPUTS, "jvp")
        _expect_dependence(outputs, strict, "outputs")
        seeds = tuple(torch.zeros_like(y, requires_grad=True) for y in outputs)
        grads = _gradients(outputs, inputs, seeds, True)
        _expect_dependence(grads, strict, "gradient")
    create = create_graph or torch.is_grad_enabled()
    with torch.set_grad_enabled(create):
        found = _gradients(grads, seeds, v, create_graph)
        found = _filled(found, outputs, strict, create_graph, "back_trick")
    return _given_back(outputs, create_graph, many_out), _given_back(found, create_graph, many_out)


def _seeds(tensors):
    """Of each tensor, gradients that pick its elements, and those of the others, one by one."""
    total, at, seeds = sum(t.numel() for t in tensors), 0, []
    for t in tensors:
        basis = torch.zeros(total, t.numel(), dtype=t.dtype, device=t.device)
        basis.diagonal(-at).fill_(1)
        seeds.append(basis.view((total, *t.shape)))
        at += t.numel()
    return seeds


def _forward_columns(func, inputs):
    """Of each output, its derivatives by all elements of all inputs, along dimension 0."""
    shape = []

    def push(*tangents):
        with forward_ad.dual_level():
            duals = tuple(forward_ad.make_dual(x, t.view_as(x)) for x, t in zip(inputs, tangents))
            outputs, many = _tuple_of(func(*duals), "outputs", None)
            shape[:] = [many]
            pairs = [forward_ad.unpack_dual(y) for y in outputs]
            return tuple(torch.zeros_like(y) if t is None else t for y, t in pairs)

    columns = torch.func.vmap(push)(*_seeds(inputs))
    return columns, shape[0]


def _jacobian_forward(func, inputs, strict, create_graph, vectorize):
    name = "torch.autograd.functional.jacobian"
    if strict:
        raise RuntimeError(
            f'{name}: `strict=True` and `strategy="forward-mode"` are not supported together '
            '(yet). Please either set `strict=False` or `strategy="reverse-mode"`.'
        )
    if not vectorize:
        raise NotImplementedError(
            "Computing Jacobian using forward-AD or forward-over-reverse Hessian is"
            "only implemented for `vectorize=True`."
        )
    if create_graph:
        raise NotImplementedError(
            f'{name}: `create_graph=True` and `strategy="forward-mode"` are not supported '
            'together (yet). Please either set `create_graph=False` or `strategy="reverse-mode"`.'
        )
    inputs, many = _tuple_of(inputs, "inputs", "jacobian")
    columns, many_out = _forward_columns(func, inputs)
    rows = []
    for c in columns:
        at, parts = 0, []
        for x in inputs:
            piece = c[at : at + x.numel()].movedim(0, -1)
            parts.append(piece.reshape((*c.shape[1:], *x.shape)))
            at += x.numel()
        rows.append(tuple(parts))
    return _nested(rows, many, many_out)


def _nested(rows, many, many_out):
    """Rows of an output each, entries of an input each, without the tuples that nobody gave."""
    rows = tuple(tuple(row) if many else row[0] for row in rows)
    return rows if many_out else rows[0]


def _rows_at_once(outputs, inputs, create_graph):
    def pull(*seeds):
        grads = _C._backward(outputs, seeds, inputs, True, create_graph, False, True)
        return tuple(torch.zeros_like(x) if g is None else g for g, x in zip(grads, inputs))

    reached = [y for y in outputs if y.requires_grad]
    if len(reached) < len(outputs):
        outputs = tuple(y if y.requires_grad else _attached(y, inputs[0]) for y in outputs)
    found = torch.func.vmap(pull)(*_seeds(outputs))
    at, rows = 0, []
    for y in outputs:
        rows.append([g[at : at + y.numel()].view((*y.shape, *g.shape[1:])) for g in found])
        at += y.numel()
    return rows


def _attached(y, x):
    """y, so that it has a gradient: none of it by x."""
    return y.detach() + x.flatten()[:1].sum().to(y.dtype) * 0


def _row(outputs, i, inputs, strict, create_graph):
    """The Jacobian of output i by each input, an element at a time."""
    rows = [[] for _ in inputs]
    elements = outputs[i].reshape(-1)
    for k in range(elements.numel()):
        grads = _gradients((elements[k],), inputs, None, create_graph)
        for n, (row, g, x) in enumerate(zip(rows, grads, inputs)):
            if g is None:
                if strict:
                    raise RuntimeError(
                        f"Output {i} of the user-provided function is independent of input {n}. "
                        "This is not allowed in strict mode."
                    )
                g = torch.zeros_like(x)
            elif strict and create_graph and not g.requires_grad:
                raise RuntimeError(  # by its number among the outputs, as PyTorch has it
                    "The jacobian of the user-provided function is independent of input "
                    f"{i}. This is not allowed in strict mode when create_graph=True."
                )
            row.append(g)
    shape = outputs[i].shape
    return [torch.stack(row).view((*shape, *x.shape)) for row, x in zip(rows, inputs)]


def jacobian(
    func, inputs, create_graph=False, strict=False, vectorize=False, strategy="reverse-mode"
):
    """The Jacobian of func: for outputs and inputs in tuples, tuples of tuples.

    vectorize computes all rows, or with strategy "forward-mode" all columns, at once.
    """
    if strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError(
            'Expected strategy to be either "forward-mode" or "reverse-mode". Hint: If your '
            'function has more outputs than inputs, "forward-mode" tends to be more performant. '
            'Otherwise, prefer to use "reverse-mode".'
        )
    if strategy == "forward-mode":
        return _jacobian_forward(func, inputs, strict, create_graph, vectorize)
    with torch.enable_grad():
        inputs, many = _inputs_of(inputs, "jacobian", create_graph)
        outputs, many_out = _tuple_of(func(*inputs), _OUTPUTS, "jacobian")
        _expect_dependence(outputs, strict, "outputs")
        if vectorize:
            if strict:
                raise RuntimeError(
                    "torch.autograd.functional.jacobian: `strict=True` and `vectorized=True` are "
                    "not supported together. Please either set `strict=False` or "
                    "`vectorize=False`."
                )
            rows = _rows_at_once(outputs, inputs, create_graph)
        else:
            rows = [_row(outputs, i, inputs, strict, create_graph) for i in range(len(outputs))]
        if not create_graph:
            rows = [[g.detach() for g in row] for row in rows]
        return _nested(rows, many, many_out)


def hessian(
    func, inputs, create_graph=False, strict=False, vectorize=False,
    outer_jacobian_strategy="reverse-mode",
):  # fmt: skip
    """The Hessian of func, whose result has one element: the Jacobian of its gradient."""
    inputs, many = _tuple_of(inputs, "inputs", "hessian")
    if outer_jacobian_strategy not in ("forward-mode", "reverse-mode"):
        raise AssertionError('Expected strategy to be either "forward-mode" or "reverse-mode".')

    def scalar(*given):
        output = func(*given)
        outputs, many_out = _tuple_of(output, _OUTPUTS, "hessian")
        _expect_dependence(outputs, strict, "outputs")
        _one_element(outputs, many_out, "hessian")
        return output.squeeze()

    def gradient(*given):
        if outer_jacobian_strategy == "forward-mode":
            return torch.func.jacrev(scalar, tuple(range(len(given))))(*given)
        found = jacobian(scalar, given, create_graph=True)
        _expect_dependence(found, strict, "jacobian")
        return found

    rows = jacobian(
        gradient, inputs, create_graph=create_graph, strict=strict, vectorize=vectorize,
        strategy=outer_jacobian_strategy,
    )  # fmt: skip
    return rows if many else rows[0][0]


def _gradient_of_scalar(func, inputs, strict, function):
    outputs, many_out = _tuple_of(func(*inputs), _OUTPUTS, function)
    _expect_dependence(outputs, strict, "outputs")
    _one_element(outputs, many_out, function)
    grads = _gradients(outputs, inputs, None, True)
    _expect_dependence(grads, strict, "jacobian")
    return outputs, grads


def vhp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), the vector v times the Hessian of func there)"""
    with torch.enable_grad():
        inputs, many = _inputs_of(inputs, "vhp", create_graph)
        v = _input_vector(v, inputs, many, "vhp")
        if v is not None:
            v = _fresh(v, create_graph, False)
        outputs, grads = _gradient_of_scalar(func, inputs, strict, "vhp")
    with torch.set_grad_enabled(create_graph or torch.is_grad_enabled()):
        found = _gradients(grads, inputs, v, create_graph)
        found = _filled(found, inputs, strict, create_graph, "double_back")
    return _given_back(outputs, create_graph, False), _given_back(found, create_graph, many)


def hvp(func, inputs, v=None, create_graph=False, strict=False):
    """(func(*inputs), the Hessian of func there times the vector v)"""
    with torch.enable_grad():
        inputs, many = _inputs_of(inputs, "hvp", create_graph)
        v = _input_vector(v, inputs, many, "hvp")
        if v is not None:
            v = _fresh(v, create_graph, False)
        outputs, grads = _gradient_of_scalar(func, inputs, strict, "hvp")
        seeds = tuple(torch.zeros_like(x, requires_grad=True) for x in inputs)
        back = _gradients(grads, inputs, seeds, True)
        _expect_dependence(back, strict, "hessian")
    with torch.set_grad_enabled(create_graph or torch.is_grad_enabled()):
        found = _gradients(back, seeds, v, create_graph)
        found = _filled(found, inputs, strict, create_graph, "double_back_trick")
    return _given_back(outputs, create_graph, False), _given_back(found, create_graph, many)
