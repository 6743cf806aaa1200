"""How a module's state is saved, loaded and converted.

The functions that take `self` become methods of Module. A state dict maps dotted names to tensors,
in the order: own parameters, own persistent buffers, own extra state, then each submodule. Its
`_metadata` attribute carries the version of every module, by prefix.
"""

import warnings
from collections import OrderedDict, namedtuple

import facula as torch
from facula import _C
from facula.nn.parameter import Parameter

_EXTRA_STATE_KEY_SUFFIX = "_extra_state"


class _IncompatibleKeys(namedtuple("IncompatibleKeys", ["missing_keys", "unexpected_keys"])):
    __slots__ = ()

    def __repr__(self):
        if not self.missing_keys and not self.unexpected_keys:
            return "<All keys matched successfully>"
        return super().__repr__()

    __str__ = __repr__


def _overrides(self, name):
    from facula.nn.modules.module import Module

    return getattr(type(self), name) is not getattr(Module, name)


def save_to_state_dict(self, destination, prefix, keep_vars):
    """Put this module's own tensors, not those of submodules, into `destination`."""
    for name, param in self._parameters.items():
        if param is not None:
            destination[prefix + name] = param if keep_vars else param.detach()
    for name, buffer in self._buffers.items():
        if buffer is not None and name not in self._non_persistent_buffers_set:
            destination[prefix + name] = buffer if keep_vars else buffer.detach()
    if _overrides(self, "get_extra_state"):
        destination[prefix + _EXTRA_STATE_KEY_SUFFIX] = self.get_extra_state()


def state_dict(self, *args, destination=None, prefix="", keep_vars=False):
    """The parameters and persistent buffers by dotted name; they share memory with the module."""
    if args:
        warnings.warn(
            "Positional args are being deprecated, use kwargs instead. Refer to "
            "https://pytorch.org/docs/main/generated/torch.nn.Module.html"
            "#torch.nn.Module.state_dict for details.",
            FutureWarning,
            stacklevel=2,
        )
        if destination is None:
            destination = args[0]
        if len(args) > 1 and prefix == "":
            prefix = args[1]
        if len(args) > 2 and keep_vars is False:
            keep_vars = args[2]

    if destination is None:
        destination = OrderedDict()
        destination._metadata = OrderedDict()
    local_metadata = {"version": self._version}
    if hasattr(destination, "_metadata"):
        destination._metadata[prefix[:-1]] = local_metadata

    for hook in self._state_dict_pre_hooks.values():
        hook(self, prefix, keep_vars)
    self._save_to_state_dict(destination, prefix, keep_vars)
    for name, module in self._modules.items():
        if module is not None:
            module.state_dict(
                destination=destination, prefix=prefix + name + ".", keep_vars=keep_vars
            )
    for hook in self._state_dict_hooks.values():
        out = hook(self, destination, prefix, local_metadata)
        if out is None:
            continue
        if getattr(hook, "_from_public_api", False):
            raise RuntimeError("state_dict post-hook must return None")
        destination = out
    return destination


def load_from_state_dict(
    self,
    state_dict,
    prefix,
    local_metadata,
    strict,
    missing_keys,
    unexpected_keys,
    error_msgs,
):
    """Load this module's own tensors; what does not fit goes into the three lists."""
    for hook in self._load_state_dict_pre_hooks.values():
        hook(
            state_dict,
            prefix,
            local_metadata,
            strict,
            missing_keys,
            unexpected_keys,
            error_msgs,
        )

    own = {k: v for k, v in self._parameters.items() if v is not None}
    for name, buffer in self._buffers.items():
        if buffer is not None and name not in self._non_persistent_buffers_set:
            own[name] = buffer

    assign = local_metadata.get("assign_to_params_buffers", False)
    for name, target in own.items():
        key = prefix + name
        if key in state_dict:
            _load_one(self, name, key, target, state_dict[key], assign, error_msgs)
        elif strict:
            missing_keys.append(key)

    extra_key = prefix + _EXTRA_STATE_KEY_SUFFIX
    if _overrides(self, "set_extra_state"):
        if extra_key in state_dict:
            self.set_extra_state(state_dict[extra_key])
        elif strict:
            missing_keys.append(extra_key)
    elif strict and extra_key in state_dict:
        unexpected_keys.append(extra_key)

    if strict:
        for key in state_dict:
            if not key.startswith(prefix) or key == extra_key:
                continue
            first, dot, _ = key[len(prefix) :].partition(".")
            if first not in (self._modules if dot else own):
                unexpected_keys.append(key)


def _load_one(module, name, key, target, source, assign, error_msgs):
    if not (isinstance(source, torch.Tensor) or hasattr(source, "__torch_function__")):
        error_msgs.append(
            f'While copying the parameter named "{key}", expected torch.Tensor or Tensor-like '
            f"object from checkpoint but received {type(source)}"
        )
        return
    if len(target.shape) == 0 and source.shape == (1,):
        source = source[0]  # files from before there were 0-dim tensors
    if source.shape != target.shape:
        error_msgs.append(
            f"size mismatch for {key}: copying a param with shape {source.shape} from checkpoint, "
            f"the shape in current model is {target.shape}."
        )
        return
    if target.is_meta and not source.is_meta and not assign:
        warnings.warn(
            f"for {key}: copying from a non-meta parameter in the checkpoint to a meta parameter "
            "in the current model, which is a no-op. (Did you mean to pass `assign=True` to assign "
            "items in the state dictionary to their corresponding key in the module instead of "
            "copying them in place?)",
            stacklevel=4,
        )
    try:
        with torch.no_grad():
            if not assign:
                target.copy_(source)
                return
            if isinstance(target, Parameter):
                if not isinstance(source, Parameter):
                    source = Parameter(source, requires_grad=target.requires_grad)
                else:
                    source.requires_grad_(target.requires_grad)
            setattr(module, name, source)
    except Exception as e:
        error_msgs.append(
            f'While copying the parameter named "{key}", whose dimensions in the model are '
            f"{target.size()} and whose dimensions in the checkpoint are {source.size()}, an "
            f"exception occurred : {e.args}."
        )


def load_state_dict(self, state_dict, strict=True, assign=False):
    """Copy tensors from `state_dict` into this module and all beneath it."""
    from collections.abc import Mapping

    if not isinstance(state_dict, Mapping):
        raise TypeError(f"Expected state_dict to be dict-like, got {type(state_dict)}.")

    missing_keys, unexpected_keys, error_msgs = [], [], []
    metadata = getattr(state_dict, "_metadata", None)
    state_dict = OrderedDict(state_dict)
    if metadata is not None:
        state_dict._metadata = metadata

    def load(module, part, prefix=""):
        local_metadata = {} if metadata is None else metadata.get(prefix[:-1], {})
        if assign:
            local_metadata["assign_to_params_buffers"] = assign
        module._load_from_state_dict(
            part, prefix, local_metadata, True, missing_keys, unexpected_keys, error_msgs
        )
        for name, child in module._modules.items():
            if child is not None:
                inner = prefix + name + "."
                load(child, {k: v for k, v in part.items() if k.startswith(inner)}, inner)
        incompatible = _IncompatibleKeys(missing_keys, unexpected_keys)
        for hook in module._load_state_dict_post_hooks.values():
            if hook(module, incompatible) is not None:
                raise AssertionError(
                    "Hooks registered with ``register_load_state_dict_post_hook`` are not expected "
                    "to return new values, if incompatible_keys need to be modified, it should be "
                    "done inplace."
                )

    load(self, state_dict)
    if strict:
        for kind, keys in (("Unexpected", unexpected_keys), ("Missing", missing_keys)):
            if keys:
                quoted = ", ".join(f'"{k}"' for k in keys)
                error_msgs.insert(0, f"{kind} key(s) in state_dict: {quoted}. ")
    if error_msgs:
        raise RuntimeError(
            "Error(s) in loading state_dict for {}:\n\t{}".format(
                type(self).__name__, "\n\t".join(error_msgs)
            )
        )
    return _IncompatibleKeys(missing_keys, unexpected_keys)


def _same_kind(a, b):
    """Whether `b` can become `a`'s data in place."""
    return a.layout == b.layout and a.is_meta == b.is_meta


def converted(param, fn):
    """`param` with its data and gradient put through `fn`: the same object wherever possible."""
    with torch.no_grad():
        data = fn(param)
    grad = param.grad
    if _same_kind(param, data):
        param.data = data
        out = param
    else:
        out = Parameter(data, param.requires_grad)
    if grad is not None:
        with torch.no_grad():
            new_grad = fn(grad)
        if out is param and _same_kind(grad, new_grad):
            out.grad.data = new_grad
        else:
            out.grad = new_grad.requires_grad_(grad.requires_grad)
    return out


def _no_such_to(args, kwargs):
    got = [_C._type_name(a) for a in args]
    got += [f"{name}={_C._type_name(a)}" for name, a in kwargs.items()]
    comma = ", " if kwargs and not args else ""
    return TypeError(
        f"to() received an invalid combination of arguments - got ({', '.join(got)}{comma}), but "
        "expected one of:\n"
        " * (torch.device device = None, torch.dtype dtype = None, bool non_blocking = False, "
        "bool copy = False, *, torch.memory_format memory_format = None)\n"
        " * (torch.dtype dtype, bool non_blocking = False, bool copy = False, *, "
        "torch.memory_format memory_format = None)\n"
        " * (Tensor tensor, bool non_blocking = False, bool copy = False, *, "
        "torch.memory_format memory_format = None)\n"
    )


def parse_to(*args, **kwargs):
    """The arguments of `to` in all three forms, as (device, dtype, non_blocking, memory_format)."""
    given = dict(kwargs)
    device, dtype = given.pop("device", None), given.pop("dtype", None)
    non_blocking, _ = given.pop("non_blocking", False), given.pop("copy", False)
    memory_format = given.pop("memory_format", None)
    if given:
        raise _no_such_to(args, kwargs)
    rest = args
    if args and isinstance(args[0], torch.Tensor):
        device, dtype, rest = args[0].device, args[0].dtype, args[1:]
    elif args and isinstance(args[0], torch.dtype):
        dtype, rest = args[0], args[1:]
    elif args:
        if args[0] is not None:
            device = args[0]
        rest = args[1:]
        if rest and (rest[0] is None or isinstance(rest[0], torch.dtype)):
            dtype, rest = rest[0], rest[1:]
    if len(rest) > 2 or (rest and not isinstance(rest[0], bool)):
        raise _no_such_to(args, kwargs)
    if rest:
        non_blocking = rest[0]
    if device is not None and not isinstance(device, torch.device):
        device = torch.device(device)
    return device, dtype, non_blocking, memory_format
