"""Samples into batches: tensors are stacked, containers collated member by member."""

import copy
from collections.abc import Mapping, MutableMapping, MutableSequence, Sequence

import facula as torch

_ERROR = (
    "default_collate: batch must contain tensors, numpy arrays, numbers, dicts or lists; found {}"
)
_TEXT_KINDS = "SaUO"  # NumPy's text and object dtypes, which no tensor holds


def _is_numpy(value):
    kind = type(value)
    return kind.__module__ == "numpy" and kind.__name__ not in ("str_", "string_", "bytes_")


def default_convert(data):
    """NumPy arrays and numbers as tensors, within containers too; all else as it is."""
    kind = type(data)
    if isinstance(data, torch.Tensor):
        return data
    if _is_numpy(data):
        if kind.__name__ == "ndarray" and data.dtype.kind in _TEXT_KINDS:
            return data
        return torch.as_tensor(data)
    if isinstance(data, Mapping):
        return _like(data, {key: default_convert(data[key]) for key in data})
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return kind(*(default_convert(d) for d in data))
    if isinstance(data, tuple):
        return [default_convert(d) for d in data]
    if isinstance(data, Sequence) and not isinstance(data, (str, bytes)):
        return _like(data, [default_convert(d) for d in data])
    return data


def _like(container, values):
    """`values` in a container of the same kind, or as they are where that cannot be made."""
    try:
        if isinstance(container, MutableMapping):
            clone = copy.copy(container)
            clone.update(values)
            return clone
        if isinstance(container, MutableSequence):
            clone = copy.copy(container)
            for i, value in enumerate(values):
                clone[i] = value
            return clone
        return type(container)(values)
    except TypeError:
        return values  # no copy, no item assignment or another constructor


def collate(batch, *, collate_fn_map=None):
    """A batch out of a list of samples; `collate_fn_map` gives functions by type of sample."""
    elem = batch[0]
    kind = type(elem)
    functions = collate_fn_map or {}
    if kind in functions:
        return functions[kind](batch, collate_fn_map=collate_fn_map)
    for known in functions:
        if isinstance(elem, known):
            return functions[known](batch, collate_fn_map=collate_fn_map)
    if functions and _is_numpy(elem):
        if kind.__name__ == "ndarray":
            return collate_numpy_array_fn(batch, collate_fn_map=collate_fn_map)
        return torch.as_tensor(batch)

    def inner(samples):
        return collate(samples, collate_fn_map=collate_fn_map)

    if isinstance(elem, Mapping):
        return _like(elem, {key: inner([d[key] for d in batch]) for key in elem})
    if isinstance(elem, tuple) and hasattr(elem, "_fields"):
        return kind(*(inner(samples) for samples in zip(*batch)))
    if isinstance(elem, Sequence):
        if any(len(sample) != len(elem) for sample in batch):
            raise RuntimeError("each element in list of batch should be of equal size")
        columns = [inner(samples) for samples in zip(*batch)]
        return columns if isinstance(elem, tuple) else _like(elem, columns)
    raise TypeError(_ERROR.format(kind))


def collate_tensor_fn(batch, *, collate_fn_map=None):
    """Tensors, stacked."""
    if batch[0].layout is not torch.strided:
        raise RuntimeError(
            "Batches of sparse tensors are not currently supported by the default collate_fn; "
            "please provide a custom collate_fn to handle them appropriately."
        )
    return torch.stack(batch, 0)


def collate_numpy_array_fn(batch, *, collate_fn_map=None):
    """NumPy arrays, as one tensor."""
    elem = batch[0]
    if elem.dtype.kind in _TEXT_KINDS:
        raise TypeError(_ERROR.format(elem.dtype))
    return collate([torch.as_tensor(b) for b in batch], collate_fn_map=collate_fn_map)


def collate_float_fn(batch, *, collate_fn_map=None):
    """Floats, as a tensor of doubles."""
    return torch.tensor(batch, dtype=torch.float64)


def collate_int_fn(batch, *, collate_fn_map=None):
    """Integers, as a tensor."""
    return torch.tensor(batch)


def collate_str_fn(batch, *, collate_fn_map=None):
    """Texts, as a list."""
    return batch


default_collate_fn_map = {
    torch.Tensor: collate_tensor_fn,
    float: collate_float_fn,
    int: collate_int_fn,
    str: collate_str_fn,
    bytes: collate_str_fn,
}


def default_collate(batch):
    """Stack tensors, arrays and numbers; collate dictionaries, tuples and lists by member."""
    return collate(batch, collate_fn_map=default_collate_fn_map)
