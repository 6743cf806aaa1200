"""assert_close(): whether two values, or two structures of them, are equal within tolerances."""

import sys
import warnings
from collections.abc import Mapping, Sequence

from .. import _C

# For each dtype the relative and the absolute tolerance; none for those of exact numbers.
_TOLERANCES = {
    _C.float16: (1e-3, 1e-5), _C.bfloat16: (1.6e-2, 1e-5), _C.float32: (1.3e-6, 1e-5),
    _C.float64: (1e-7, 1e-7), _C.complex64: (1.3e-6, 1e-5), _C.complex128: (1e-7, 1e-7),
}  # fmt: skip
_NUMBERS = {int: _C.int64, float: _C.float64, complex: _C.complex128}
_UNSIGNED = (_C.bool, _C.uint8, _C.uint16, _C.uint32)


class _Options:
    """How two values are compared, and where in a structure they are."""

    def __init__(self, rtol, atol, **checks):
        self.given = rtol is not None
        self.rtol, self.atol = rtol, atol
        self.__dict__.update(checks)

    def tolerances(self, *dtypes):
        if self.given:
            return self.rtol, self.atol
        pairs = [_TOLERANCES.get(dtype, (0.0, 0.0)) for dtype in dtypes]
        return max(r for r, _ in pairs), max(a for _, a in pairs)


class _Mismatch(Exception):
    def __init__(self, text, place, error=AssertionError):
        super().__init__(text)
        where = "".join(f"[{item!r}]" for item in place)
        self.text = text + (f"\n\nThe failure occurred for item {where}" if place else "")
        self.error = error


def _differences(kind, count, absolute, relative, rtol, atol):
    """The text of values that differ, with the greatest differences and where they are."""
    exact = rtol == 0 and atol == 0
    lines = [f"{kind} are not {'equal' if exact else 'close'}!", "", count]
    prefix = "Greatest " if kind != "Scalars" else ""
    for name, (value, index), allowed in (
        ("absolute", absolute, atol),
        ("relative", relative, rtol),
    ):
        line = f"{prefix}{name} difference: {value}"
        line += "" if index is None else f" at index {index}"
        line += "" if exact else f" (up to {allowed} allowed)"
        lines.append(line[0].upper() + line[1:])
    return "\n".join(lines)


def _index_of(flat, shape):
    index = []
    for n in reversed(shape):
        flat, i = divmod(flat, n)
        index.append(i)
    return tuple(reversed(index))


def _compare_numbers(actual, expected, options, place):
    if options.check_dtype and type(actual) is not type(expected):
        raise _Mismatch(f"The (d)types do not match: {type(actual)} != {type(expected)}.", place)
    actual, expected = (x.item() if hasattr(x, "item") else x for x in (actual, expected))
    dtypes = [_NUMBERS[next(k for k in _NUMBERS if isinstance(x, k))] for x in (actual, expected)]
    rtol, atol = options.tolerances(*dtypes)
    _compare_scalars(actual, expected, rtol, atol, options, place)


def _compare_scalars(actual, expected, rtol, atol, options, place):
    difference = abs(actual - expected)
    both_nan = actual != actual and expected != expected
    if actual == expected or (both_nan and options.equal_nan):
        return
    if difference <= atol + rtol * abs(expected) and abs(expected) != float("inf"):
        return
    relative = difference / abs(expected) if expected != 0 else float("inf")
    count = f"Expected {expected} but got {actual}."
    text = _differences("Scalars", count, (difference, None), (relative, None), rtol, atol)
    raise _Mismatch(text, place)


def _check_attributes(actual, expected, options, place):
    def same(name, a, b):
        if a != b:
            text = f"The values for attribute '{name}' do not match: {a} != {b}."
            raise _Mismatch(text, place)

    same("shape", actual.shape, expected.shape)
    if options.check_layout:
        same("layout", actual.layout, expected.layout)
    if options.check_device:
        same("device", actual.device, expected.device)
    if options.check_dtype:
        same("dtype", actual.dtype, expected.dtype)
    if options.check_stride and not actual.is_sparse and not expected.is_sparse:
        same("stride()", actual.stride(), expected.stride())


def _compare_tensors(actual, expected, options, place):
    _check_attributes(actual, expected, options, place)
    if actual.is_meta or expected.is_meta:
        return
    rtol, atol = options.tolerances(actual.dtype, expected.dtype)
    if actual.dtype is not expected.dtype:
        dtype = _C.promote_types(actual.dtype, expected.dtype)
        actual, expected = actual.to(dtype), expected.to(dtype)
    if actual.is_sparse and expected.is_sparse:
        _compare_sparse(actual, expected, rtol, atol, options, place)
        return
    actual, expected = actual.to_dense(), expected.to_dense()
    _compare_values("Tensor-likes", actual, expected, rtol, atol, options, place)


def _compare_sparse(actual, expected, rtol, atol, options, place):
    mine, theirs = actual._nnz(), expected._nnz()
    if mine != theirs:
        text = (
            "The number of specified values in sparse COO tensors does not match: "
            f"{mine} != {theirs}"
        )
        raise _Mismatch(text, place)
    indices = actual._indices(), expected._indices()
    _compare_values("Sparse COO indices", *indices, 0, 0, options, place)
    values = actual._values(), expected._values()
    _compare_values("Sparse COO values", *values, rtol, atol, options, place)


def _compare_values(kind, actual, expected, rtol, atol, options, place):
    near = _C.isclose(actual, expected, rtol=rtol, atol=atol, equal_nan=options.equal_nan)
    if near.all():
        return
    if actual.dim() == 0:
        _compare_scalars(actual.item(), expected.item(), rtol, atol, options, place)
    if actual.dtype in _UNSIGNED:
        actual, expected = actual.to(_C.int64), expected.to(_C.int64)
    difference = _C.abs(actual - expected)
    relative = difference / _C.abs(expected)
    greatest = []
    for values in (difference, relative):
        values[near] = 0  # what is close counts for nothing, inf or nan as it may be
        flat = values.flatten()
        at = int(_C.argmax(flat))
        greatest.append((flat[at].item(), _index_of(at, actual.shape)))
    wrong, total = int((~near).sum()), near.numel()
    count = f"Mismatched elements: {wrong} / {total} ({wrong / total:.1%})"
    raise _Mismatch(_differences(kind, count, *greatest, rtol, atol), place)


def _compare_mappings(actual, expected, options, place):
    missing = set(expected) - set(actual)
    extra = set(actual) - set(expected)
    if missing or extra:
        raise _Mismatch(
            "The keys of the mappings do not match:\n"
            f"Missing keys in the actual mapping: {sorted(missing)}\n"
            f"Additional keys in the actual mapping: {sorted(extra)}",
            place,
        )
    keys = list(actual)
    try:
        keys.sort()
    except TypeError:
        pass
    for key in keys:
        _compare(actual[key], expected[key], options, (*place, key))


def _tensor_of(x):
    try:
        return x if isinstance(x, _C.Tensor) else _C._from_data(x, None, None, False)
    except Exception:
        return None


def _number_types():
    numpy = sys.modules.get("numpy")
    return tuple(_NUMBERS) + ((numpy.number,) if numpy else ())


def _compare(actual, expected, options, place=()):
    if all(isinstance(x, Sequence) and not isinstance(x, str) for x in (actual, expected)):
        if len(actual) != len(expected):
            text = f"The length of the sequences mismatch: {len(actual)} != {len(expected)}"
            raise _Mismatch(text, place)
        for i in range(len(actual)):
            _compare(actual[i], expected[i], options, (*place, i))
        return
    if isinstance(actual, Mapping) and isinstance(expected, Mapping):
        _compare_mappings(actual, expected, options, place)
        return
    kinds = (type(actual), type(expected))
    if actual is None or expected is None:
        if actual is not expected:
            raise _Mismatch(f"None mismatch: {actual} is not {expected}", place)
        return
    if all(kind is bool or kind.__name__ in ("bool_", "bool") for kind in kinds):
        if bool(actual) is not bool(expected):
            raise _Mismatch(f"Booleans mismatch: {actual} is not {expected}", place)
        return
    if all(isinstance(x, _number_types()) for x in (actual, expected)):
        _compare_numbers(actual, expected, options, place)
        return
    related = isinstance(actual, kinds[1]) or isinstance(expected, kinds[0])
    if related and (options.allow_subclasses or kinds[0] is kinds[1]):
        tensors = _tensor_of(actual), _tensor_of(expected)
        if tensors[0] is not None and tensors[1] is not None:
            _compare_tensors(*tensors, options, place)
            return
    text = f"No comparison pair was able to handle inputs of type {kinds[0]} and {kinds[1]}."
    raise _Mismatch(text, place, TypeError)


def assert_close(
    actual,
    expected,
    *,
    allow_subclasses=True,
    rtol=None,
    atol=None,
    equal_nan=False,
    check_device=True,
    check_dtype=True,
    check_layout=True,
    check_stride=False,
    msg=None,
):
    """Raises an AssertionError unless |actual - expected| <= atol + rtol * |expected| everywhere.

    Compares tensors, NumPy's arrays, numbers, and sequences and mappings of them. Tolerances that
    are not given follow from the dtypes. msg is the error's text, or makes it from the usual one.
    """
    if (rtol is None) != (atol is None):
        name = "rtol" if rtol is None else "atol"
        raise ValueError(
            f"Both 'rtol' and 'atol' must be either specified or omitted, but got no {name}."
        )
    options = _Options(
        rtol, atol, allow_subclasses=allow_subclasses, equal_nan=equal_nan,
        check_device=check_device, check_dtype=check_dtype, check_layout=check_layout,
        check_stride=check_stride,
    )  # fmt: skip
    from ..autograd.grad_mode import no_grad
    from ..overrides import DisableTorchFunctionSubclass

    try:
        with no_grad(), DisableTorchFunctionSubclass():
            _compare(actual, expected, options)
        return
    except _Mismatch as mismatch:
        text, error = mismatch.text, mismatch.error
    if error is AssertionError:
        text = msg(text) if callable(msg) else msg if isinstance(msg, str) else text
    raise error(text)


_OLD_TOLERANCES = {
    _C.float16: (1e-3, 1e-3), _C.float32: (1e-4, 1e-5), _C.float64: (1e-5, 1e-8)
}  # fmt: skip


def assert_allclose(actual, expected, rtol=None, atol=None, equal_nan=True, msg=""):
    """assert_close() as it was called before; deprecated."""
    warnings.warn(
        "`torch.testing.assert_allclose()` is deprecated since 1.12 and will be removed in a "
        "future release. Please use `torch.testing.assert_close()` instead. You can find detailed "
        "upgrade instructions in https://github.com/pytorch/pytorch/issues/61844.",
        FutureWarning,
        stacklevel=2,
    )
    if not isinstance(actual, _C.Tensor):
        actual = _C.tensor(actual)
    if not isinstance(expected, _C.Tensor):
        expected = _C.tensor(expected, dtype=actual.dtype)
    if rtol is None and atol is None:
        pairs = [_OLD_TOLERANCES.get(t.dtype, (0.0, 0.0)) for t in (actual, expected)]
        rtol, atol = (max(pair) for pair in zip(*pairs))
    assert_close(
        actual, expected, rtol=rtol, atol=atol, equal_nan=equal_nan,
        check_device=True, check_dtype=False, check_stride=False, msg=msg or None,
    )  # fmt: skip
