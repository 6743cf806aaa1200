"""torch._foreach_NAME: an op over each tensor of a list, and over what stands beside it in others.

Optimizers written by hand call them; those of this package have fused steps instead.
"""

import facula as torch

_NAMES = frozenset(
    """
    abs acos add addcdiv addcmul asin atan ceil clamp_max clamp_min clone cos cosh div erf erfc exp
    expm1 floor frac lerp log log10 log1p log2 max maximum minimum mm mul neg norm pow reciprocal
    round rsqrt sigmoid sign sin sinh sqrt sub tan tanh trunc
    """.split()
)
_ONLY_OUT_OF_PLACE = frozenset(["clone", "max", "mm", "norm"])
_ONLY_IN_PLACE = frozenset(["copy_", "zero_"])
_METHODS = {"maximum": "clamp_min", "minimum": "clamp_max"}  # which take numbers too


def function(name):
    """The function _foreach_NAME, or None."""
    stem = name[:-1] if name.endswith("_") else name
    in_place = stem != name
    if name not in _ONLY_IN_PLACE and (
        stem not in _NAMES or (in_place and stem in _ONLY_OUT_OF_PLACE)
    ):
        return None
    method = _METHODS.get(stem, stem) + "_" * in_place
    takes_value = stem in ("addcdiv", "addcmul")

    def foreach(tensors, *args, **kwargs):
        if takes_value:
            args, kwargs = _value_by_name(args, kwargs)
        lists = [*args, *kwargs.values()]
        if stem == "pow" and not _is_list(tensors):  # one base, many exponents
            return tuple(torch.pow(tensors, x) for x in args[0])
        _check(tensors, lists)
        out = tuple(
            getattr(x, method)(
                *(_at(a, i) for a in args), **{key: _at(a, i) for key, a in kwargs.items()}
            )
            for i, x in enumerate(tensors)
        )
        return tensors if in_place else out

    foreach.__name__ = foreach.__qualname__ = f"_foreach_{name}"
    return foreach


def _is_list(x):
    return isinstance(x, (list, tuple))


def _at(x, i):
    return x[i] if _is_list(x) else x


def _value_by_name(args, kwargs):
    """The number or numbers that addcmul's product is scaled by, which may come by position."""
    if len(args) == 3:
        kwargs = {**kwargs, "value": args[2]}
    value = kwargs.pop("scalars", kwargs.get("value", 1))
    return args[:2], {"value": value.tolist() if isinstance(value, torch.Tensor) else value}


def _check(tensors, lists):
    if len(tensors) == 0:
        raise RuntimeError("Tensor list must have at least one tensor.")
    for other in lists:
        if not _is_list(other) or len(other) == len(tensors):
            continue
        if all(isinstance(x, torch.Tensor) for x in other):
            raise RuntimeError(
                "Tensor lists must have the same number of tensors, got "
                f"{len(tensors)} and {len(other)}"
            )
        raise RuntimeError("Tensor list must have same number of elements as scalar list.")
