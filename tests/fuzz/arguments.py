"""Calls of every operator and method with arguments of every kind: an error or a result, each time.

    arguments.py SECONDS [SEED]

Calls run in child processes under limits of memory and time, so that a crash, a hang or a
SystemError is reported with the call that did it, and the search goes on. One process makes the
same calls again from the same seed.
"""

import faulthandler
import mmap
import os
import random
import resource
import subprocess
import sys
import time

CALLS = 2000  # by one child
CALL_SECONDS = 20
MEMORY = 6 << 30
EXPECTED = (
    TypeError, ValueError, RuntimeError, IndexError, NotImplementedError, OverflowError,
    AttributeError, MemoryError, KeyError, ZeroDivisionError, AssertionError, StopIteration,
    BufferError, DeprecationWarning, UserWarning,
)  # fmt: skip
# These change the process, wait or write files.
LEFT_OUT = {"set_num_threads", "save", "load", "compile", "set_default_device", "numpy"}


class Index:
    """An integer to whoever asks politely, and an error to the next."""

    def __init__(self, value):
        self.value = value

    def __index__(self):
        if isinstance(self.value, Exception):
            raise self.value
        return self.value

    def __repr__(self):
        return f"Index({self.value!r})"


class Sequence:
    """A sequence that lies about its length."""

    def __len__(self):
        return 3

    def __getitem__(self, i):
        if i > 0:
            raise IndexError(i)
        return 1

    def __repr__(self):
        return "Sequence()"


class Liar(list):
    """A list that shrinks while it is read."""

    def __iter__(self):
        self.clear()
        return super().__iter__()


class Tensorlike:
    """Claims to take functions over, and fails."""

    @classmethod
    def __torch_function__(cls, function, types, args=(), kwargs=None):
        raise LookupError("torch function")

    def __repr__(self):
        return "Tensorlike()"


EXPECTED += (LookupError,)


def tensors(torch, rng):
    """A tensor of some shape, dtype, layout and history."""
    shape = rng.choice([(), (0,), (1,), (3,), (2, 3), (3, 3), (2, 0, 3), (2, 3, 4, 5), (1,) * 6])
    dtypes = [torch.float32] * 6 + [
        torch.float64, torch.float16, torch.bfloat16, torch.int64, torch.int64, torch.int32,
        torch.uint8, torch.int8, torch.uint16, torch.bool, torch.complex64, torch.complex128,
    ]  # fmt: skip
    t = torch.ones(shape, dtype=rng.choice(dtypes), device=rng.choice(["cpu"] * 8 + ["meta"]))
    kind = rng.randrange(10)
    if kind == 0 and t.dim() > 1:
        t = t.transpose(0, -1)
    elif kind == 1 and t.dim() > 0:
        t = t[::2]
    elif kind == 2:
        t = t.expand((2,) + tuple(t.shape))
    elif kind == 3 and t.is_complex():
        t = t.conj()
    elif kind == 4 and t.is_floating_point():
        t.requires_grad_()
    elif kind == 5 and t.is_floating_point():
        t = t.requires_grad_() * 2
    elif kind == 6 and t.device.type == "cpu" and t.dim() > 0:
        t = t.to_sparse()
    return t


def values(torch, rng, depth=0):
    """Any argument."""
    numbers = [0, 1, 2, 3, -1, -2, 7, 63, 64, 65, 2**31 - 1, 2**31, -(2**31), 2**63 - 1, 2**63,
               -(2**63), 2**64, 2**200, True, False, 0.0, -0.0, 0.5, 1e300, 1e-300]  # fmt: skip
    numbers += [float("inf"), float("nan"), 1j, complex("nan")]
    others = [None, "", "sum", "mean", "none", "ij,jk->ik", "cpu", "cuda:3", "\ud800", b"x", ..., int,
              object(), Index(2), Index(ValueError("index")), Index(2**70), Sequence(), Liar([1, 2]),
              Tensorlike(), slice(None), slice(1, 0, -1), slice(None, None, 2**63), {}, {"a": 1}, set(),
              range(3), (i for i in range(2)), torch.float32, torch.int64, torch.strided,
              torch.sparse_coo, torch.channels_last, torch.preserve_format, torch.device("cpu"),
              torch.device("meta"), torch.Generator(), torch.Size([2, 3]), torch.float16]  # fmt: skip
    kind = rng.randrange(12)
    if kind < 5:
        return tensors(torch, rng)
    if kind < 8:
        return rng.choice(numbers)
    if kind < 10 or depth > 2:
        return rng.choice(others)
    items = [values(torch, rng, depth + 1) for _ in range(rng.randrange(4))]
    if kind == 10 and items:
        items = [items[0]] * len(items)
    if rng.randrange(50) == 0:
        items.append(items)  # contains itself
    return tuple(items) if rng.randrange(2) else items


def likely(torch, rng):
    """What operators often take."""
    kind = rng.randrange(8)
    if kind < 4:
        return tensors(torch, rng)
    if kind < 6:
        return rng.choice([-2, -1, 0, 1, 2, 3, 0.5, True, 2.0, None])
    if kind == 6:
        return rng.choice([(), (0,), (1,), (-1,), (2, 3), [0, 1], [1, 1, 2], (3, -1)])
    return [tensors(torch, rng)] * rng.randrange(1, 4)


KEYWORDS = """dim keepdim out dtype device layout requires_grad size other input alpha min max p
generator memory_format reduction weight bias indices index src value start end step sorted largest
descending stable k n mode padding stride dilation groups kernel_size eps momentum training
correction unbiased diagonal offset dims shifts repeats sections tensor1 tensor2 exact copy
non_blocking pin_memory low high mean std nonsense""".split()


def describe(value):
    try:
        return repr(value)
    except Exception as error:  # a text of a meta or broken tensor
        return f"<{type(value).__name__}: {error}>"


def child(seed):
    import warnings

    import facula as torch

    warnings.simplefilter("ignore")
    resource.setrlimit(resource.RLIMIT_AS, (MEMORY, MEMORY))
    rng = random.Random(seed)
    places = [torch, torch.nn.functional, torch.Tensor, torch._C._nn]
    functions = [
        (place, name)
        for place in places
        for name in sorted(dir(place))
        if name not in LEFT_OUT and not name.startswith("set_") and callable(getattr(place, name))
        and not (name.startswith("__") and place is not torch.Tensor)
        and not isinstance(getattr(place, name), type) and name not in ("__init_subclass__", "__del__")
    ]  # fmt: skip
    last = mmap.mmap(os.open(os.environ["FUZZ_LAST"], os.O_RDWR), 1 << 16)
    for n in range(CALLS):
        place, name = rng.choice(functions)
        odd = rng.randrange(2)
        args = [(values if odd else likely)(torch, rng) for _ in range(rng.randrange(5))]
        if place is torch.Tensor and rng.randrange(20):
            args.insert(0, tensors(torch, rng))
        kwargs = {
            rng.choice(KEYWORDS): values(torch, rng) for _ in range(rng.choice([0, 0, 1, 2]) * odd)
        }
        where = getattr(place, "__name__", "")
        text = f"call {n}: {where}.{name}(*{describe(args)}, **{describe(kwargs)})"
        text = text.encode("utf-8", "backslashreplace")[: (1 << 16) - 1]
        last[: len(text) + 1] = text + b"\0"
        faulthandler.dump_traceback_later(CALL_SECONDS, exit=True)
        try:
            result = getattr(place, name)(*args, **kwargs)
            if isinstance(result, torch.Tensor):
                describe(result)
            if isinstance(result, torch.Tensor) and result.requires_grad and result.numel() == 1:
                result.backward()
        except EXPECTED:
            pass
        finally:
            faulthandler.cancel_dump_traceback_later()
            result = None  # its memory may be all there is
            torch.set_default_dtype(torch.float32)
            torch.set_grad_enabled(True)


def main():
    seconds = float(sys.argv[1]) if len(sys.argv) > 1 else 10
    seed = int(sys.argv[2]) if len(sys.argv) > 2 else time.time_ns() % 10**9
    last = f"{os.environ.get('TMPDIR', '/tmp')}/facula-fuzz-{os.getpid()}"
    with open(last, "wb") as f:
        f.truncate(1 << 16)
    # What the allocator kept would be missing where Python starts the watchdog.
    environment = dict(os.environ, FUZZ_LAST=last, FACULA_CACHE_MB="256")
    until, found, runs = time.monotonic() + seconds, 0, 0
    try:
        while runs == 0 or time.monotonic() < until:
            command = [sys.executable, __file__, "--child", str(seed + runs)]
            process = subprocess.run(command, env=environment, capture_output=True, text=True)
            runs += 1
            if process.returncode != 0:
                found += 1
                with open(last, "rb") as f:
                    call = f.read().split(b"\0")[0].decode("utf-8", "replace")
                print(f"seed {seed + runs - 1}: exit {process.returncode}: {call[:2000]}")
                print(process.stderr[-1500:], flush=True)
    finally:
        os.unlink(last)
    print(f"{runs * CALLS} calls from seed {seed}, {found} processes failed")
    return 1 if found else 0


if __name__ == "__main__":
    if "--child" in sys.argv:
        child(int(sys.argv[-1]))
    else:
        sys.exit(main())
