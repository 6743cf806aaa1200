"""Gradients as functions: grad, vjp, jvp and the Jacobians made of them.

Reverse mode differentiates by fresh leaves: aliases of the inputs that nobody else has. What comes
out is cut off from them, and stays connected to whatever else it was computed from. Forward mode is
a level of the gate.
"""

import contextlib
import functools

import facula as torch
from facula import _C
from facula._C import Tensor
from facula._levels import transforms
from facula.autograd.grad_mode import enable_grad, inference_mode
from facula.utils._pytree import tree_flatten, tree_map, tree_unflatten

from .vmap import vmap


def _pick(args, argnums):
    if not isinstance(argnums, (int, tuple)):
        raise RuntimeError(f"argnums must be int or Tuple[int, ...], got: {type(argnums)}")
    if isinstance(argnums, tuple):
        if not argnums:
            raise RuntimeError("argnums must be non-empty")
        if len({n % len(args) if -len(args) <= n < len(args) else n for n in argnums}) != len(
            argnums
        ):
            raise RuntimeError(f"argnums elements must be unique, got {argnums}")
    for n in argnums if isinstance(argnums, tuple) else (argnums,):
        if not -len(args) <= n < len(args):
            raise RuntimeError(f"Got argnum={n}, but only {len(args)} positional inputs")
    return args[argnums] if isinstance(argnums, int) else tuple(args[n] for n in argnums)


def _put(args, argnums, values):
    args = list(args)
    if isinstance(argnums, int):
        args[argnums] = values
    else:
        for n, value in zip(argnums, values):
            args[n] = value
    return args


def _fresh(tree):
    """tree with leaves to differentiate by, and those leaves."""
    flat, spec = tree_flatten(tree)
    # what inference mode made records nothing: its copy does
    plain = [x.clone() if isinstance(x, Tensor) and x.is_inference() else x for x in flat]
    leaves = tuple(_C._fresh_leaf(x) for x in plain)
    return tree_unflatten(leaves, spec), leaves


def _outside(tree, leaves, recorded):
    """What a transform gives back, seen from outside: without the way to its own leaves."""
    if not recorded:
        leaves = ()
    return tree_map(lambda x: _C._sever(x, leaves) if isinstance(x, Tensor) else x, tree)


def _backward(outputs, seeds, leaves, create):
    found = _C._backward(outputs, seeds, leaves, True, create, False, True)
    return tuple(torch.zeros_like(x) if g is None else g for g, x in zip(found, leaves))


def _with_gradient(t):
    return t.requires_grad or any(_C._unpack_dual(t, n)[1] is not None for n in _dual_levels)


_dual_levels = []  # those that jvp has entered


@contextlib.contextmanager
def _recording():
    """Within, gradients are recorded, whatever is so outside. Gives whether they are, there."""
    recorded = torch.is_grad_enabled()
    with inference_mode(False), enable_grad(), transforms:
        yield recorded


def _checked_aux(aux):
    for x in tree_flatten(aux)[0]:
        if not isinstance(x, Tensor):
            raise RuntimeError(f"Expected tensors, got unsupported type {type(x)}")
    return aux


def grad_and_value(func, argnums=0, has_aux=False):
    """A function that gives the gradient of func by its argument argnums, and func's value."""

    @functools.wraps(func, updated=())
    def wrapped(*args, **kwargs):
        with _recording() as recorded:
            inputs, leaves = _fresh(_pick(args, argnums))
            output = func(*_put(args, argnums, inputs), **kwargs)
            if has_aux:
                if not (isinstance(output, tuple) and len(output) == 2):
                    raise RuntimeError(
                        "grad_and_value(f)(*args): output of function f should be a tuple: "
                        "(output, aux) if has_aux is True"
                    )
                output, aux = output
            if not isinstance(output, Tensor):
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a Tensor, got "
                    f"{type(output)}"
                )
            if output.dim() != 0:
                raise RuntimeError(
                    "grad_and_value(f)(*args): Expected f(*args) to return a scalar Tensor, got "
                    f"tensor with {output.dim()} dims. Maybe you wanted to use the vjp or jacrev "
                    "APIs instead?"
                )
            if output.is_complex():
                raise RuntimeError(
                    "grad can be implicitly created only for real scalar outputs but got "
                    f"{output.dtype}"
                )
            grads = _gradients((output,), (None,), leaves, recorded)
            spec = tree_flatten(inputs)[1]
            gradient = tree_unflatten(_outside(grads, leaves, recorded), spec)
            value = _outside(output, leaves, recorded)
        if not has_aux:
            return gradient, value
        return gradient, (value, _outside(_checked_aux(aux), leaves, recorded))

    return wrapped


def _gradients(outputs, seeds, leaves, create):
    pairs = [(o, s) for o, s in zip(outputs, seeds) if _differentiable(o)]
    if not pairs:
        return tuple(torch.zeros_like(x) for x in leaves)
    outputs, seeds = zip(*pairs)
    return _backward(outputs, seeds, leaves, create)


def _differentiable(t):
    if t.requires_grad:
        return True
    return _C._in_level(t) and _with_gradient(t)


def grad(func, argnums=0, has_aux=False):
    """A function that gives the gradient of func, a scalar, by its argument argnums."""
    both = grad_and_value(func, argnums, has_aux)

    @functools.wraps(func, updated=())
    def wrapped(*args, **kwargs):
        gradient, value = both(*args, **kwargs)
        return (gradient, value[1]) if has_aux else gradient

    return wrapped


def _tensors_only(flat, head):
    for x in flat:
        if not isinstance(x, Tensor):
            raise RuntimeError(
                f"{head}: expected f(*primals) to return only tensors, got unsupported type "
                f"{type(x)}"
            )


def vjp(func, *primals, has_aux=False):
    """func(*primals), and a function from cotangents of it to cotangents of primals."""
    with _recording() as recorded:
        inputs, leaves = _fresh(primals)
        output = func(*inputs)
        if has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise RuntimeError(
                    "vjp(f, *primals): output of function f should be a tuple: (output, aux) if "
                    "has_aux is True"
                )
            output, aux = output
        flat, out_spec = tree_flatten(output)
        _tensors_only(flat, "vjp(f, *primals)")
        if not flat:
            raise RuntimeError(
                "vjp(f, *primals): Expected f to be a function that has non-empty output (got "
                "output = [])"
            )
        for x in flat:
            if not (x.is_floating_point() or x.is_complex()):
                raise RuntimeError(
                    "vjp(f, ...): All outputs of f must be floating-point or complex Tensors, got "
                    f"Tensor with dtype {x.dtype}"
                )
        in_spec = tree_flatten(primals)[1]
        results = _outside(output, leaves, recorded)

    def wrapped(cotangents, retain_graph=True, create_graph=None):
        create = torch.is_grad_enabled() if create_graph is None else create_graph
        seeds, spec = tree_flatten(cotangents)
        if spec != out_spec:
            raise RuntimeError(
                f"Expected pytree structure of cotangents to be the same as pytree structure of "
                f"outputs to the function. cotangents: {_pictured(spec)}, primal output: "
                f"{_pictured(out_spec)}"
            )
        with _recording():
            grads = _gradients(flat, seeds, leaves, create)
        return tree_unflatten(_outside(grads, leaves, create), in_spec)

    if not has_aux:
        return results, wrapped
    return results, wrapped, _outside(_checked_aux(aux), leaves, recorded)


def _pictured(spec):
    """A structure with stars for its leaves."""

    class Star:
        def __repr__(self):
            return "*"

    return repr(tree_unflatten([Star()] * spec.num_leaves, spec))


def jvp(func, primals, tangents, *, strict=False, has_aux=False):
    """func(*primals), and its derivative in the direction of tangents."""
    head = "jvp(f, primals, tangents)"
    for name, value in (("primals", primals), ("tangents", tangents)):
        if not isinstance(value, tuple):
            raise RuntimeError(
                f"{head}: Expected {name} to be a tuple. E.g. it should be valid to call "
                "f(*primals)."
            )
    flat_primals, spec = tree_flatten(primals)
    flat_tangents, tangent_spec = tree_flatten(tangents)
    if spec != tangent_spec:
        raise RuntimeError(
            f"{head}: Expected primals and tangents to have the same python structure. For "
            "example, if primals is a tuple of 3 tensors, tangents also must be. Got primals with "
            f"structure {spec} and tangents with structure {tangent_spec}"
        )
    for name, flat in (("primals", flat_primals), ("tangents", flat_tangents)):
        if not flat:
            raise RuntimeError(f"{head}: Expected {name} to contain at least one Tensor.")
        for x in flat:
            if not isinstance(x, Tensor):
                raise RuntimeError(
                    f"{head}: Expected {name} to only contain Tensors, got {type(x)}"
                )
    level = _C._level_enter("dual", 0, 0)
    _dual_levels.append(level)
    try:
        duals = [_C._make_dual(p, t, level) for p, t in zip(flat_primals, flat_tangents)]
        with transforms:
            output = func(*tree_unflatten(duals, spec))
        if has_aux:
            if not (isinstance(output, tuple) and len(output) == 2):
                raise RuntimeError(
                    f"{head}: output of function f should be a tuple: (output, aux) if has_aux is "
                    "True"
                )
            output, aux = output
            aux = tree_map(lambda x: _primal(x, level), _checked_aux(aux))
        flat, out_spec = tree_flatten(output)
        _tensors_only(flat, head)
        pairs = [_C._unpack_dual(x, level) for x in flat]
    finally:
        _dual_levels.pop()
        _C._level_exit()
    if strict and any(t is None for _, t in pairs):
        raise RuntimeError(
            "jvp(f, primals, tangents, strict=True): The output of f is independent of the inputs. "
            "This is not allowed with strict=True."
        )
    values = tree_unflatten([p for p, _ in pairs], out_spec)
    found = [torch.zeros_like(p) if t is None else t for p, t in pairs]
    found = tree_unflatten(found, out_spec)
    return (values, found, aux) if has_aux else (values, found)


def _primal(x, level):
    return _C._unpack_dual(x, level)[0]


# --- Jacobians ------------------------------------------------------------------------------------


def _basis(flat):
    """One-hot tangents over all elements of flat: for each tensor, (total, *shape)."""
    total, at, out = sum(x.numel() for x in flat), 0, []
    for x in flat:
        n = x.numel()
        b = torch.zeros(total, n, dtype=x.dtype, device=x.device)
        if n:
            b.as_strided((n,), (n + 1,), at * n).fill_(1)
        out.append(b.view((total, *x.shape)))
        at += n
    return out


def _slices(t, flat):
    """Pieces of dimension 0 of t, one for each tensor of flat."""
    at, out = 0, []
    for x in flat:
        out.append(t[at : at + x.numel()])
        at += x.numel()
    return out


def jacrev(
    func, argnums=0, *, has_aux=False, chunk_size=None, _preallocate_and_copy=False
):  # fmt: skip
    """The Jacobian of func by its argument argnums, row by row: one vjp for each output element.

    chunk_size bounds how many rows are computed at once; the rows of all chunks are joined at the
    end, so that _preallocate_and_copy changes nothing.
    """
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError("jacrev: `chunk_size` should be greater than 0.")

    @functools.wraps(func, updated=())
    def wrapped(*args, **kwargs):
        def partial(*inputs):
            values = inputs[0] if isinstance(argnums, int) else inputs
            return func(*_put(args, argnums, values), **kwargs)

        chosen = _pick(args, argnums)
        inputs = (chosen,) if isinstance(argnums, int) else chosen
        result = vjp(partial, *inputs, has_aux=has_aux)
        output, pull = result[0], result[1]
        flat, out_spec = tree_flatten(output)
        flat_in, in_spec = tree_flatten(inputs)

        def row(*seeds):
            g = pull(tree_unflatten(seeds, out_spec))
            return tuple(tree_flatten(g)[0])

        columns = vmap(row, chunk_size=chunk_size)(*_basis(flat))
        rows = []
        for k, y in enumerate(flat):
            parts = [
                _slices(c, flat)[k].reshape((*y.shape, *x.shape)) for c, x in zip(columns, flat_in)
            ]
            tree = tree_unflatten(parts, in_spec)
            rows.append(tree[0] if isinstance(argnums, int) else tree)
        jacobian = tree_unflatten(rows, out_spec)
        return (jacobian, result[2]) if has_aux else jacobian

    return wrapped


def jacfwd(func, argnums=0, has_aux=False, *, randomness="error"):
    """The Jacobian of func by its argument argnums, column by column: one jvp for each input."""

    @functools.wraps(func, updated=())
    def wrapped(*args, **kwargs):
        def partial(*inputs):
            values = inputs[0] if isinstance(argnums, int) else inputs
            return func(*_put(args, argnums, values), **kwargs)

        chosen = _pick(args, argnums)
        inputs = (chosen,) if isinstance(argnums, int) else chosen
        flat_in, in_spec = tree_flatten(inputs)

        def push(*basis):
            return jvp(partial, inputs, tree_unflatten(basis, in_spec), has_aux=has_aux)

        out_dims = (None, 0, None) if has_aux else (None, 0)
        result = _push_all(push, _basis(flat_in), out_dims, randomness)
        flat, out_spec = tree_flatten(result[1])
        trees = []
        for t in flat:
            parts = []
            for piece, x in zip(_slices(t, flat_in), flat_in):
                shape = tuple(piece.shape[1:])
                order = (*range(1, len(shape) + 1), 0)
                parts.append(piece.permute(order).reshape((*shape, *x.shape)))
            tree = tree_unflatten(parts, in_spec)
            trees.append(tree[0] if isinstance(argnums, int) else tree)
        jacobian = tree_unflatten(trees, out_spec)
        return (jacobian, result[2]) if has_aux else jacobian

    return wrapped


def _push_all(push, basis, out_dims, randomness):
    def tangents(*basis):
        result = push(*basis)
        return result[1:] if len(out_dims) == 3 else (result[1],)

    if len(out_dims) == 3:
        found = vmap(tangents, out_dims=(0, 0), randomness=randomness)(*basis)
        aux = tree_map(lambda x: x[0] if isinstance(x, Tensor) else x, found[1])
        return None, found[0], aux
    return None, vmap(tangents, randomness=randomness)(*basis)[0]


def hessian(func, argnums=0):
    """The second derivatives of func by its argument argnums: forward mode over reverse mode."""
    return jacfwd(jacrev(func, argnums), argnums)


def linearize(func, *primals):
    """func(*primals), and its derivative there as a function of tangents."""
    output = func(*primals)

    def push(*tangents):
        return jvp(func, primals, tangents)[1]

    return output, push
