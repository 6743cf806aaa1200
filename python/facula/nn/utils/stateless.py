"""Calling a module with other tensors in the place of its own."""

import contextlib
import warnings

import facula as torch


def functional_call(
    module,
    parameters_and_buffers,
    args=None,
    kwargs=None,
    *,
    tie_weights=True,
    strict=False,
):
    """The old place of `facula.func.functional_call`."""
    warnings.warn(
        "`torch.nn.utils.stateless.functional_call` is deprecated as of PyTorch 2.0 and will be "
        "removed in a future version of PyTorch. Please use `torch.func.functional_call` instead "
        "which is a drop-in replacement.",
        FutureWarning,
        stacklevel=2,
    )
    return _functional_call(
        module, parameters_and_buffers, args, kwargs, tie_weights=tie_weights, strict=strict
    )


def _merged(dicts):
    """One dictionary of names to tensors out of one or several."""
    if isinstance(dicts, dict):
        return dicts
    if not isinstance(dicts, (list, tuple)):
        raise ValueError(
            "Expected parameter_and_buffer_dicts to be a dict, or a list/tuple of dicts, but got "
            f"{type(dicts)}"
        )
    if not all(isinstance(d, dict) for d in dicts):
        raise ValueError("Expected all elements of parameter_and_buffer_dicts to be dictionaries")
    names = [name for d in dicts for name in d]
    repeated = list(dict.fromkeys(name for name in names if names.count(name) > 1))
    if repeated:
        raise ValueError(
            f"{repeated} appeared in multiple dictionaries; behavior of functional call is "
            "ambiguous"
        )
    return {name: tensor for d in dicts for name, tensor in d.items()}


def _functional_call(module, dicts, args=None, kwargs=None, *, tie_weights=True, strict=False):
    """Call `module` with the tensors of `dicts`; where it names one of several tied tensors, the
    others follow unless `tie_weights` is False."""
    tensors = _merged(dicts)
    if args is None:
        args = ()
    elif not isinstance(args, tuple):
        args = (args,)
    with _reparametrize_module(module, tensors, tie_weights=tie_weights, strict=strict):
        return module(*args, **({} if kwargs is None else kwargs))


def _tied_names(module):
    """Groups of names of one and the same parameter or buffer."""
    groups = {}
    for members in (
        module.named_parameters(remove_duplicate=False),
        module.named_buffers(remove_duplicate=False),
    ):
        for name, tensor in members:
            groups.setdefault(tensor, []).append(name)
    return groups.values()


def _with_tied(module, tensors):
    out = dict(tensors)
    for group in _tied_names(module):
        given = sorted(name for name in group if name in tensors)
        if not given:
            continue
        if any(tensors[name] is not tensors[given[0]] for name in given):
            raise ValueError(
                f"functional_call got multiple values for keys {given}, which are tied. "
                "Consider using tie_weights=False"
            )
        for name in group:
            out.setdefault(name, tensors[given[0]])
    return out


def _check_names(module, tensors):
    own = {name for group in _tied_names(module) for name in group}
    problems = []
    for kind, names in (("Unexpected", set(tensors) - own), ("Missing", own - set(tensors))):
        if names:
            listed = ", ".join(repr(name) for name in sorted(names))
            problems.append(f"\n\t{kind} key(s): {listed}.")
    if problems:
        raise RuntimeError(
            f"Error(s) in reparametrizing for {module._get_name()}:" + "".join(problems)
        )


_ABSENT = object()


def _swap(module, name, value):
    """Put `value` under a dotted name; gives back what undoes it."""
    path, _, leaf = name.rpartition(".")
    owner = module.get_submodule(path)
    if not isinstance(value, torch.Tensor) and value is not None:
        raise TypeError(f"{value} is not an instance of torch.Tensor")
    for members in (owner._parameters, owner._buffers):
        if leaf in members:
            break
    else:
        members = owner.__dict__
    old = members.get(leaf, _ABSENT)
    members[leaf] = value
    return members, leaf, old


@contextlib.contextmanager
def _reparametrize_module(module, tensors, *, tie_weights=False, strict=False):
    if tie_weights:
        tensors = _with_tied(module, tensors)
    if strict:
        _check_names(module, tensors)
    undo = []
    try:
        for name, value in tensors.items():
            undo.append(_swap(module, name, value))
        yield
    finally:
        for members, leaf, old in reversed(undo):
            if old is _ABSENT:
                members.pop(leaf, None)
            else:
                members[leaf] = old
