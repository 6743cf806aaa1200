"""Functions of the torch namespace that are a little Python around ops."""

from . import _C
from ._C import norm, split  # noqa: F401 - files of PyTorch's name them here

__all__ = [
    "atleast_1d",
    "atleast_2d",
    "atleast_3d",
    "block_diag",
    "broadcast_shapes",
    "broadcast_tensors",
    "cartesian_prod",
    "combinations",
    "einsum",
    "meshgrid",
    "nonzero",
    "unique",
    "unique_consecutive",
]


def einsum(*args):
    """Products summed over the labels that the equation leaves out: einsum("ij,jk->ik", a, b).

    Operands may also be given as einsum(a, [0, 1], b, [1, 2], [0, 2]).
    """
    if len(args) < 2:
        raise ValueError(
            "einsum(): must specify the equation string and at least one operand, "
            "or at least one operand and its subscripts list"
        )
    equation, *operands = args
    if not isinstance(equation, (str, _C.Tensor)):
        raise TypeError(
            f"einsum(): argument 'equation' (position 1) must be str, not {_C._type_name(equation)}"
        )
    if isinstance(equation, _C.Tensor):
        equation, operands = _from_sublists(args)
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        return einsum(equation, *operands[0])
    return _C._einsum(equation, list(operands))


def _label(n):
    if n is Ellipsis:
        return "..."
    if not (n >= 0 and n < 52):  # the error where n is no number names >=
        raise ValueError(
            "einsum(): subscript in subscript list is not within the valid range [0, 52)"
        )
    return chr(ord("A") + n) if n < 26 else chr(ord("a") + n - 26)


def _from_sublists(args):
    terms = ["".join(_label(n) for n in subs) for subs in args[1::2]]
    operands = args[: 2 * (len(args) // 2) : 2]
    equation = ",".join(terms)
    if len(args) % 2:
        equation += "->" + "".join(_label(n) for n in args[-1])
    return equation, operands


def _spread(tensors):
    """Tensors given one by one, or as one sequence."""
    if len(tensors) == 1 and isinstance(tensors[0], (list, tuple)):
        return tensors[0]
    return tensors


def broadcast_shapes(*shapes):
    """The Size that tensors of all these shapes broadcast to; RuntimeError where they don't."""
    shapes = [(s,) if isinstance(s, int) else s for s in shapes]
    result = [1] * max((len(s) for s in shapes), default=0)
    for i, shape in enumerate(shapes):
        for d in range(-1, -len(shape) - 1, -1):
            if shape[d] < 0:
                raise ValueError("Attempting to broadcast a dimension with negative length!")
            if shape[d] == 1 or shape[d] == result[d]:
                continue
            if result[d] != 1:
                raise RuntimeError(
                    f"Attempting to broadcast a dimension of length {shape[d]} at {d}! "
                    f"Mismatching argument at index {i} had {shape}; but expected shape should be "
                    f"broadcastable to {result}"
                )
            result[d] = shape[d]
    return _C.Size(result)


def broadcast_tensors(*tensors):
    """The tensors expanded to the shape that they broadcast to."""
    return _C.broadcast_tensors(_spread(tensors))


def meshgrid(*tensors, indexing=None):
    """Coordinate grids of one-dimensional tensors; indexing="ij" (rows first) or "xy"."""
    return _C.meshgrid(_spread(tensors), indexing=indexing)


def cartesian_prod(*tensors):
    """All combinations of the elements of one-dimensional tensors, one a row."""
    for t in tensors:
        if t.dim() != 1:
            raise RuntimeError(f"Expect a 1D vector, but got shape {list(t.shape)}")
    if len(tensors) == 1:
        return tensors[0]
    grids = _C.meshgrid(list(tensors), indexing="ij")
    return _C.stack([g.flatten() for g in grids], dim=1)


def combinations(input, r=2, with_replacement=False):
    """The combinations of r elements of a vector, in order, one a row."""
    if input.dim() != 1:
        raise RuntimeError(f"Expect a 1D vector, but got shape {list(input.shape)}")
    if r < 0:
        raise RuntimeError(f"Expect a non-negative number, but got {r}")
    import itertools

    choose = itertools.combinations_with_replacement if with_replacement else itertools.combinations
    rows = list(choose(range(len(input)), r))
    index = _C.tensor(rows, dtype=_C.int64).reshape(len(rows), r)
    return input[index] if r > 0 else input.new_empty((0,))


def block_diag(*tensors):
    """A matrix with the given matrices, vectors (rows) and zero-dim tensors along its diagonal."""
    for i, t in enumerate(tensors):
        if not isinstance(t, _C.Tensor):
            raise TypeError(
                f"expected Tensor as element {i} in argument 0, but got {type(t).__name__}"
            )
        if t.dim() > 2:
            raise RuntimeError(
                "torch.block_diag: Input tensors must have 2 or fewer dimensions. "
                f"Input {i} has {t.dim()} dimensions"
            )
    if not tensors:
        return _C.empty((1, 0))
    tensors = [_C.atleast_2d(t) for t in tensors]
    width = sum(t.shape[1] for t in tensors)
    rows, at = [], 0
    for t in tensors:
        left, right = t.new_zeros((len(t), at)), t.new_zeros((len(t), width - at - t.shape[1]))
        rows.append(_C.cat([left, t, right], dim=1))
        at += t.shape[1]
    return _C.cat(rows)


def _each(op):
    def atleast(*tensors):
        if len(tensors) == 1 and not isinstance(tensors[0], (list, tuple)):
            return op(tensors[0])
        return tuple(op(t) for t in _spread(tensors))

    return atleast


atleast_1d = _each(_C.atleast_1d)
atleast_2d = _each(_C.atleast_2d)
atleast_3d = _each(_C.atleast_3d)


def nonzero(input, *, out=None, as_tuple=False):
    """Where input is not zero: (n, dims), or with as_tuple one vector a dimension."""
    if as_tuple is False:
        return _C.nonzero(input, out=out)
    if out is not None:
        raise RuntimeError("nonzero(): as_tuple=True takes no out")
    return _C.Tensor.nonzero(input, as_tuple=as_tuple)


def _chosen(values, inverse, counts, return_inverse, return_counts):
    if return_inverse and return_counts:
        return values, inverse, counts
    if return_inverse:
        return values, inverse
    return (values, counts) if return_counts else values


def unique(input, sorted=True, return_inverse=False, return_counts=False, dim=None):
    """The different elements of input, or slices along dim, in order.

    With return_inverse also where each element of input is found in them, with return_counts how
    often each comes.
    """
    if dim is None:
        r = _C._unique2(input, sorted, return_inverse, return_counts)
    else:
        r = _C._unique_dim(input, dim, sorted, return_inverse, return_counts)
    return _chosen(*r, return_inverse, return_counts)


def unique_consecutive(input, return_inverse=False, return_counts=False, dim=None):
    """The first of every run of equal elements, or of equal slices along dim.

    With return_inverse also the run that each element of input is in, with return_counts how long
    each is.
    """
    r = _C.unique_consecutive(
        input, return_inverse=return_inverse, return_counts=return_counts, dim=dim
    )
    return _chosen(*r, return_inverse, return_counts)


_C.Tensor.unique = unique
_C.Tensor.unique_consecutive = unique_consecutive

for _name in __all__:
    globals()[_name] = _C._overridable(globals()[_name])
