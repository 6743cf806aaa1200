"""Functions of the torch namespace that are a little Python around ops."""

from . import _C

__all__ = ["einsum"]


def einsum(equation, *operands):
    """Products summed over the labels that the equation leaves out: einsum("ij,jk->ik", a, b).

    Operands may also be given as einsum(a, [0, 1], b, [1, 2], [0, 2]).
    """
    if not isinstance(equation, str):
        equation, operands = _from_sublists((equation, *operands))
    if len(operands) == 1 and isinstance(operands[0], (list, tuple)):
        operands = operands[0]
    return _C._einsum(equation, list(operands))


def _label(n):
    if n is Ellipsis:
        return "..."
    if not 0 <= n < 52:
        raise ValueError(
            "einsum: subscript in subscript list is not within the valid range [0, 52)"
        )
    return chr(ord("A") + n) if n < 26 else chr(ord("a") + n - 26)


def _from_sublists(args):
    terms = ["".join(_label(n) for n in subs) for subs in args[1::2]]
    operands = args[: 2 * (len(args) // 2) : 2]
    equation = ",".join(terms)
    if len(args) % 2:
        equation += "->" + "".join(_label(n) for n in args[-1])
    return equation, operands


for _name in __all__:
    globals()[_name] = _C._overridable(globals()[_name])
