"""Checkpoints: parts of a model that forget what they saved, and compute it again in backward.

Without re-entrance, the hooks of saved tensors leave empty tokens in the graph. The first token
that backward asks for runs the function again, with hooks that collect what the tokens stood for,
and stops it as soon as there is nothing left to collect. What the function needs for that, its
inputs, is saved by a node outside of those hooks, so that a checkpoint within a checkpoint holds
nothing. With re-entrance, the whole is one node, whose backward runs the function and a backward of
its own.
"""

import contextlib
import itertools
import weakref

import facula as torch
from facula import _C
from facula._C import Tensor
from facula.autograd import Function
from facula.autograd.graph import saved_tensors_hooks

from ._selective import (
    CheckpointPolicy,
    SelectiveCheckpointContext,
    create_selective_checkpoint_contexts,
)

__all__ = [
    "CheckpointError",
    "CheckpointFunction",
    "CheckpointPolicy",
    "DefaultDeviceType",
    "SelectiveCheckpointContext",
    "check_backward_validity",
    "checkpoint",
    "checkpoint_sequential",
    "create_selective_checkpoint_contexts",
    "detach_variable",
    "noop_context_fn",
    "set_checkpoint_debug_enabled",
    "set_checkpoint_early_stop",
]

_TIP = """

Tip: To see a more detailed error message, either pass `debug=True` to
`torch.utils.checkpoint.checkpoint(...)` or wrap the code block
with `with torch.utils.checkpoint.set_checkpoint_debug_enabled(True):` to
enable checkpoint‑debug mode globally.
"""

_early_stop = True  # unless set_checkpoint_early_stop says otherwise
_debug = None


class CheckpointError(RuntimeError):
    """The function did not do the same again."""


class DefaultDeviceType:
    """The device whose random state checkpoints keep where no input tells."""

    _device_type = "cpu"

    @staticmethod
    def set_device_type(device="cpu"):
        DefaultDeviceType._device_type = device

    @staticmethod
    def get_device_type():
        return DefaultDeviceType._device_type


def detach_variable(inputs):
    """inputs, the tensors among them as leaves that require gradients where they did."""
    if not isinstance(inputs, tuple):
        raise RuntimeError(
            "Only tuple of tensors is supported. Got Unsupported input type: "
            f"{type(inputs).__name__}"
        )
    return tuple(
        x.detach().requires_grad_(x.requires_grad) if isinstance(x, Tensor) else x for x in inputs
    )


def check_backward_validity(inputs):
    """Warns if no tensor of inputs requires gradients."""
    if not any(isinstance(x, Tensor) and x.requires_grad for x in inputs):
        import warnings

        warnings.warn(
            "None of the inputs have requires_grad=True. Gradients will be None", stacklevel=1
        )


def noop_context_fn():
    """The context_fn that does nothing."""
    return contextlib.nullcontext(), contextlib.nullcontext()


@contextlib.contextmanager
def set_checkpoint_early_stop(enable):
    """Whether checkpoints made inside stop computing again once all that is needed is there."""
    global _early_stop
    old, _early_stop = _early_stop, enable
    try:
        yield
    finally:
        _early_stop = old


@contextlib.contextmanager
def set_checkpoint_debug_enabled(enabled):
    """Turns `debug` of all checkpoints made inside on or off, whatever they say; None: they say."""
    global _debug
    old, _debug = _debug, enabled
    try:
        yield
    finally:
        _debug = old


class _Surroundings:
    """The modes and random state that a function first ran under."""

    def __init__(self, preserve_rng_state):
        self.rng = torch.get_rng_state() if preserve_rng_state else None
        self.autocast = (
            torch.is_autocast_enabled("cpu"),
            torch.get_autocast_dtype("cpu"),
            torch.is_autocast_cache_enabled(),
        )

    @contextlib.contextmanager
    def again(self):
        enabled, dtype, cache = self.autocast
        with torch.random.fork_rng(enabled=self.rng is not None):
            if self.rng is not None:
                torch.set_rng_state(self.rng)
            with torch.autocast("cpu", dtype=dtype, enabled=enabled, cache_enabled=cache):
                yield


# --- With re-entrance -----------------------------------------------------------------------------


class CheckpointFunction(Function):
    """The function as one node."""

    @staticmethod
    def forward(ctx, run_function, preserve_rng_state, *args):
        check_backward_validity(args)
        ctx.run_function = run_function
        ctx.surroundings = _Surroundings(preserve_rng_state)
        # Tensors are saved as such, so that writes to them are noticed.
        ctx.inputs = [None if isinstance(a, Tensor) else a for a in args]
        ctx.tensor_indices = [i for i, a in enumerate(args) if isinstance(a, Tensor)]
        ctx.save_for_backward(*(args[i] for i in ctx.tensor_indices))
        with torch.no_grad():
            return run_function(*args)

    @staticmethod
    def backward(ctx, *grads):
        if not _C._graph_task()[1]:
            raise RuntimeError(
                "When use_reentrant=True, torch.utils.checkpoint is incompatible with .grad() or "
                "passing an `inputs` parameter to .backward(). To resolve this error, you can "
                "either set use_reentrant=False, or call .backward() without passing the `inputs` "
                "argument."
            )
        inputs = list(ctx.inputs)
        for i, t in zip(ctx.tensor_indices, ctx.saved_tensors):
            inputs[i] = t
        with ctx.surroundings.again(), torch.enable_grad():
            inputs = detach_variable(tuple(inputs))
            outputs = ctx.run_function(*inputs)
        if isinstance(outputs, Tensor):
            outputs = (outputs,)
        pairs = [
            (y, g)
            for y, g in zip(outputs, grads)
            if isinstance(y, Tensor) and y.requires_grad
        ]  # fmt: skip
        if not pairs:
            raise RuntimeError(
                "none of output has requires_grad=True, this checkpoint() is not necessary"
            )
        torch.autograd.backward(*zip(*pairs))
        return None, None, *(x.grad if isinstance(x, Tensor) else None for x in inputs)


# --- Without --------------------------------------------------------------------------------------


class _Token:
    """Stands for a saved tensor; what it is worth in a backward is tensors[number of it]."""

    __slots__ = ("tensors", "__weakref__")

    def __init__(self):
        self.tensors = {}


class _Done(Exception):
    """All that was saved is there again."""


class _Inputs(Function):
    """A node that only saves tensors."""

    @staticmethod
    def forward(ctx, dummy, *tensors):
        ctx.save_for_backward(*tensors)
        return dummy.view_as(dummy)

    @staticmethod
    def backward(ctx, grad):
        raise AssertionError("this node is not part of any graph")


_apart = itertools.count(-2, -1)  # numbers for unpacking outside of backward


class _Checkpoint:
    """One call of a checkpointed function."""

    def __init__(self, fn, args, kwargs, early_stop, describe):
        self.fn, self.early_stop, self.describe = fn, early_stop, describe
        self.tokens = []  # weak: whoever saved has gone if a token has
        self.kinds = []  # of each token, what describe said
        self.done = {}  # number of a backward -> how many were saved again
        self.surroundings = self.context = None
        flat = [*args, *kwargs.values()]
        self.names = tuple(kwargs)
        self.rest = [None if isinstance(a, Tensor) else a for a in flat]
        self.places = [i for i, a in enumerate(flat) if isinstance(a, Tensor)]
        dummy = torch.empty(0, requires_grad=True)
        self.inputs = _Inputs.apply(dummy, *(flat[i] for i in self.places))

    def arguments(self):
        flat = list(self.rest)
        for i, t in zip(self.places, self.inputs.grad_fn.saved_tensors):
            flat[i] = t
        n = len(flat) - len(self.names)
        return flat[:n], dict(zip(self.names, flat[n:]))

    def pack(self, x):
        token = _Token()
        self.tokens.append(weakref.ref(token))
        if self.describe is not None:
            with torch.no_grad():
                self.kinds.append(self.describe(x))
        return token

    def unpack(self, token):
        task = _C._graph_task()[0]
        if task < 0:
            task = next(_apart)
        if task not in self.done:
            self.done[task] = 0
            self.compute_again(task)
            self.compare(task)
        if task not in token.tensors:
            raise CheckpointError(
                "torch.utils.checkpoint: Unpack is being triggered for a tensor that was already "
                "unpacked once. If you are calling ctx.saved_tensors in backward, make sure to do "
                "so only once. Otherwise please open an issue with details on your use case."
            )
        found = token.tensors.pop(task)
        if task < 0:
            del self.done[task]
            for ref in self.tokens:
                if ref() is not None:
                    ref().tensors.pop(task, None)
        return found

    def collect(self, task, x):
        k = self.done[task]
        self.done[task] = k + 1
        if k >= len(self.tokens):
            raise CheckpointError(
                "torch.utils.checkpoint: trying to save more tensors during recomputation than "
                "during the original forward pass." + _TIP
            )
        x = x.detach()
        token = self.tokens[k]()
        if token is not None:
            token.tensors[task] = x
        if self.early_stop and k + 1 == len(self.tokens):
            raise _Done
        return x

    def compute_again(self, task):
        args, kwargs = self.arguments()
        hooks = saved_tensors_hooks(lambda x: self.collect(task, x), lambda x: x)
        try:
            with self.surroundings.again(), torch.enable_grad(), hooks, self.context:
                self.fn(*args, **kwargs)
        except _Done:
            pass

    def compare(self, task):
        saved, again = len(self.tokens), self.done[task]
        if saved != again:
            raise CheckpointError(
                "torch.utils.checkpoint: A different number of tensors was saved during the "
                "original forward and recomputation.\n"
                f"Number of tensors saved during forward: {saved}\n"
                f"Number of tensors saved during recomputation: {again}.{_TIP}"
            )
        if self.describe is None:
            return
        lines = []
        for k, (ref, kind) in enumerate(zip(self.tokens, self.kinds)):
            token = ref()
            if token is None or task not in token.tensors:
                continue
            with torch.no_grad():
                now = self.describe(token.tensors[task])
            if now != kind:
                lines.append(
                    f"tensor at position {k}:\nsaved metadata: {kind}\nrecomputed metadata: {now}\n"
                )
        if lines:
            raise CheckpointError(
                "torch.utils.checkpoint: Recomputed values for the following tensors have "
                f"different metadata than during the forward pass.\n{''.join(lines)}.{_TIP}"
            )


def _metadata(x):
    return {"shape": x.shape, "dtype": x.dtype, "device": x.device}


_DETERMINISM = {"default": _metadata, "none": None}


def _without_reentrance(fn, preserve, context_fn, determinism, debug, early_stop, args, kwargs):
    if determinism not in _DETERMINISM:
        raise ValueError(
            f"determinism_check should be one of {list(_DETERMINISM)}, but got {determinism}"
        )
    log = None
    if debug if _debug is None else _debug:
        from ._checkpoint_log import Log

        if context_fn is not noop_context_fn:
            raise ValueError("debug=True is incompatible with non-default context_fn")
        log = Log()
        context_fn = log.contexts
    forward_context, again_context = context_fn()
    if not torch.is_grad_enabled():
        return fn(*args, **kwargs)
    call = _Checkpoint(fn, args, kwargs, early_stop and _early_stop, _DETERMINISM[determinism])
    call.surroundings, call.context = _Surroundings(preserve), again_context
    unpack = call.unpack if log is None else log.explained(call.unpack, CheckpointError)
    with saved_tensors_hooks(call.pack, unpack), forward_context:
        return fn(*args, **kwargs)


def checkpoint(
    function, *args, use_reentrant=None, context_fn=noop_context_fn, determinism_check="default",
    debug=False, early_stop=True, **kwargs,
):  # fmt: skip
    """function(*args, **kwargs), computed again in backward instead of keeping what it saved.

    use_reentrant=False is recommended. preserve_rng_state=False draws random numbers anew.
    context_fn gives two contexts, for the forward and for computing again. determinism_check, if
    not "none", compares shapes, dtypes and devices of what is saved both times. debug tells the
    operations of both runs where they differ. early_stop stops once nothing more is needed.
    """
    if use_reentrant is None:
        import warnings

        warnings.warn(
            "torch.utils.checkpoint: the use_reentrant parameter should be passed explicitly. "
            "Starting in PyTorch 2.9, calling checkpoint without use_reentrant will raise an "
            "exception. use_reentrant=False is recommended, but if you need to preserve the "
            "current default behavior, you can pass use_reentrant=True. Refer to docs for more "
            "details on the differences between the two variants.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if not use_reentrant:
        return _without_reentrance(
            function, preserve, context_fn, determinism_check, debug, early_stop, args, kwargs
        )
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if context_fn is not noop_context_fn or debug is not False:
        raise ValueError(
            "Passing `context_fn` or `debug` is only supported when use_reentrant=False."
        )
    return CheckpointFunction.apply(function, preserve, *args)


def checkpoint_sequential(functions, segments, input, use_reentrant=None, **kwargs):
    """A chain of functions, or a Sequential, all but the last of its segments checkpointed."""
    if use_reentrant is None:
        import warnings

        warnings.warn(
            "torch.utils.checkpoint.checkpoint_sequential: the use_reentrant parameter should be "
            "passed explicitly. In version 2.9 we will raise an exception if use_reentrant is not "
            "passed. use_reentrant=False is recommended, but if you need to preserve the current "
            "default behavior, you can pass use_reentrant=True. Refer to docs for more details on "
            "the differences between the two variants.",
            stacklevel=2,
        )
        use_reentrant = True
    preserve = kwargs.pop("preserve_rng_state", True)
    if kwargs:
        raise ValueError("Unexpected keyword arguments: " + ",".join(kwargs))
    if isinstance(functions, torch.nn.Sequential):
        functions = list(functions.children())

    def chain(part):
        def run(x):
            for f in part:
                x = f(x)
            return x

        return run

    size = len(functions) // segments
    for start in range(0, size * (segments - 1), size):
        input = checkpoint(
            chain(functions[start : start + size]),
            input,
            use_reentrant=use_reentrant,
            preserve_rng_state=preserve,
        )
    return chain(functions[size * (segments - 1) :])(input)
