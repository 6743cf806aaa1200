"""A profiler of ops: what ran, how often, and for how long.

It is a mode of the dispatch level. So it sees the primitive ops that composites are made of, and
those of backward, but no nodes of the graph; its own time per op, a few microseconds of Python, is
not counted in the op's.
"""

import contextlib
import sys
import threading
import time
import warnings

from .._C import Tensor
from ..utils._python_dispatch import TorchDispatchMode
from ..utils._pytree import tree_flatten
from .profiler_util import (
    EventList,
    FunctionEvent,
)

__all__ = ["EventList", "FunctionEvent", "emit_itt", "emit_nvtx", "profile", "record_function"]


class _Active(threading.local):
    """The recorders of this thread, the innermost last."""

    def __init__(self):
        self.recorders = []


_active = _Active()
_ours = __file__.rpartition("autograd")[0]


def _callers():
    frame, found = sys._getframe(2), []
    while frame is not None:
        code = frame.f_code
        if not code.co_filename.startswith(_ours):
            found.append(f"{code.co_filename}({frame.f_lineno}): {code.co_name}")
        frame = frame.f_back
    return found


def _shape(x):
    if isinstance(x, Tensor):
        return list(x.shape)
    if isinstance(x, (list, tuple)) and any(isinstance(v, Tensor) for v in x):
        return [_shape(v) for v in x]
    return []


def _last(x):
    return x.shape[-1]


# Operations that ops take, from their arguments and result: of those where the count says much.
_FLOPS = {
    "mm": lambda args, r: 2 * r.numel() * _last(args[0]),
    "bmm": lambda args, r: 2 * r.numel() * _last(args[0]),
    "linear": lambda args, r: 2 * r.numel() * _last(args[0]),
    "addmm": lambda args, r: 2 * r.numel() * _last(args[1]),
    "baddbmm": lambda args, r: 2 * r.numel() * _last(args[1]),
    "convolution": lambda args, r: 2 * r.numel() * args[1][0].numel(),
    "add": lambda args, r: r.numel(),
    "mul": lambda args, r: r.numel(),
}


def _new_bytes(result, args):
    """Bytes of memory that a result holds and no argument does."""
    old = {t.untyped_storage().data_ptr() for t in tree_flatten(args)[0] if isinstance(t, Tensor)}
    new = {}
    for t in tree_flatten(result)[0]:
        if isinstance(t, Tensor):
            storage = t.untyped_storage()
            new[storage.data_ptr()] = storage.nbytes()
    return sum(n for at, n in new.items() if at not in old)


class _Recorder(TorchDispatchMode):
    def __init__(self, options):
        self.options = options
        self.events, self.open = [], []
        self.origin = time.perf_counter_ns()

    def now(self):
        return (time.perf_counter_ns() - self.origin) / 1000

    def begin(self, name, shapes=(), block=False):
        stack = _callers() if self.options.with_stack else ()
        parent = self.open[-1] if self.open else None
        event = FunctionEvent(name, 0.0, parent, shapes, stack, threading.get_native_id(), block)
        self.events.append(event)
        self.open.append(event)
        event.time_range.start = self.now()
        return event

    def end(self, event):
        event.time_range.end = self.now()
        while self.open and self.open.pop() is not event:
            pass

    def __torch_dispatch__(self, func, types, args=(), kwargs=None):
        options = self.options
        shapes = [_shape(a) for a in args] if options.record_shapes else ()
        name = func.overloadpacket.__name__
        event = self.begin(f"aten::{name}", shapes)
        try:
            result = func(*args, **(kwargs or {}))
        finally:
            self.end(event)
        if options.profile_memory:
            event.own_memory = _new_bytes(result, args)
        if options.with_flops and name in _FLOPS:
            event.flops = _FLOPS[name](args, result)
        return result


class record_function(contextlib.ContextDecorator):
    """A block, or a function, that a profile lists by this name."""

    def __init__(self, name, args=None):
        self.name, self.args = name, args
        self._open = []

    def __enter__(self):
        recorder = _active.recorders[-1] if _active.recorders else None
        event = None if recorder is None else recorder.begin(self.name, block=True)
        self._open.append((recorder, event))
        return self

    def __exit__(self, *exc):
        recorder, event = self._open.pop()
        if recorder is not None:
            recorder.end(event)


class profile:
    """Within `with profile() as p:`, records what ops run; then p.key_averages().table() and so on.

    It records ops of the thread that entered it. There are no other devices to look at, so that
    use_cuda and use_device change nothing; profile_memory counts the bytes of new results, not when
    they are freed.
    """

    def __init__(
        self, enabled=True, *, use_cuda=False, use_device=None, record_shapes=False,
        with_flops=False, profile_memory=False, with_stack=False, with_modules=False,
        use_kineto=False, use_cpu=True, experimental_config=None, acc_events=False,
        custom_trace_id_callback=None, post_processing_timeout_s=None, activity_filters=None,
    ):  # fmt: skip
        if use_cuda:
            warnings.warn(
                "The attribute `use_cuda` will be deprecated soon, please use "
                "``use_device = 'cuda'`` instead.",
                FutureWarning,
                stacklevel=2,
            )
        if use_cuda or use_device == "cuda":
            warnings.warn("CUDA is not available, disabling CUDA profiling", stacklevel=2)
        self.enabled, self.use_cuda, self.use_device = enabled, False, None
        self.with_flops, self.profile_memory = with_flops, profile_memory
        self.record_shapes = record_shapes or with_flops
        self.with_stack, self.with_modules, self.use_cpu = with_stack, with_modules, use_cpu
        self.entered, self.function_events = False, None

    def __enter__(self):
        if not self.enabled:
            return None
        if self.entered:
            raise RuntimeError("Profiler context manager is not reentrant")
        self.entered = True
        self._recorder = _Recorder(self)
        self._recorder.__enter__()
        _active.recorders.append(self._recorder)
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        if not self.enabled:
            return False
        _active.recorders.remove(self._recorder)
        self._recorder.__exit__(exc_type, exc_value, traceback)
        while self._recorder.open:
            self._recorder.end(self._recorder.open[-1])
        self.function_events = EventList(
            self._recorder.events, profile_memory=self.profile_memory, with_flops=self.with_flops
        )
        return False

    def _check_finish(self):
        if self.function_events is None:
            raise RuntimeError("Profiler didn't finish running")

    def __repr__(self):
        return "<unfinished torch.autograd.profile>" if self.function_events is None else str(self)

    def __str__(self):
        if self.function_events is None:
            return "<unfinished torch.autograd.profile>"
        return str(self.function_events)

    def table(self, *args, **kwargs):
        """EventList.table of all events."""
        self._check_finish()
        return self.function_events.table(*args, **kwargs)

    def key_averages(self, *args, **kwargs):
        """EventList.key_averages of all events."""
        self._check_finish()
        return self.function_events.key_averages(*args, **kwargs)

    def total_average(self):
        """EventList.total_average of all events."""
        self._check_finish()
        return self.function_events.total_average()

    def export_chrome_trace(self, path):
        """EventList.export_chrome_trace of all events."""
        self._check_finish()
        return self.function_events.export_chrome_trace(path)

    def export_stacks(self, path, metric="self_cpu_time_total"):
        """EventList.export_stacks of all events."""
        self._check_finish()
        return self.function_events.export_stacks(path, metric)

    @property
    def self_cpu_time_total(self):
        """EventList.self_cpu_time_total of all events."""
        self._check_finish()
        return self.function_events.self_cpu_time_total


class _Emitter:
    """What would tell another profiler of ops."""

    text = ""

    def __init__(self, enabled=True, record_shapes=False):
        self.enabled, self.record_shapes = enabled, record_shapes

    def __enter__(self):
        if self.enabled:
            raise AssertionError(self.text)
        return None

    def __exit__(self, *exc):
        return False


class emit_nvtx(_Emitter):
    """Tells NVIDIA's profilers, where there is CUDA."""

    text = "Torch not compiled with CUDA enabled"


class emit_itt(_Emitter):
    """Tells Intel's profiler, where there is one."""

    text = "ITT is not available in facula"


def __getattr__(name):
    if name == "_is_profiler_enabled":
        return bool(_active.recorders)
    raise AttributeError(f"module 'torch.autograd.profiler' has no attribute '{name}'")
