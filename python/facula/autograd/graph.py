"""The graph that backward walks: its nodes, their hooks, and hooks of what they save."""

import contextlib
import threading
import weakref
from collections import OrderedDict, namedtuple

from .. import _C
from .._C import Tensor

Node = _C._Node

GradientEdge = namedtuple("GradientEdge", "node output_nr ownership_token", defaults=(None,))


def get_gradient_edge(tensor):
    """The node, and which of its outputs, that the gradient of tensor goes to."""
    if not tensor.requires_grad:
        raise RuntimeError(
            "It is not possible to get the gradient edge for a Tensor that does not require "
            "gradients"
        )
    return GradientEdge(_C._gradient_node(tensor), tensor.output_nr)


class _Joint(contextlib.AbstractContextManager):
    """The handle of one hook on several tensors."""

    def __init__(self, handles):
        self.handles = tuple(handles)

    def remove(self):
        for handle in self.handles:
            handle.remove()

    def __exit__(self, *exc):
        self.remove()


def register_multi_grad_hook(tensors, fn, *, mode="all"):
    """fn runs once a backward: with the gradients of all tensors, None for what has none, when the
    last of them is known; or, in mode "any", with the first one that is known."""
    if mode not in ("all", "any"):
        raise ValueError(f"Expects mode to be one of ('all', 'any') but got {mode}")
    if not all(t.requires_grad for t in tensors):
        raise AssertionError("Expected gradient function to be set")
    lock, tasks = threading.Lock(), {}
    edges = [get_gradient_edge(t) for t in tensors]

    def expected():
        return sum(_C._will_run(edge.node) for edge in edges)

    def any_hook(grad):
        task = _C._graph_task()[0]
        with lock:
            first = task not in tasks
            tasks.clear()
            tasks[task] = True
        if first:
            fn(grad)

    def all_hook(i):
        def hook(grad):
            task = _C._graph_task()[0]
            with lock:
                if task not in tasks:
                    tasks[task] = [expected(), [None] * len(edges)]
                state = tasks[task]
                state[0] -= 1
                state[1][i] = grad
                if state[0] == 0:
                    del tasks[task]
            if state[0] == 0:
                fn(state[1])

        return hook

    hooks = [all_hook(i) if mode == "all" else any_hook for i in range(len(edges))]
    return _Joint([t.register_hook(hook) for t, hook in zip(tensors, hooks)])


def increment_version(tensor):
    """Tells autograd that one tensor, or each of several, was written behind its back."""
    for t in (tensor,) if isinstance(tensor, Tensor) else tensor:
        _C._increment_version(t)


def _add_hook(node, fn, pre):
    from ..utils.hooks import RemovableHandle

    hooks = _C._node_hooks(node, pre, OrderedDict())
    handle = RemovableHandle(hooks)
    hooks[handle.id] = fn
    return handle


def _register_hook(self, fn):
    """fn(grad_inputs, grad_outputs) runs after the node and may return other grad_inputs."""
    return _add_hook(self, fn, False)


def _register_prehook(self, fn):
    """fn(grad_outputs) runs before the node and may return other grad_outputs."""
    return _add_hook(self, fn, True)


Node.register_hook = _register_hook
Node.register_prehook = _register_prehook


class saved_tensors_hooks:
    """Within, what is saved for backward goes through pack_hook, and back through unpack_hook."""

    def __init__(self, pack_hook, unpack_hook):
        self.pack_hook = pack_hook
        self.unpack_hook = unpack_hook

    def __enter__(self):
        _C._push_saved_hooks(self.pack_hook, self.unpack_hook)

    def __exit__(self, *args):
        _C._pop_saved_hooks()


class save_on_cpu(saved_tensors_hooks):
    """Within, what is saved for backward is kept on the CPU."""

    def __init__(self, pin_memory=False, device_type="cuda"):
        def pack(tensor):  # nothing copies from pinned memory where there is no other device
            return tensor.device, tensor.to("cpu")

        def unpack(packed):
            device, tensor = packed
            return tensor.to(device)

        super().__init__(pack, unpack)


@contextlib.contextmanager
def disable_saved_tensors_hooks(error_message):
    """Within, entering saved_tensors_hooks raises RuntimeError(error_message)."""
    old = _C._disable_saved_hooks(error_message)
    try:
        yield
    finally:
        _C._disable_saved_hooks(old)


class _Saved:
    """A saved tensor's values, in its own memory until somebody writes there."""

    def __init__(self, tensor):
        self.tensor = tensor.detach()


class _AllowMutation:
    """What is saved within allow_mutation_on_saved_tensors, by the memory that it lies in."""

    def __init__(self):
        self.clear()

    def clear(self):
        """Forgets all; graphs recorded so far can no longer be walked."""
        self.by_memory, self.known = {}, weakref.WeakSet()

    def pack(self, tensor):
        saved = _Saved(tensor)
        self.known.add(saved)
        self.by_memory.setdefault(_memory(tensor), weakref.WeakSet()).add(saved)
        return saved

    def unpack(self, saved):
        if saved not in self.known:
            raise AssertionError(
                "Trying to backward outside of the 'allow_mutation_on_saved_tensors' context"
                "in which the graph was originally recorded."
            )
        return saved.tensor

    def before_write(self, tensor):
        for saved in self.by_memory.pop(_memory(tensor), ()):
            saved.tensor = saved.tensor.clone()


def _memory(tensor):
    return tensor.untyped_storage().data_ptr()


@contextlib.contextmanager
def allow_mutation_on_saved_tensors():
    """Within, what is saved for backward may be written to: it is copied before the write.

    Gives an object whose clear() forgets what was saved. Graphs recorded within are walked within.
    """
    from ..utils._python_dispatch import TorchDispatchMode

    context = _AllowMutation()

    class CopyBeforeWrite(TorchDispatchMode):
        def __torch_dispatch__(self, func, types, args=(), kwargs=None):
            kwargs = kwargs or {}
            out = kwargs.get("out", args[0] if func._schema.is_mutable and args else ())
            for t in (out,) if isinstance(out, Tensor) else out or ():
                context.before_write(t)
            return func(*args, **kwargs)

    if any(type(m).__name__ == "CopyBeforeWrite" for m in _C._dispatch_modes()):
        raise RuntimeError("allow_mutation_on_saved_tensors contexts cannot be nested")
    with saved_tensors_hooks(context.pack, context.unpack), CopyBeforeWrite():
        try:
            yield context
        finally:
            context.clear()
