"""Profilers: what they record of a program, the tables they print, and the steps they follow."""

import gzip
import json
import re

import pytest

import facula as torch
from facula.autograd import profiler
from facula.autograd.profiler_util import _format_memory, _format_time, _format_time_share
from facula.profiler import (
    ProfilerAction,
    ProfilerActivity,
    profile,
    record_function,
    schedule,
    tensorboard_trace_handler,
)


def names(events):
    return [e.name for e in events]


def test_ops_blocks_and_backward():
    w = torch.ones(2, 3, requires_grad=True)
    with profiler.profile() as p:
        with profiler.record_function("forward"):
            y = w.exp()
        y.sum().backward()
    assert names(p.function_events)[:3] == ["forward", "aten::exp", "aten::sum"]
    assert "aten::mul" in names(p.function_events)[3:]  # backward's
    forward, exp = p.function_events[:2]
    assert exp.cpu_parent is forward and forward.cpu_children == [exp]
    assert forward.cpu_time_total >= exp.cpu_time_total > 0
    total = sum(e.self_cpu_time_total for e in p.function_events)
    assert p.self_cpu_time_total == pytest.approx(total)
    assert p.total_average().count == len(p.function_events)


def test_averages_by_name_and_by_shape():
    with profiler.profile(record_shapes=True) as p:
        for n in (2, 2, 3):
            torch.ones(n) + 1
    (add,) = (a for a in p.key_averages() if a.key == "aten::add")
    assert add.count == 3 and add.cpu_time == pytest.approx(add.cpu_time_total / 3)
    by_shape = [a for a in p.key_averages(group_by_input_shape=True) if a.key == "aten::add"]
    assert [(a.count, a.input_shapes) for a in by_shape] == [(2, [[2], []]), (1, [[3], []])]


def test_the_table():
    with profiler.profile() as p:
        with record_function("a block"):
            torch.ones(4) + 1
    lines = p.key_averages().table(sort_by="cpu_time_total", row_limit=2).splitlines()
    rule = "  ".join(["-" * 14] + ["-" * 12] * 6) + "  "
    assert lines[0] == lines[2] == lines[5] == rule
    heads = ["Name", "Self CPU %", "Self CPU", "CPU total %", "CPU total", "CPU time avg"]
    assert re.split(r"\s{2,}", lines[1].strip()) == [*heads, "# of Calls"]
    assert lines[3].split()[:2] == ["a", "block"] and lines[3].split()[4] == "100.00%"
    assert re.fullmatch(r"Self CPU time total: \d+\.\d{3}[um]s", lines[6])
    assert str(p) == p.table() == p.function_events.table()
    shown = p.table(top_level_events_only=True, header="About", max_name_column_width=6)
    assert "only display top-level ops" in shown and "About" in shown and "aten" not in shown
    assert "\na b...  " in shown


def test_numbers_are_written_as_pytorch_writes_them():
    assert [_format_time(us) for us in (12.3456, 12345.6, 12345678.9)] == [
        "12.346us", "12.346ms", "12.346s",
    ]  # fmt: skip
    assert [_format_memory(n) for n in (100, 2048, 5 << 20, -3 << 30)] == [
        "100 B", "2.00 KB", "5.00 MB", "-3.00 GB",
    ]  # fmt: skip
    assert _format_time_share(1, 3) == "33.33%" and _format_time_share(0, 0) == "NaN"


def test_memory_and_operations():
    a, b = torch.ones(3, 4), torch.ones(4, 5)
    with profile(profile_memory=True, with_flops=True) as p:
        c = a @ b
        c.view(15)
        torch.nn.functional.conv2d(torch.ones(1, 1, 5, 5), torch.ones(2, 1, 3, 3))
    found = {e.key: e for e in p.key_averages()}
    assert found["aten::mm"].flops == 2 * 3 * 4 * 5
    assert found["aten::convolution"].flops == 2 * 18 * 9
    assert found["aten::mm"].cpu_memory_usage >= 60 and found["aten::view"].cpu_memory_usage == 0
    assert "Self CPU Mem" in p.key_averages().table() and "Total FLOPs" in p.key_averages().table()


def test_callers(tmp_path):
    def inner():
        return torch.ones(1000).exp()

    with profile(with_stack=True) as p:
        inner()
    (exp,) = (e for e in p.events() if e.name == "aten::exp")
    assert re.fullmatch(r".*test_profiler\.py\(\d+\): inner", exp.stack[0])
    averages = p.key_averages(group_by_stack_n=1)
    assert "Source Location" in averages.table() and all(len(a.stack) == 1 for a in averages)
    p.export_stacks(tmp_path / "stacks", "self_cpu_time_total")
    for line in (tmp_path / "stacks").read_text().splitlines():
        assert re.fullmatch(r"\S+_inner \d+", line)
    with pytest.raises(ValueError, match="metric should be one of"):
        p.export_stacks(tmp_path / "stacks", "luck")


def test_a_schedule():
    plan = schedule(wait=1, warmup=1, active=2, repeat=2, skip_first=1)
    assert [plan(i).name for i in range(11)] == [
        "NONE",
        *["NONE", "WARMUP", "RECORD", "RECORD_AND_SAVE"] * 2,
        "NONE",
        "NONE",
    ]
    early = schedule(wait=5, warmup=1, active=1, skip_first=2, skip_first_wait=1)
    assert [early(i).name for i in range(6)] == [
        "NONE", "NONE", "WARMUP", "RECORD_AND_SAVE", "NONE", "NONE",
    ]  # fmt: skip
    with pytest.raises(AssertionError, match=r"active=0 \(need > 0\)"):
        schedule(wait=1, warmup=1, active=0)
    with pytest.warns(UserWarning, match="won't be using warmup"):
        schedule(wait=0, warmup=0, active=1)


def test_steps():
    x, ready = torch.ones(2), []

    def keep(p):
        ready.append((p.step_num, names(p.events())))

    with profile(schedule=schedule(wait=1, warmup=1, active=2), on_trace_ready=keep) as p:
        for _ in range(9):
            x + 1
            p.step()
    step = "ProfilerStep#{}"
    assert ready == [
        (4, [step.format(2), "aten::add", step.format(3), "aten::add"]),
        (8, [step.format(6), "aten::add", step.format(7), "aten::add"]),
    ]
    assert p.step_num == 9 and p.current_action is ProfilerAction.WARMUP


def test_traces(tmp_path):
    with profile(
        activities=[ProfilerActivity.CPU],
        on_trace_ready=tensorboard_trace_handler(str(tmp_path), "me", use_gzip=True),
    ):
        with record_function("block"):
            torch.ones(2) + 1
    (path,) = tmp_path.glob("me.*.pt.trace.json.gz")
    trace = json.loads(gzip.decompress(path.read_bytes()))
    rows = [(e["ph"], e["cat"], e["name"]) for e in trace["traceEvents"]]
    assert ("X", "user_annotation", "block") in rows and ("X", "cpu_op", "aten::add") in rows


def test_nothing_is_recorded_outside():
    with profiler.profile(enabled=False) as p:
        assert p is None
    assert not profiler._is_profiler_enabled
    with profiler.profile() as p:
        assert profiler._is_profiler_enabled

    @record_function("function")
    def f(x):
        return x + 1

    assert f(torch.ones(1)).item() == 2
    assert list(p.function_events) == [] and p.table() == ""


def test_refusals():
    p = profiler.profile()
    assert repr(p) == "<unfinished torch.autograd.profile>"
    with pytest.raises(RuntimeError, match="didn't finish running"):
        p.key_averages()
    with pytest.raises(AssertionError, match="No valid profiler activities found"):
        profile(activities=[])
    with pytest.raises(AssertionError, match="must be initialized"):
        profile().key_averages()
    with pytest.warns(UserWarning, match="disabling CUDA profiling"):
        profile(activities=[ProfilerActivity.CPU, ProfilerActivity.CUDA])
    with pytest.raises(AssertionError, match="not compiled with CUDA"), profiler.emit_nvtx():
        pass
    with profiler.emit_nvtx(enabled=False), p, pytest.raises(RuntimeError, match="not reentrant"):
        p.__enter__()
