"""Hooks of modules: the global ones, how they are registered, and a call that runs them all.

The functions that take `self` become methods of Module. Order of a call: forward pre-hooks (global
ones first), the border of the full backward hooks (see facula.utils.hooks), forward, forward hooks.
"""

import functools
import warnings
import weakref
from collections import OrderedDict

import facula as torch
from facula.utils.hooks import BackwardHook, RemovableHandle

_global_buffer_registration_hooks = OrderedDict()
_global_module_registration_hooks = OrderedDict()
_global_parameter_registration_hooks = OrderedDict()
_global_backward_pre_hooks = OrderedDict()
_global_backward_hooks = OrderedDict()
_global_is_full_backward_hook = None
_global_forward_pre_hooks = OrderedDict()
_global_forward_hooks = OrderedDict()
_global_forward_hooks_always_called = OrderedDict()
_global_forward_hooks_with_kwargs = OrderedDict()


def _register(hook, hooks, *flag_dicts, prepend=False):
    """File `hook`, and its id in each of `flag_dicts`; the handle takes all of it back."""
    handle = RemovableHandle(hooks, extra_dict=list(flag_dicts))
    hooks[handle.id] = hook
    for flags in flag_dicts:
        flags[handle.id] = True
    if prepend:
        hooks.move_to_end(handle.id, last=False)
    return handle


def register_module_buffer_registration_hook(hook):
    """Call `hook(module, name, buffer)` before every registration of a buffer, everywhere."""
    return _register(hook, _global_buffer_registration_hooks)


def register_module_module_registration_hook(hook):
    """Call `hook(module, name, submodule)` before every registration of a submodule."""
    return _register(hook, _global_module_registration_hooks)


def register_module_parameter_registration_hook(hook):
    """Call `hook(module, name, param)` before every registration of a parameter."""
    return _register(hook, _global_parameter_registration_hooks)


def register_module_forward_pre_hook(hook):
    """Call `hook(module, args)` before the forward of every module."""
    return _register(hook, _global_forward_pre_hooks)


def register_module_forward_hook(hook, *, with_kwargs=False, always_call=False):
    """Call `hook(module, args, output)` after the forward of every module."""
    flags = []
    if with_kwargs:
        flags.append(_global_forward_hooks_with_kwargs)
    if always_call:
        flags.append(_global_forward_hooks_always_called)
    return _register(hook, _global_forward_hooks, *flags)


def register_module_backward_hook(hook):
    """The old kind of global backward hook, whose gradients are those of one node only."""
    global _global_is_full_backward_hook
    if _global_is_full_backward_hook is True:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module "
            "hook. Please use only one of them."
        )
    _global_is_full_backward_hook = False
    return _register(hook, _global_backward_hooks)


def register_module_full_backward_pre_hook(hook):
    """Call `hook(module, grad_output)` before the backward of every module."""
    return _register(hook, _global_backward_pre_hooks)


def register_module_full_backward_hook(hook):
    """Call `hook(module, grad_input, grad_output)` in the backward of every module."""
    global _global_is_full_backward_hook
    if _global_is_full_backward_hook is False:
        raise RuntimeError(
            "Cannot use both regular backward hooks and full backward hooks as a global Module "
            "hook. Please use only one of them."
        )
    _global_is_full_backward_hook = True
    return _register(hook, _global_backward_hooks)


def _has_any_global_hook():
    return (
        _global_backward_pre_hooks
        or _global_backward_hooks
        or _global_forward_pre_hooks
        or _global_forward_hooks
        or _global_forward_hooks_always_called
        or _global_forward_hooks_with_kwargs
    )


def call_impl(self, *args, **kwargs):
    called = set()  # the always_call hooks that have run
    try:
        return self._call_with_hooks(args, kwargs, called)
    except Exception:
        self._run_always_called(args, kwargs, called)
        raise


def call_with_hooks(self, args, kwargs, called):
    pre_backward = self._get_backward_pre_hooks()
    full, non_full = self._get_backward_hooks()
    args, kwargs = self._run_forward_pre_hooks(args, kwargs)
    border = None
    if full or pre_backward:
        border = BackwardHook(self, full, pre_backward)
        args = border.setup_input_hook(args)

    result = self.forward(*args, **kwargs)

    for key, hook in (*_global_forward_hooks.items(), *self._forward_hooks.items()):
        if key in self._forward_hooks_always_called or key in _global_forward_hooks_always_called:
            called.add(key)
        if key in self._forward_hooks_with_kwargs or key in _global_forward_hooks_with_kwargs:
            out = hook(self, args, kwargs, result)
        else:
            out = hook(self, args, result)
        if out is not None:
            result = out
    if border is not None:
        if not isinstance(result, (torch.Tensor, tuple)):
            warnings.warn(
                "For backward hooks to be called, module output should be a Tensor or a tuple "
                f"of Tensors but received {type(result)}"
            )
        result = border.setup_output_hook(result)
    if non_full:
        register_on_node(self, non_full, args, result)
    return result


def run_forward_pre_hooks(self, args, kwargs):
    for key, hook in (*_global_forward_pre_hooks.items(), *self._forward_pre_hooks.items()):
        if key in self._forward_pre_hooks_with_kwargs:
            out = hook(self, args, kwargs)
            if out is None:
                continue
            if not (isinstance(out, tuple) and len(out) == 2):
                raise RuntimeError(
                    "forward pre-hook must return None or a tuple of (new_args, new_kwargs), "
                    f"but got {out}."
                )
            args, kwargs = out
        else:
            out = hook(self, args)
            if out is not None:
                args = out if isinstance(out, tuple) else (out,)
    return args, kwargs


def run_always_called(self, args, kwargs, called):
    """After an exception: the always_call hooks that had no turn yet, with result None."""
    for kind, hooks, always, with_kwargs in (
        (
            "global module",
            _global_forward_hooks,
            _global_forward_hooks_always_called,
            _global_forward_hooks_with_kwargs,
        ),
        (
            "module",
            self._forward_hooks,
            self._forward_hooks_always_called,
            self._forward_hooks_with_kwargs,
        ),
    ):
        for key, hook in hooks.items():
            if key not in always or key in called:
                continue
            try:
                if key in with_kwargs:
                    hook(self, args, kwargs, None)
                else:
                    hook(self, args, None)
            except Exception as e:
                warnings.warn(
                    f"{kind} forward hook with ``always_call=True`` raised an exception that "
                    f"was silenced as another error was raised in forward: {e}"
                )


def get_backward_hooks(self):
    """The backward hooks in effect: the full ones, and those of the old kind."""
    full, non_full = [], []
    (full if _global_is_full_backward_hook is True else non_full).extend(
        _global_backward_hooks.values()
    )
    (full if self._is_full_backward_hook is True else non_full).extend(
        self._backward_hooks.values()
    )
    return full, non_full


def get_backward_pre_hooks(self):
    return [*_global_backward_pre_hooks.values(), *self._backward_pre_hooks.values()]


def register_on_node(self, hooks, args, result):
    var = result
    while not isinstance(var, torch.Tensor):
        if isinstance(var, dict):
            var = next(v for v in var.values() if isinstance(v, torch.Tensor))
        else:
            var = var[0]
    node = var.grad_fn
    if node is None:
        return
    for hook in hooks:
        node.register_hook(_WrappedHook(hook, self))
    self._maybe_warn_non_full_backward_hook(args, result, node)


def maybe_warn_non_full_backward_hook(self, inputs, result, grad_fn):
    """An old backward hook sees one node: warn where that is not the whole module."""
    problem = _non_full_problem(inputs, result, grad_fn)
    if problem is not None:
        what, missing, full = problem
        advice = " Please use register_full_backward_hook to get the documented behavior."
        warnings.warn(
            f"Using {what} is deprecated and will be removed in future versions. "
            f"This hook will be missing some {missing}.{advice if full else ''}",
            FutureWarning,
            stacklevel=4,
        )


def _tensors(value):
    """A tensor or a tuple of tensors as a tuple; None for anything else."""
    if isinstance(value, torch.Tensor):
        return (value,)
    if isinstance(value, tuple) and all(isinstance(v, torch.Tensor) for v in value):
        return value
    return None


def _non_full_problem(inputs, result, grad_fn):
    result, inputs = _tensors(result), _tensors(inputs)
    kinds = "single Tensor or a tuple of Tensors"
    if result is None:
        what = f"non-full backward hooks on a Module that does not return a {kinds}"
        return what, "of the grad_output", True
    if inputs is None:
        what = f"non-full backward hooks on a Module that does not take as input a {kinds}"
        return what, "of the grad_input", True
    hook = "a non-full backward hook when"
    out_nodes = {r.grad_fn for r in result if r.grad_fn is not None}
    if len(out_nodes) > 1:
        what = f"{hook} outputs are generated by different autograd Nodes"
        return what, "grad_output", True
    if grad_fn not in out_nodes:
        return f"{hook} outputs are nested in python data structure", "grad_output", False
    in_nodes = {i.grad_fn for i in inputs if i.grad_fn is not None}
    if in_nodes != {n[0] for n in grad_fn.next_functions}:
        return f"{hook} the forward contains multiple autograd Nodes", "grad_input", True
    return None


class _WrappedHook:
    """A hook bound to a module by a weak reference."""

    def __init__(self, hook, module=None):
        self.hook = hook
        functools.update_wrapper(self, hook)
        self.with_module = module is not None
        if self.with_module:
            self.module = weakref.ref(module)

    def __call__(self, *args, **kwargs):
        if not self.with_module:
            return self.hook(*args, **kwargs)
        module = self.module()
        if module is None:
            raise RuntimeError("You are trying to call the hook of a dead Module!")
        return self.hook(module, *args, **kwargs)

    def __getstate__(self):
        state = {"hook": self.hook, "with_module": self.with_module}
        if self.with_module:
            state["module"] = self.module()
        return state

    def __setstate__(self, state):
        self.hook = state["hook"]
        self.with_module = state["with_module"]
        if self.with_module:
            if state["module"] is None:
                raise RuntimeError("You are trying to revive the hook of a dead Module!")
            self.module = weakref.ref(state["module"])
