"""Optimizer: parameters in groups, each with its options, and a state for each parameter.

A step gathers the tensors of a group into lists and gives them to one fused op of the extension.
What that op does not take (complex numbers, sparse gradients, a step that is itself differentiated)
goes parameter by parameter through ordinary ops, with the same arithmetic.
"""

import warnings
from collections import OrderedDict, defaultdict
from copy import deepcopy

import facula as torch
from facula.utils.hooks import RemovableHandle

_global_optimizer_pre_hooks = OrderedDict()
_global_optimizer_post_hooks = OrderedDict()


class _RequiredParameter:
    """The default of an option that every group must give."""

    def __repr__(self):
        return "<required parameter>"


required = _RequiredParameter()


def _register(hook, hooks, prepend=False):
    handle = RemovableHandle(hooks)
    hooks[handle.id] = hook
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_optimizer_step_pre_hook(hook):
    """Call `hook(optimizer, args, kwargs)` before the step of every optimizer."""
    return _register(hook, _global_optimizer_pre_hooks)


def register_optimizer_step_post_hook(hook):
    """Call `hook(optimizer, args, kwargs)` after the step of every optimizer."""
    return _register(hook, _global_optimizer_post_hooks)


def _with_hooks(step):
    """`step` with the hooks of the optimizer it belongs to."""

    def hooked(*args, **kwargs):
        self = args[0]
        pre = self._optimizer_step_pre_hooks
        post = self._optimizer_step_post_hooks
        if not (pre or post or _global_optimizer_pre_hooks or _global_optimizer_post_hooks):
            return step(*args, **kwargs)
        for hook in (*_global_optimizer_pre_hooks.values(), *pre.values()):
            result = hook(self, args, kwargs)
            if result is None:
                continue
            if not (isinstance(result, tuple) and len(result) == 2):
                raise RuntimeError(
                    f"{step} must return None or a tuple of (new_args, new_kwargs), but got "
                    f"{result}."
                )
            args, kwargs = result
        out = step(*args, **kwargs)
        self._optimizer_step_code()
        for hook in (*post.values(), *_global_optimizer_post_hooks.values()):
            hook(self, args, kwargs)
        return out

    for name in ("__module__", "__name__", "__qualname__", "__doc__"):
        setattr(hooked, name, getattr(step, name))
    hooked.__wrapped__ = step
    return hooked


class Optimizer:
    """Base of all optimizers: derive from it and write `step`."""

    def __init__(self, params, defaults):
        self.defaults = defaults
        self._make_hooks()
        self._patch_step_function()
        if isinstance(params, torch.Tensor):
            raise TypeError(
                "params argument given to the optimizer should be an iterable of Tensors or dicts, "
                "but got " + torch.typename(params)
            )
        self.state = defaultdict(dict)
        self.param_groups = []
        groups = list(params)
        if len(groups) == 0:
            raise ValueError("optimizer got an empty parameter list")
        if not isinstance(groups[0], dict):
            groups = [{"params": groups}]
        for group in groups:
            self.add_param_group(group)
        self._warned_capturable_if_run_uncaptured = True

    def _make_hooks(self):
        for kind in ("step", "state_dict", "load_state_dict"):
            for when in ("pre", "post"):
                self.__dict__.setdefault(f"_optimizer_{kind}_{when}_hooks", OrderedDict())

    profile_hook_step = staticmethod(_with_hooks)

    def _patch_step_function(self):
        self._zero_grad_profile_name = f"Optimizer.zero_grad#{type(self).__name__}.zero_grad"
        cls = type(self)
        if not getattr(cls.step, "hooked", None):
            cls.step = _with_hooks(cls.step)
            cls.step.hooked = True

    def _optimizer_step_code(self):
        """Called after every step; a place for profilers to hold on to."""

    def __getstate__(self):
        return {
            "defaults": self.defaults,
            "state": self.state,
            "param_groups": self.param_groups,
        }

    def __setstate__(self, state):
        self.__dict__.update(state)
        self._make_hooks()
        self._patch_step_function()
        self.defaults.setdefault("differentiable", False)

    def __repr__(self):
        text = type(self).__name__ + " ("
        for i, group in enumerate(self.param_groups):
            text += f"\nParameter Group {i}\n"
            for key in sorted(group):
                if key != "params":
                    text += f"    {key}: {group[key]}\n"
        return text + ")"

    # ---- hooks ------------------------------------------------------------------------------

    def register_step_pre_hook(self, hook):
        """Call `hook(optimizer, args, kwargs)` before `step`; it may return new ones."""
        return _register(hook, self._optimizer_step_pre_hooks)

    def register_step_post_hook(self, hook):
        """Call `hook(optimizer, args, kwargs)` after `step`."""
        return _register(hook, self._optimizer_step_post_hooks)

    def register_state_dict_pre_hook(self, hook, prepend=False):
        """Call `hook(optimizer)` before `state_dict`."""
        return _register(hook, self._optimizer_state_dict_pre_hooks, prepend)

    def register_state_dict_post_hook(self, hook, prepend=False):
        """Call `hook(optimizer, state_dict)` after `state_dict`; it may return another."""
        return _register(hook, self._optimizer_state_dict_post_hooks, prepend)

    def register_load_state_dict_pre_hook(self, hook, prepend=False):
        """Call `hook(optimizer, state_dict)` before `load_state_dict`; it may return another."""
        return _register(hook, self._optimizer_load_state_dict_pre_hooks, prepend)

    def register_load_state_dict_post_hook(self, hook, prepend=False):
        """Call `hook(optimizer)` after `load_state_dict`."""
        return _register(hook, self._optimizer_load_state_dict_post_hooks, prepend)

    # ---- state ------------------------------------------------------------------------------

    def state_dict(self):
        """State and groups, with parameters as numbers in the order of the groups."""
        for hook in self._optimizer_state_dict_pre_hooks.values():
            hook(self)
        number = {}
        groups = []
        for group in self.param_groups:
            packed = {k: v for k, v in group.items() if k != "params"}
            for p in group["params"]:
                number.setdefault(id(p), len(number))
            packed["params"] = [number[id(p)] for p in group["params"]]
            groups.append(packed)
        state = {
            (number[id(k)] if isinstance(k, torch.Tensor) else k): v for k, v in self.state.items()
        }
        out = {"state": state, "param_groups": groups}
        for hook in self._optimizer_state_dict_post_hooks.values():
            result = hook(self, out)
            if result is not None:
                out = result
        return out

    @staticmethod
    def _process_value_according_to_param_policy(param, value, param_id, param_groups, key=None):
        """A loaded tensor in the dtype and on the device that its parameter asks for."""
        if key == "step":
            for group in param_groups:
                if param_id in group["params"]:
                    if group.get("fused") or group.get("capturable"):
                        return value.to(dtype=torch.float32, device=param.device)
                    break
            return value
        if param.is_floating_point():
            return value.to(dtype=param.dtype, device=param.device)
        return value.to(device=param.device)

    def load_state_dict(self, state_dict):
        """Take over state and options from another optimizer of as many groups and parameters."""
        state_dict = state_dict.copy()
        for hook in self._optimizer_load_state_dict_pre_hooks.values():
            result = hook(self, state_dict)
            if result is not None:
                state_dict = result

        own = self.param_groups
        loaded = deepcopy(state_dict["param_groups"])
        if len(own) != len(loaded):
            raise ValueError("loaded state dict has a different number of parameter groups")
        if any(len(a["params"]) != len(b["params"]) for a, b in zip(own, loaded)):
            raise ValueError(
                "loaded state dict contains a parameter group that doesn't match the size of "
                "optimizer's group"
            )
        params = {
            number: param
            for theirs, ours in zip(loaded, own)
            for number, param in zip(theirs["params"], ours["params"])
        }

        def convert(param, value, number, key=None):
            if isinstance(value, torch.Tensor):
                return Optimizer._process_value_according_to_param_policy(
                    param, value, number, loaded_with_numbers, key
                )
            if isinstance(value, dict):
                return {k: convert(param, v, number, k) for k, v in value.items()}
            if hasattr(value, "__iter__") and not isinstance(value, (str, bytes)):
                return type(value)(convert(param, v, number) for v in value)
            return value

        loaded_with_numbers = state_dict["param_groups"]
        state = defaultdict(dict)
        for key, value in state_dict["state"].items():
            if key in params:
                state[params[key]] = convert(params[key], value, key)
            else:
                state[key] = value

        groups = []
        for ours, theirs in zip(own, loaded):
            theirs["params"] = ours["params"]
            if "param_names" in ours and "param_names" not in theirs:
                theirs["param_names"] = ours["param_names"]
            groups.append(theirs)
        self.__setstate__({"state": state, "param_groups": groups})
        for hook in self._optimizer_load_state_dict_post_hooks.values():
            hook(self)

    # ---- parameters -------------------------------------------------------------------------

    def add_param_group(self, param_group):
        """Add parameters with options of their own."""
        if not isinstance(param_group, dict):
            raise TypeError(f"param_group must be a dict, but got {type(param_group)}")
        params = param_group["params"]
        if isinstance(params, torch.Tensor):
            param_group["params"] = [params]
        elif isinstance(params, set):
            raise TypeError(
                "optimizer parameters need to be organized in ordered collections, but the "
                "ordering of tensors in sets will change between runs. Please use a list instead."
            )
        else:
            param_group["params"] = list(params)
        _separate_names(param_group)

        for param in param_group["params"]:
            if not isinstance(param, torch.Tensor):
                raise TypeError(
                    "optimizer can only optimize Tensors, but one of the params is "
                    + torch.typename(param)
                )
            if not self.defaults.get("differentiable", None) and not (
                param.is_leaf or param.retains_grad
            ):
                raise ValueError("can't optimize a non-leaf Tensor")

        for name, default in self.defaults.items():
            if default is required and name not in param_group:
                raise ValueError(
                    f"parameter group didn't specify a value of required optimization parameter "
                    f"{name}"
                )
            param_group.setdefault(name, default)

        params = param_group["params"]
        if len(params) != len(set(params)):
            warnings.warn(
                "optimizer contains a parameter group with duplicate parameters; "
                "in future, this will cause an error; "
                "see github.com/pytorch/pytorch/issues/40967 for more information",
                stacklevel=3,
            )
        seen = {p for group in self.param_groups for p in group["params"]}
        if not seen.isdisjoint(params):
            raise ValueError("some parameters appear in more than one parameter group")
        if self.param_groups:
            named = "param_names" in param_group
            if named != ("param_names" in self.param_groups[0]):
                raise ValueError(
                    "all optimizer param groups should be with/without names. cannot add param "
                    f"group {'with' if named else 'without'} names to the optimizer"
                )
        self.param_groups.append(param_group)

    def zero_grad(self, set_to_none=True):
        """Drop the gradients of all parameters, or fill them with zeros."""
        for group in self.param_groups:
            for p in group["params"]:
                if set_to_none:
                    p.grad = None
                    continue
                grad = p.grad
                if grad is None:
                    continue
                if grad.grad_fn is not None:
                    grad.detach_()
                else:
                    grad.requires_grad_(False)
                grad.zero_()

    def step(self, closure=None):
        """Change the parameters once, along their gradients."""
        raise NotImplementedError


def _separate_names(group):
    """Split parameters given as (name, tensor) into params and param_names."""
    params, names = [], []
    for entry in group["params"]:
        if isinstance(entry, tuple):
            names.append(entry[0])
            params.append(entry[1])
        else:
            params.append(entry)
    group["params"] = params
    if names:
        if len(names) != len(params):
            raise ValueError(
                "all optimizer params should be with/without names. Some param names are missing"
            )
        group["param_names"] = names


# ---- what the optimizers of this package share --------------------------------------------------


class _GroupOptimizer(Optimizer):
    """An optimizer whose step is one update of each group."""

    def step(self, closure=None):
        """Change the parameters once; `closure` computes the loss again and returns it."""
        loss = None
        before = torch.is_grad_enabled()
        torch._C._set_grad_enabled(self.defaults.get("differentiable", False))
        try:
            if closure is not None:
                with torch.enable_grad():
                    loss = closure()
            for group in self.param_groups:
                self._update(group)
        finally:
            torch._C._set_grad_enabled(before)
        return loss

    def _update(self, group):
        raise NotImplementedError

    def __setstate__(self, state):
        super().__setstate__(state)
        for group in self.param_groups:
            for key, value in self._later_options.items():
                group.setdefault(key, value)
            for p in group["params"]:
                s = self.state.get(p)
                if s and "step" in s and not isinstance(s["step"], torch.Tensor):
                    s["step"] = torch.tensor(float(s["step"]), dtype=_step_dtype())

    # Options that older pickles lack.
    _later_options = {"maximize": False, "foreach": None, "differentiable": False}


def _step_dtype():
    """The dtype of step counters, which float32 holds exactly up to 2 ** 24."""
    return torch.float64 if torch.get_default_dtype() == torch.float64 else torch.float32


def _check_lr(lr):
    if isinstance(lr, torch.Tensor) and lr.numel() != 1:
        raise ValueError("Tensor lr must be 1-element")
    if not 0.0 <= lr:
        raise ValueError(f"Invalid learning rate: {lr}")


def _check_not_negative(name, value):
    if not 0.0 <= value:
        raise ValueError(f"Invalid {name} value: {value}")


def _check_moments(lr, eps, betas, weight_decay):
    """The conditions of the options of Adam and its relatives."""
    _check_lr(lr)
    if not 0.0 <= eps:
        raise ValueError(f"Invalid epsilon value: {eps}")
    for i, beta in enumerate(betas):
        if not 0.0 <= beta < 1.0:
            raise ValueError(f"Invalid beta parameter at index {i}: {beta}")
    _check_not_negative("weight_decay", weight_decay)


def _check_fused(foreach, differentiable):
    """The conditions of `fused=True`."""
    if differentiable:
        raise RuntimeError("`fused` does not support `differentiable`")
    if foreach:
        raise RuntimeError("`fused` and `foreach` cannot be `True` together.")


def _check_fused_param(p):
    if not p.is_floating_point():
        raise RuntimeError(
            "`fused=True` requires all the params to be floating point Tensors of supported "
            "devices: ['mps', 'cuda', 'xpu', 'hpu', 'cpu', 'mtia', 'privateuseone'] but "
            f"{p.dtype} and {p.device.type}"
        )


def _check_capturable(group, devices):
    if group["capturable"]:
        raise AssertionError(
            f"If capturable=True, params and state_steps must be on supported devices: {devices}."
        )


def _number(value):
    """A one-element tensor as the number it holds."""
    return value.item() if isinstance(value, torch.Tensor) else value


def _real(*tensors):
    """Complex tensors as pairs of reals; they share memory."""
    return [torch.view_as_real(t) for t in tensors]
