"""What the golden tests of nn, optim and utils.data run, and how a result is written down.

Cases are expressions and functions over a package T: PyTorch when recording, facula when testing.
Every outcome becomes plain data: values, or the error with its text, and the warnings on the way.
"""

import gzip
import json
import math
import os
import re
import sys
import warnings

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(os.path.abspath(__file__))), "golden")


def environment(T):
    import importlib

    nn = T.nn

    def both(f, *inputs):
        """Value and gradients of f, weighted so that each element counts differently."""
        inputs = [
            i.clone().requires_grad_(True) if i.is_floating_point() or i.is_complex() else i
            for i in inputs
        ]
        out = f(*inputs)
        outs = out if isinstance(out, tuple) else (out,)
        total = 0
        for o in outs:
            if o.requires_grad:
                w = T.arange(1, o.numel() + 1, dtype=T.float64).reshape(o.shape).sqrt()
                total = total + (o * w.to(o.dtype)).sum()
        if isinstance(total, T.Tensor):
            total.backward()
        return out, [i.grad for i in inputs if i.requires_grad]

    def rand(*shape, seed=0, dtype=None):
        g = T.Generator()
        g.manual_seed(seed)
        return T.rand(*shape, generator=g).to(dtype or T.float32) * 4 - 2

    def ints(high, *shape, seed=0):
        g = T.Generator()
        g.manual_seed(seed)
        return T.randint(0, high, shape, generator=g)

    def seeded(f, seed=0):
        T.manual_seed(seed)
        return f(), T.rand(1)

    def module(name):
        return importlib.import_module(T.__name__ + "." + name)

    env = dict(T=T, nn=nn, F=nn.functional, init=nn.init, both=both, rand=rand, ints=ints)
    env.update(seeded=seeded, module=module, o=T.ones, P=nn.Parameter, L=nn.Linear)
    return env


def plain(value, T, depth=0):
    """`value` as JSON knows it."""
    if value is None or isinstance(value, (bool, str)):
        return neutral(value) if isinstance(value, str) else value
    if isinstance(value, T.Size):
        return {"size": list(value)}
    if isinstance(value, T.Tensor):
        kind = type(value).__name__
        data = value.detach()
        out = {"dtype": str(data.dtype).split(".")[-1], "shape": list(data.shape)}
        if kind != "Tensor":
            out["kind"] = kind
        if value.requires_grad:
            out["grad"] = True
        if data.is_meta:
            return {**out, "meta": True}
        if data.numel() <= 24:
            out["data"] = numbers(data)
        else:  # long tensors: their sum and the first values stand for them
            out["head"] = numbers(data.reshape(-1)[:8])
            if data.dtype != T.bool and not data.is_complex():
                out["sum"] = numbers(data.double().sum().reshape(1))
        return out
    if isinstance(value, (int, float)):
        return number(value)
    if isinstance(value, T.nn.Module):
        return neutral(repr(value))
    if isinstance(value, dict):
        return {neutral(str(k)): plain(v, T) for k, v in value.items()}
    if isinstance(value, (list, tuple)):
        return [plain(v, T) for v in value]
    if isinstance(value, type):
        return value.__name__
    return neutral(repr(value))


def number(x):
    if isinstance(x, float) and not math.isfinite(x):
        return {"float": repr(x)}
    return x


def numbers(data):
    if data.is_complex():
        return [[number(float(v.real)), number(float(v.imag))] for v in data.reshape(-1)]
    if data.dtype.is_floating_point:
        return [number(float(f"{v:.6g}")) for v in data.double().reshape(-1).tolist()]
    return data.reshape(-1).tolist()


def neutral(text):
    text = re.sub(r"\bfacula\b", "torch", text)
    text = re.sub(r" \(Triggered internally at .*?\)(\n.*)?$", "", text)
    if sys.version_info < (3, 10):
        text = unqualified(text)
    return re.sub(r"0x[0-9a-f]{6,}", "0x", text)


def unqualified(text):
    """`text` in as few words as Python 3.9 has: functions without their class, attributes alone."""
    text = re.sub(r"'\w+' object has no attribute '(\w+)'", r"\1", text)
    return re.sub(r"(?:[\w<>]+\.)+(\w+\(\))", r"\1", text)


def outcome(f, T):
    """What happens when `f` runs."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            result = {"value": plain(f(), T)}
        except Exception as e:
            result = {"error": [type(e).__name__, neutral(str(e))]}
    if caught:
        result["warnings"] = [[w.category.__name__, neutral(str(w.message))] for w in caught]
    return result


def run_expression(text, T, cases):
    env = environment(T)
    env["C"] = cases
    if hasattr(cases, "names"):
        env.update(cases.names(T, env))
    return outcome(lambda: eval(text, env), T)


# Warnings of what PyTorch's kernels do and facula's do not, and one that is given once a process.
UNHEEDED = (
    "Using padding='same' with even kernel lengths",
    "Using backward() with create_graph",
    "Sparse invariant checks are implicitly disabled",
)


def heeded(outcome):
    kept = [w for w in outcome.get("warnings", ()) if not w[1].startswith(UNHEEDED)]
    rest = {k: v for k, v in outcome.items() if k != "warnings"}
    return {**rest, "warnings": kept} if kept else rest


def same(a, b, tolerance, path=""):
    """The first difference between two outcomes as text, None where there is none."""
    if isinstance(a, dict) and isinstance(b, dict):
        if list(a) != list(b):
            return f"{path}: keys {list(a)} against {list(b)}"
        for key in a:
            terms = math.prod(a["shape"]) if key == "sum" and "shape" in a else 1
            found = same(a[key], b[key], tolerance * terms**0.5, f"{path}.{key}")
            if found:
                return found
        return None
    if isinstance(a, list) and isinstance(b, list):
        if len(a) != len(b):
            return f"{path}: {a} against {b}"
        for i, (x, y) in enumerate(zip(a, b)):
            found = same(x, y, tolerance, f"{path}[{i}]")
            if found:
                return found
        return None
    if isinstance(a, str) and isinstance(b, str):
        a, b = neutral(a), neutral(b)
    if isinstance(a, bool) or isinstance(b, bool) or not isinstance(a, (int, float)):
        return None if a == b and type(a) is type(b) else f"{path}: {a!r} against {b!r}"
    if isinstance(b, (int, float)) and math.isclose(a, b, rel_tol=tolerance, abs_tol=tolerance):
        return None
    return f"{path}: {a!r} against {b!r}"


def load(name):
    with gzip.open(os.path.join(GOLDEN, name + ".json.gz"), "rt") as f:
        return json.load(f)
