"""Forward mode by dual tensors: `with dual_level(): unpack_dual(f(make_dual(x, v)))`."""

from collections import namedtuple

from facula import _C

_levels = []  # at most one: functions that nest are facula.func.jvp's


def enter_dual_level():
    """Opens a level; its number."""
    if _levels:
        raise RuntimeError("Nested forward mode AD is not supported at the moment")
    _levels.append(_C._level_enter("dual", 0, 0))
    return len(_levels) - 1


def exit_dual_level(*, level=None):
    """Closes the level; its tangents are gone."""
    if not _levels and level is None:
        raise RuntimeError("Dual level must be a positive number.")
    if not _levels or (level is not None and level != len(_levels) - 1):
        raise RuntimeError(
            "Trying to exit a forward AD level that was not the last one that was created. This "
            "is not supported."
        )
    _levels.pop()
    _C._level_exit()


class UnpackedDualTensor(namedtuple("UnpackedDualTensor", "primal tangent")):
    """What unpack_dual returns."""

    __slots__ = ()


def make_dual(tensor, tangent, *, level=None):
    """A view of tensor that carries tangent."""
    if not _levels:
        raise RuntimeError(
            "Trying to create a dual Tensor for forward AD but no level exists, make sure to "
            "enter_dual_level() first."
        )
    for name, t in (("primal", tensor), ("tangent", tangent)):
        if not (t.is_floating_point() or t.is_complex()):
            raise ValueError(f"Expected {name} to be floating point or complex, but got: {t.dtype}")
    if _C._unpack_dual(tensor, _levels[-1])[1] is not None:
        raise RuntimeError(
            "Making a dual Tensor based on a Tensor that already has a forward gradient at the "
            f"same level {len(_levels) - 1} is not supported."
        )
    return _C._make_dual(tensor, tangent, _levels[-1])


def unpack_dual(tensor, *, level=None):
    """(primal, tangent); the tangent is None where the tensor carries none."""
    if not _levels:
        return UnpackedDualTensor(tensor, None)
    return UnpackedDualTensor(*_C._unpack_dual(tensor, _levels[-1]))


class dual_level:
    """Forward mode for the duration of a `with` block."""

    def __enter__(self):
        return enter_dual_level()

    def __exit__(self, exc_type, exc_value, traceback):
        exit_dual_level()


class _set_fwd_grad_enabled:
    """Accepted: forward mode is on wherever a tensor carries a tangent."""

    def __init__(self, mode):
        if not mode:
            raise NotImplementedError("facula cannot turn forward mode off within a level")

    def __enter__(self):
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        pass


def _repr(t, contents):
    """repr of tensors that take part in levels."""
    from facula._tensor_str import _plain_str

    batch = _C._batch_of(t)
    if batch is not None:
        value, dim, level = batch
        text = "\n".join("    " + line if line else "" for line in repr(value).splitlines())
        return f"BatchedTensor(lvl={_C._level_depth(level)}, bdim={dim}, value=\n{text}\n)"
    if not _levels:
        return _plain_str(t, contents)
    primal, tangent = _C._unpack_dual(t, _levels[-1])
    text = _plain_str(t, contents)
    return text if tangent is None else f"{text[:-1]}, tangent={tangent!r})"
