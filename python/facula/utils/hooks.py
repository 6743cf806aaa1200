"""Hook handles, and the two identity functions that carry a module's backward hooks.

A module's full backward hooks see the gradients at its border. The border is made of two identity
nodes: one through which its inputs enter, one through which its outputs leave. The outer node fires
first in backward and brings grad_output; the inner one brings grad_input and calls the hooks.
"""

import warnings
import weakref
from collections import OrderedDict

import facula as torch

_NO_INPUT_GRAD = (
    "Full backward hook is firing when gradients are computed with respect to module outputs since "
    "no inputs require gradients. See https://docs.pytorch.org/docs/main/generated/torch.nn.Module"
    ".html#torch.nn.Module.register_full_backward_hook for more details."
)


class RemovableHandle:
    """What registering a hook returns: `remove()` takes the hook out; also a context manager."""

    next_id = 0

    def __init__(self, hooks_dict, *, extra_dict=None):
        self.hooks_dict_ref = weakref.ref(hooks_dict)
        self.id = RemovableHandle.next_id
        RemovableHandle.next_id += 1
        if extra_dict is None:
            extra = ()
        elif isinstance(extra_dict, list):
            extra = extra_dict
        else:
            extra = (extra_dict,)
        self.extra_dict_ref = tuple(weakref.ref(d) for d in extra)

    def remove(self):
        for ref in (self.hooks_dict_ref, *self.extra_dict_ref):
            hooks = ref()
            if hooks is not None:
                hooks.pop(self.id, None)

    def __getstate__(self):
        return self.hooks_dict_ref(), self.id, tuple(ref() for ref in self.extra_dict_ref)

    def __setstate__(self, state):
        # A dictionary that did not survive pickling is replaced, so that remove() stays harmless.
        def ref(hooks):
            return weakref.ref(OrderedDict() if hooks is None else hooks)

        self.hooks_dict_ref = ref(state[0])
        self.id = state[1]
        self.extra_dict_ref = tuple(ref(d) for d in state[2]) if len(state) > 2 else ()
        RemovableHandle.next_id = max(RemovableHandle.next_id, self.id + 1)

    def __enter__(self):
        return self

    def __exit__(self, kind, value, traceback):
        self.remove()


def unserializable_hook(f):
    """Mark a hook as one that a pickled tensor leaves behind."""
    f.__torch_unserializable__ = True
    return f


def warn_if_has_hooks(tensor):
    hooks = tensor._backward_hooks
    for hook in (hooks or {}).values():
        if not hasattr(hook, "__torch_unserializable__"):
            warnings.warn(
                f"backward hook {hook!r} on tensor will not be serialized.  If this is expected, "
                "you can decorate the function with @torch.utils.hooks.unserializable_hook to "
                "suppress this warning"
            )


_border = None


def _border_function():
    # Made on first use: facula.autograd need not be imported for modules without backward hooks.
    global _border
    if _border is None:

        class BackwardHookFunction(torch.autograd.Function):
            @staticmethod
            def forward(ctx, *args):
                ctx.mark_non_differentiable(*[a for a in args if not a.requires_grad])
                return args

            @staticmethod
            def backward(ctx, *grads):
                return grads

        _border = BackwardHookFunction
    return _border


def _spread(positions, values, size):
    """Put `values` at `positions` of a tuple of `size` Nones."""
    out = [None] * size
    for position, value in zip(positions, values):
        out[position] = value
    return tuple(out)


def _checked_replacement(hook_kind, what, new, old):
    if len(new) != len(old):
        raise RuntimeError(
            f"{hook_kind} hook returned an invalid number of {what}, got {len(new)}, "
            f"but expected {len(old)}"
        )
    return new


class BackwardHook:
    """The backward hooks of one call of one module."""

    def __init__(self, module, user_hooks, user_pre_hooks):
        self.module = module
        self.user_hooks = user_hooks
        self.user_pre_hooks = user_pre_hooks
        self.grad_outputs = None
        self.n_inputs = -1
        self.n_outputs = -1
        self.input_positions = None
        self.output_positions = None

    def setup_input_hook(self, args):
        args, positions = self._through_border(args, self._on_grad_input)
        self.n_inputs = len(args)
        self.input_positions = positions
        return args

    def setup_output_hook(self, args):
        bare = not isinstance(args, tuple)
        if bare:
            args = (args,)
        args, positions = self._through_border(args, self._on_grad_output)
        self.n_outputs = len(args)
        self.output_positions = positions
        return args[0] if bare else args

    def _through_border(self, args, hook):
        positions = [i for i, a in enumerate(args) if isinstance(a, torch.Tensor)]
        tensors = [args[i] for i in positions]
        if not (torch.is_grad_enabled() and any(t.requires_grad for t in tensors)):
            return args, None
        new = _border_function().apply(*tensors)
        node = next(t.grad_fn for t in new if t.requires_grad)
        node.register_hook(hook)
        out = list(args)
        for position, tensor in zip(positions, new):
            out[position] = tensor
        # A named tuple takes its fields one by one.
        return (tuple(out) if type(args) is tuple else type(args)(*out)), positions

    def _on_grad_input(self, grad_input, _):
        if self.grad_outputs is None:
            # A gradient that reached the inputs without passing the outputs (double backward).
            return None
        grads = _spread(self.input_positions, grad_input, self.n_inputs)
        for hook in self.user_hooks:
            out = hook(self.module, grads, self.grad_outputs)
            if out is None:
                continue
            if not isinstance(out, tuple):
                out = (out,)
            grads = _checked_replacement("Backward", "grad_input", out, grads)
        self.grad_outputs = None
        return tuple(grads[i] for i in self.input_positions)

    def _on_grad_output(self, _, grad_output):
        grads = _spread(self.output_positions, grad_output, self.n_outputs)
        for hook in self.user_pre_hooks:
            out = hook(self.module, grads)
            if out is None:
                continue
            if not isinstance(out, tuple):
                out = (out,)
            grads = _checked_replacement("Backward pre", "grad_output", out, grads)
        self.grad_outputs = grads
        if self.input_positions is None:
            self._call_without_input_grads(grads)
        return tuple(grads[i] for i in self.output_positions)

    def _call_without_input_grads(self, grads):
        if self.user_hooks:
            warnings.warn(_NO_INPUT_GRAD, stacklevel=5)
        nothing = (None,) * self.n_inputs
        for hook in self.user_hooks:
            out = hook(self.module, nothing, grads)
            if out is not None and not (isinstance(out, tuple) and all(g is None for g in out)):
                raise RuntimeError(
                    "Backward hook for Modules where no input requires gradient should always "
                    "return None or None for all gradients."
                )
        self.grad_outputs = None
