"""vmap: a function of one example as a function of a batch.

The batch is a level of the gate (src/levels/vmap.c); this takes care of what goes in and out.
"""

import functools

from facula import _C
from facula._C import Tensor
from facula._levels import transforms
from facula.utils._pytree import _broadcast_to_and_flatten, tree_flatten, tree_unflatten

_RANDOMNESS = {"error": 0, "same": 1, "different": 2}


def _name(func):
    if hasattr(func, "__name__"):
        return func.__name__
    if isinstance(func, functools.partial):
        return f"functools.partial({_name(func.func)}, ...)"
    return repr(func)


def _flat_in_dims(in_dims, args, func):
    head = f"vmap({_name(func)}, in_dims={in_dims}, ...)(<inputs>)"
    if not isinstance(in_dims, (int, tuple)):
        raise ValueError(
            f"{head}: expected `in_dims` to be int or a (potentially nested) tuple matching the "
            f"structure of inputs, got: {type(in_dims)}."
        )
    if len(args) == 0:
        raise ValueError(
            f"vmap({_name(func)})(<inputs>): got no inputs. Maybe you forgot to add inputs, or you "
            "are trying to vmap over a function with no inputs. The latter is unsupported."
        )
    flat, spec = tree_flatten(args)
    dims = _broadcast_to_and_flatten(in_dims, spec)
    if dims is None:
        raise ValueError(
            f"{head}: in_dims is not compatible with the structure of `inputs`. in_dims has "
            f"structure {tree_flatten(in_dims)[1]} but inputs has structure {spec}."
        )
    for i, (arg, dim) in enumerate(zip(flat, dims)):
        if dim is None:
            continue
        if not isinstance(dim, int):
            raise ValueError(
                f"{head}: Got in_dim={dim} for an input but in_dim must be either an integer "
                "dimension or None."
            )
        if not isinstance(arg, Tensor):
            raise ValueError(
                f"{head}: Got in_dim={dim} for an input but the input is of type {type(arg)}. We "
                "cannot vmap over non-Tensor arguments, please use None as the respective in_dim"
            )
        if not -arg.dim() <= dim < arg.dim():
            raise ValueError(
                f"{head}: Got in_dim={dim} for some input, but that input is a Tensor of "
                f"dimensionality {arg.dim()} so expected in_dim to satisfy "
                f"-{arg.dim()} <= in_dim < {arg.dim()}."
            )
        if dim < 0:
            dims[i] = dim + arg.dim()
    sizes = [arg.size(dim) for arg, dim in zip(flat, dims) if dim is not None]
    if not sizes:
        raise ValueError(
            f"{head}: at least one tensor must have a batch dimension: in_dims are all None"
        )
    if any(s != sizes[0] for s in sizes):
        raise ValueError(
            "vmap: Expected all tensors to have the same size in the mapped dimension, got sizes "
            f"{sizes} for the mapped dimension"
        )
    return sizes[0], dims, flat, spec


def _outputs(result, out_dims, level, size, func):
    call = f"vmap({_name(func)}, ..., out_dims={out_dims})"
    flat, spec = tree_flatten(result)
    if isinstance(result, Tensor) and isinstance(out_dims, tuple) and len(out_dims) == 1:
        out_dims = out_dims[0]
    dims = _broadcast_to_and_flatten(out_dims, spec)
    if dims is None:
        raise ValueError(
            f"{call}(<inputs>): out_dims is not compatible with the structure of `outputs`. "
            f"out_dims has structure {tree_flatten(out_dims)[1]} but outputs has structure {spec}."
        )
    out = []
    for value, dim in zip(flat, dims):
        if dim is None:
            batch = _C._batch_of(value)
            if batch is not None and batch[2] == level:
                raise ValueError(
                    f"vmap({_name(func)}, ...): `{_name(func)}` can not return a BatchedTensor "
                    "when out_dim is None"
                )
            out.append(value)
            continue
        if not isinstance(dim, int):
            raise ValueError(
                f"{call}: `out_dims` must be an int, None or a python collection of ints "
                "representing where in the outputs the vmapped dimension should appear."
            )
        if not isinstance(value, Tensor):
            raise ValueError(
                f"vmap({_name(func)}, ...): `{_name(func)}` must only return Tensors, got type "
                f"{type(value)}. Did you mean to set out_dims= to None for output?"
            )
        out.append(_C._remove_batch_dim(value, level, size, dim))
    return tree_unflatten(out, spec)


def _run(func, size, dims, flat, spec, out_dims, randomness, kwargs):
    level = _C._level_enter("vmap", size, _RANDOMNESS[randomness])
    try:
        batched = [
            arg if dim is None else _C._add_batch_dim(arg, dim, level)
            for arg, dim in zip(flat, dims)
        ]
        with transforms:
            result = func(*tree_unflatten(batched, spec), **kwargs)
        return _outputs(result, out_dims, level, size, func)
    finally:
        _C._level_exit()


def _in_chunks(func, size, dims, flat, spec, out_dims, randomness, kwargs, chunk):
    from facula import cat, get_rng_state, set_rng_state

    parts, out_spec, flat_dims = [], None, None
    state = get_rng_state() if randomness == "same" else None  # the same for each chunk
    for start in range(0, size, chunk):
        if state is not None:
            set_rng_state(state)
        n = min(chunk, size - start)
        piece = [a if d is None else a.narrow(d, start, n) for a, d in zip(flat, dims)]
        result = _run(func, n, dims, piece, spec, out_dims, randomness, kwargs)
        values, out_spec = tree_flatten(result)
        flat_dims = _broadcast_to_and_flatten(out_dims, out_spec)
        parts.append(values)
    joined = [
        column[0] if dim is None else cat(list(column), dim)
        for column, dim in zip(zip(*parts), flat_dims)
    ]
    return tree_unflatten(joined, out_spec)


def vmap(func, in_dims=0, out_dims=0, randomness="error", *, chunk_size=None):
    """func over a batch: dimension in_dims of each input, and dimension out_dims of each output.

    in_dims and out_dims may be nested like the inputs and outputs; None leaves one out. randomness
    says whether random ops draw anew for each example ("different"), once for all ("same"), or
    raise ("error"). chunk_size bounds how many examples run at once.
    """
    if randomness not in _RANDOMNESS:
        raise RuntimeError(
            "Only allowed values for randomness are 'error', 'different', or 'same'. Got "
            f"{randomness}"
        )
    if chunk_size is not None and chunk_size <= 0:
        raise ValueError(f"vmap: chunk_size should be None or greater than 0. (got {chunk_size})")

    @functools.wraps(func, updated=())
    def wrapped(*args, **kwargs):
        size, dims, flat, spec = _flat_in_dims(in_dims, args, func)
        rest = (spec, out_dims, randomness, kwargs)
        if chunk_size is not None and chunk_size < size:
            return _in_chunks(func, size, dims, flat, *rest, chunk_size)
        return _run(func, size, dims, flat, *rest)

    return wrapped
