"""A profiler that follows a training loop: which steps to record, and what to do with them."""

import enum
import os
import socket
import time
import warnings

from .autograd.profiler import profile as _profile
from .autograd.profiler import record_function

__all__ = [
    "ProfilerAction",
    "ProfilerActivity",
    "kineto_available",
    "profile",
    "record_function",
    "schedule",
    "supported_activities",
    "tensorboard_trace_handler",
]


class ProfilerActivity(enum.Enum):
    """What to record; here there is the CPU."""

    CPU = 0
    XPU = 1
    MTIA = 2
    CUDA = 3
    HPU = 4
    PrivateUse1 = 5


class ProfilerAction(enum.Enum):
    """What to do in a step."""

    NONE = 0
    WARMUP = 1
    RECORD = 2
    RECORD_AND_SAVE = 3


_RECORDING = (ProfilerAction.RECORD, ProfilerAction.RECORD_AND_SAVE)


def supported_activities():
    """Those that can be recorded."""
    return {ProfilerActivity.CPU}


def kineto_available():
    """Whether PyTorch's own tracing library is here."""
    return False


def schedule(*, wait, warmup, active, repeat=0, skip_first=0, skip_first_wait=0):
    """What to do in each step: after skip_first, again and again (repeat times, or for ever), wait
    steps of nothing, warmup steps, and active steps that are recorded."""
    if wait < 0 or warmup < 0 or active <= 0 or repeat < 0 or skip_first < 0:
        raise AssertionError(
            f"Invalid profiler schedule arguments. Got wait={wait} (need >= 0), warmup={warmup} "
            f"(need >= 0), active={active} (need > 0), repeat={repeat} (need >= 0), "
            f"skip_first={skip_first} (need >= 0)."
        )
    if warmup == 0:
        warnings.warn(
            "Profiler won't be using warmup, this can skew profiler results", stacklevel=2
        )

    def action(step):
        if step < 0:
            raise AssertionError(f"Step must be non-negative. Got {step}.")
        if step < skip_first:
            return ProfilerAction.NONE
        step += wait * bool(skip_first_wait) - skip_first  # the first cycle may not wait
        cycle, at = divmod(step, wait + warmup + active)
        if repeat and cycle >= repeat or at < wait:
            return ProfilerAction.NONE
        if at < wait + warmup:
            return ProfilerAction.WARMUP
        last = at == wait + warmup + active - 1
        return ProfilerAction.RECORD_AND_SAVE if last else ProfilerAction.RECORD

    return action


def tensorboard_trace_handler(dir_name, worker_name=None, use_gzip=False, use_python_export=False):
    """What on_trace_ready takes to write each trace into a folder."""

    def write(prof):
        os.makedirs(dir_name, exist_ok=True)
        worker = worker_name or f"{socket.gethostname()}_{os.getpid()}"
        name = f"{worker}.{time.time_ns()}.pt.trace.json"
        prof.export_chrome_trace(os.path.join(dir_name, name + ".gz" * use_gzip))

    return write


class profile:
    """Within `with profile(schedule=...) as p:`, records ops in the steps that p.step() ends.

    Without a schedule, all is recorded. on_trace_ready(p) is called after each recorded stretch.
    """

    def __init__(
        self, *, activities=None, schedule=None, on_trace_ready=None, record_shapes=False,
        profile_memory=False, with_stack=False, with_flops=False, with_modules=False,
        experimental_config=None, execution_trace_observer=None, acc_events=False, use_cuda=None,
        custom_trace_id_callback=None, post_processing_timeout_s=None,
    ):  # fmt: skip
        self.activities = supported_activities() if activities is None else set(activities)
        if not self.activities:
            raise AssertionError("No valid profiler activities found")
        if use_cuda is not None:
            warnings.warn(
                "`use_cuda` is deprecated, use `activities` argument instead",
                FutureWarning,
                stacklevel=2,
            )
        if use_cuda or ProfilerActivity.CUDA in self.activities:
            warnings.warn("CUDA is not available, disabling CUDA profiling", stacklevel=2)
        self.schedule = schedule or (lambda step: ProfilerAction.RECORD)
        self.record_steps = schedule is not None
        self.on_trace_ready = on_trace_ready
        self._options = {
            "record_shapes": record_shapes,
            "profile_memory": profile_memory,
            "with_stack": with_stack,
            "with_flops": with_flops,
            "with_modules": with_modules,
        }
        self.profiler = self._running = self._step = None
        self._metadata = {}
        self.step_num = 0
        self.current_action = self.schedule(0)

    def __enter__(self):
        self.start()
        return self

    def __exit__(self, exc_type, exc_value, traceback):
        self.stop()

    def start(self):
        """Begins, as entering does."""
        self._turn(ProfilerAction.NONE, self.current_action)
        self._begin_step()

    def stop(self):
        """Ends, as leaving does."""
        self._end_step()
        self._turn(self.current_action, ProfilerAction.NONE)

    def step(self):
        """Ends one step of the schedule, and begins the next."""
        self._end_step()
        before = self.current_action
        self.step_num += 1
        self.current_action = self.schedule(self.step_num)
        self._turn(before, self.current_action)
        self._begin_step()

    def _begin_step(self):
        if self.record_steps:
            self._step = record_function(f"ProfilerStep#{self.step_num}")
            self._step.__enter__()

    def _end_step(self):
        if self._step is not None:
            self._step.__exit__(None, None, None)
            self._step = None

    def _turn(self, before, after):
        going_on = before is ProfilerAction.RECORD and after in _RECORDING
        if self._running is not None and not going_on:
            self._running.__exit__(None, None, None)
            self._running = None
            if self.on_trace_ready is not None:
                self.on_trace_ready(self)
        if self._running is None and after in _RECORDING:
            self.profiler = self._running = _profile(**self._options)
            self._running.__enter__()

    def _done(self):
        if self.profiler is None:
            raise AssertionError("Profiler must be initialized before getting key averages")
        return self.profiler

    def events(self):
        """All that the last recorded stretch holds."""
        self._done()._check_finish()
        return self.profiler.function_events

    def key_averages(
        self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False
    ):
        """Averages of the last recorded stretch by name, and by shapes or callers."""
        return self._done().key_averages(group_by_input_shape, group_by_stack_n)

    def export_chrome_trace(self, path):
        """Writes what chrome://tracing, Perfetto and TensorBoard show; compressed, for *.gz."""
        if not path.endswith(".gz"):
            return self._done().export_chrome_trace(path)
        import gzip
        import shutil
        import tempfile

        with tempfile.NamedTemporaryFile("w+b", suffix=".json") as plain:
            self._done().export_chrome_trace(plain.name)
            with gzip.open(path, "wb") as packed:
                shutil.copyfileobj(plain, packed)

    def export_stacks(self, path, metric="self_cpu_time_total"):
        """Writes callers and their times, as flame graphs take them."""
        return self._done().export_stacks(path, metric)
