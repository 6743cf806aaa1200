"""What a profiler recorded: events, their averages, and both as a table or a trace to look at."""

import itertools
import json
import os
from collections import OrderedDict

__all__ = ["EventList", "FunctionEvent", "FunctionEventAvg", "Interval"]

_numbers = itertools.count(1)


def _format_time(us):
    if us >= 1_000_000:
        return f"{us / 1_000_000:.3f}s"
    return f"{us / 1000:.3f}ms" if us >= 1000 else f"{us:.3f}us"


def _format_time_share(us, total):
    return "NaN" if total == 0 else f"{us * 100.0 / total:.2f}%"


def _format_memory(nbytes):
    for name, size in (("GB", 1 << 30), ("MB", 1 << 20), ("KB", 1 << 10)):
        if abs(nbytes) >= size:
            return f"{nbytes / size:.2f} {name}"
    return f"{nbytes} B"


class Interval:
    """When something began and ended, in microseconds since the profile's start."""

    def __init__(self, start, end):
        self.start, self.end = start, end

    def elapsed_us(self):
        """Its length."""
        return self.end - self.start


class _Times:
    """What events and their averages share; there is no time of other devices."""

    device_time = device_time_total = self_device_time_total = 0.0
    cuda_time = cuda_time_total = self_cuda_time_total = 0.0
    device_memory_usage = self_device_memory_usage = 0
    node_id, is_async, is_remote, is_legacy, use_device = -1, False, False, False, None
    overload_name = ""

    @property
    def cpu_time(self):
        """A call's time, on average."""
        return 0.0 if self.count == 0 else self.cpu_time_total / self.count

    cpu_time_str = property(lambda self: _format_time(self.cpu_time))
    cpu_time_total_str = property(lambda self: _format_time(self.cpu_time_total))
    self_cpu_time_total_str = property(lambda self: _format_time(self.self_cpu_time_total))


class FunctionEvent(_Times):
    """One call of an op, or one block that has a name."""

    count = 1

    def __init__(self, name, start, parent=None, shapes=(), stack=(), thread=1, block=False):
        self.id = next(_numbers)
        self.name = self.key = self.trace_name = name
        self.time_range = Interval(start, start)
        self.cpu_parent, self.cpu_children = parent, []
        self.input_shapes, self.stack = list(shapes), list(stack)
        self.thread, self.is_user_annotation = thread, block
        self.own_memory, self.flops = 0, 0
        if parent is not None:
            parent.cpu_children.append(self)

    @property
    def cpu_time_total(self):
        """Its time."""
        return self.time_range.elapsed_us()

    @property
    def self_cpu_time_total(self):
        """Its time without that of what it called."""
        return self.cpu_time_total - sum(c.cpu_time_total for c in self.cpu_children)

    @property
    def self_cpu_memory_usage(self):
        """Bytes of results made by itself."""
        return self.own_memory

    @property
    def cpu_memory_usage(self):
        """Bytes of results made within it."""
        return self.own_memory + sum(c.cpu_memory_usage for c in self.cpu_children)

    def __repr__(self):
        children = [c.id for c in self.cpu_children]
        return (
            f"<FunctionEvent id={self.id} name={self.name} cpu_time={self.cpu_time_str} "
            f"start_us={self.time_range.start:.3f} end_us={self.time_range.end:.3f} "
            f"cpu_children={children} thread={self.thread} input_shapes={self.input_shapes} "
            f"cpu_memory_usage={self.cpu_memory_usage}>"
        )


class FunctionEventAvg(_Times):
    """All calls of one op."""

    def __init__(self):
        self.key, self.count, self.flops = None, 0, 0
        self.cpu_time_total = self.self_cpu_time_total = 0.0
        self.cpu_memory_usage = self.self_cpu_memory_usage = 0
        self.input_shapes, self.stack, self.is_user_annotation = None, [], False
        self.cpu_parent, self.cpu_children = None, []

    def add(self, other):
        """Takes in an event, or another average."""
        if self.key is None:
            self.key, self.stack = other.key, other.stack
            self.input_shapes = other.input_shapes
            self.is_user_annotation = other.is_user_annotation
            self.cpu_parent, self.cpu_children = other.cpu_parent, other.cpu_children
        self.count += other.count
        for name in (
            "cpu_time_total", "self_cpu_time_total", "cpu_memory_usage", "self_cpu_memory_usage",
            "flops",
        ):  # fmt: skip
            setattr(self, name, getattr(self, name) + getattr(other, name))
        return self

    __iadd__ = add

    def __repr__(self):
        return (
            f"<FunctionEventAvg key={self.key} self_cpu_time={self.self_cpu_time_total_str} "
            f"cpu_time={self.cpu_time_str}  self_cuda_time=0.000us cuda_time=0.000us "
            f"input_shapes={self.input_shapes} cpu_memory_usage={self.cpu_memory_usage} "
            "cuda_memory_usage=0>"
        )


class EventList(list):
    """Events, or their averages."""

    def __init__(self, *args, profile_memory=False, with_flops=False, use_device=None):
        super().__init__(*args)
        self._profile_memory, self._with_flops = profile_memory, with_flops
        self._use_device = use_device

    def _like(self, items):
        return EventList(items, profile_memory=self._profile_memory, with_flops=self._with_flops)

    @property
    def self_cpu_time_total(self):
        """The time of all of them."""
        return sum(e.self_cpu_time_total for e in self)

    def key_averages(
        self, group_by_input_shape=False, group_by_stack_n=0, group_by_overload_name=False
    ):
        """Averages by name: and by shapes, or by the n innermost callers."""
        groups = OrderedDict()
        for e in self:
            key = [e.key]
            if group_by_input_shape:
                key.append(str(e.input_shapes))
            key += e.stack[:group_by_stack_n]
            groups.setdefault(tuple(key), FunctionEventAvg()).add(e)
        averages = self._like(groups.values())
        for a in averages:
            a.stack = a.stack[:group_by_stack_n]
            if not group_by_input_shape:
                a.input_shapes = ""
        return averages

    def total_average(self):
        """One average over all."""
        total = FunctionEventAvg()
        for e in self:
            total.add(e)
        total.key = "Total"
        return total

    def table(
        self,
        sort_by=None,
        row_limit=100,
        max_src_column_width=75,
        max_name_column_width=55,
        max_shapes_column_width=80,
        header=None,
        top_level_events_only=False,
    ):
        """A text to print: the row_limit first events, by falling sort_by where one is given."""
        return _table(
            self, sort_by, row_limit, max_src_column_width, max_name_column_width,
            max_shapes_column_width, header, top_level_events_only,
        )  # fmt: skip

    def __str__(self):
        return self.table()

    def export_chrome_trace(self, path):
        """Writes what chrome://tracing and Perfetto show."""
        with open(path, "w") as f:
            json.dump(_trace(self), f)

    def export_stacks(self, path, metric):
        """Writes callers and their times, one stack a line, as flame graphs take them."""
        metrics = ("self_cpu_time_total", "self_cuda_time_total", "self_xpu_time_total")
        if metric not in metrics:
            raise ValueError(f"metric should be one of: {list(metrics)}")
        with open(path, "w") as f:
            for e in self:
                time = int(getattr(e, metric, 0))
                if e.stack and time > 0:
                    frames = [s.translate(str.maketrans(" ;\t\n", "____")) for s in e.stack]
                    f.write(f"{';'.join(reversed(frames))} {time}\n")


def _trace(events):
    pid, rows = os.getpid(), []
    for e in events:
        rows.append(
            {
                "ph": "X",
                "cat": "user_annotation" if e.is_user_annotation else "cpu_op",
                "name": e.name,
                "pid": pid,
                "tid": e.thread,
                "ts": e.time_range.start,
                "dur": e.time_range.elapsed_us(),
                "args": {"External id": e.id, "Input Dims": e.input_shapes},
            }
        )
    return {"schemaVersion": 1, "displayTimeUnit": "ms", "traceEvents": rows}


# --- tables ---------------------------------------------------------------------------------------

_GAP = "  "


def _shortened(text, width):
    return text[: width - 3] + "..." if width is not None and len(text) > width else text


def _flops_unit(events):
    """The largest unit that the smallest number of operations fills."""
    counts = [e.flops for e in events if e.flops > 0]
    units = ("FLOPs", "KFLOPs", "MFLOPs", "GFLOPs", "TFLOPs", "PFLOPs")
    power = min(len(str(int(min(counts)))) - 1, 15) // 3 if counts else 0
    return units[power], 1000.0**power


def _table(events, sort_by, limit, max_src, max_name, max_shapes, header, top_only):
    if not events:
        return ""
    if sort_by is not None:
        ordered = sorted(events, key=lambda e: getattr(e, sort_by), reverse=True)
        events = events._like(ordered)
    shapes = [str(e.input_shapes) for e in events]
    with_shapes = any(s not in ("", "[]") for s in shapes)
    with_stack = any(e.stack for e in events)
    names = [e.key for e in events]
    columns = [(_width(names, max_name), "Name")]
    titles = ["Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
    if events._profile_memory:
        titles += ["CPU Mem", "Self CPU Mem"]
    columns += [(12, t) for t in [*titles, "# of Calls"]]
    if with_shapes:
        columns.append((_width(shapes, max_shapes), "Input Shapes"))
    if with_stack:
        sources = [s for e in events for s in e.stack]
        columns.append((_width(sources, max_src), "Source Location"))
    unit, scale = _flops_unit(events) if events._with_flops else (None, 1)
    if unit:
        columns.append((12, f"Total {unit}"))
    line = _GAP.join("-" * w for w, _ in columns) + _GAP
    total = events.self_cpu_time_total
    rows = []
    if header is not None or top_only:
        if header is not None:
            rows += ["=" * len(line), header]
        if top_only:
            rows += ["=" * len(line), "This report only display top-level ops statistics"]
    rows += [line, _row(columns, [t for _, t in columns]), line]
    shown = [e for e in events if not top_only or e.cpu_parent is None]
    for e in shown if limit is None or limit < 0 else shown[:limit]:
        cells = [
            _shortened(e.key, max_name),
            _format_time_share(e.self_cpu_time_total, total),
            e.self_cpu_time_total_str,
            _format_time_share(e.cpu_time_total, total),
            e.cpu_time_total_str,
            e.cpu_time_str,
        ]
        if events._profile_memory:
            cells += [_format_memory(e.cpu_memory_usage), _format_memory(e.self_cpu_memory_usage)]
        cells.append(str(e.count))
        if with_shapes:
            cells.append(_shortened(str(e.input_shapes), max_shapes))
        if with_stack:
            cells.append(_shortened(e.stack[0], max_src) if e.stack else "")
        if unit:
            cells.append(f"{e.flops / scale:.3f}" if e.flops > 0 else "--")
        rows.append(_row(columns, cells))
        if with_stack:
            empty = [""] * len(columns)
            where = len(columns) - 1 - bool(unit)
            for frame in e.stack[1:]:
                empty[where] = _shortened(frame, max_src)
                rows.append(_row(columns, empty))
    rows += [line, f"Self CPU time total: {_format_time(total)}", ""]
    return "\n".join(rows)


def _width(texts, most):
    longest = max(map(len, texts)) + 4
    return longest if most is None else min(longest, most)


def _row(columns, cells):
    return _GAP.join(c.rjust(w) for (w, _), c in zip(columns, cells)) + _GAP
