"""What torch.utils.checkpoint does: the same code for PyTorch and facula.
`python checkpoint_cases.py` records what PyTorch does in tests/golden/checkpoint.json."""

import contextlib
import functools
import gc
import importlib
import json
import os
import re
import warnings
import weakref

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(__file__)), "golden", "checkpoint.json")


def outcomes(T):
    """{case: what happens, as text, and the warnings}"""
    found = {}
    for name, case in cases(T).items():
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            try:
                result = repr(case())
            except Exception as e:
                result = f"{type(e).__name__}: {e}".split("\n\nTip")[0]
        result = re.sub(r" at 0x[0-9a-f]+|<built-in [^>]*>", "", result)
        found[name] = [result, *(f"{w.category.__name__}: {w.message}" for w in seen)]
    return found


def cases(T):
    cp = importlib.import_module(T.__name__ + ".utils.checkpoint")
    checkpoint = cp.checkpoint
    tests = {}
    x = T.tensor([0.5, 1.5], requires_grad=True)

    def case(f):
        tests[f.__name__] = f
        return f

    def gradient(f, *args, **keywords):
        """x's gradient through a checkpoint."""
        y = checkpoint(f, *(args or (x,)), **keywords)
        x.grad = None
        y.sum().backward()
        return x.grad

    def both(f):
        for reentrant in (False, True):
            tests[f"{f.__name__}_{reentrant}"] = functools.partial(f, use_reentrant=reentrant)
        return f

    @case
    def unsaid():
        y = checkpoint(lambda a: a.sin() * a, x)
        return y, y.grad_fn.name(), type(y.grad_fn).__name__

    @both
    def plain(**how):
        y = checkpoint(lambda a: a.sin() * a, x, **how)
        x.grad = None
        y.sum().backward()
        return y, y.grad_fn.name(), y.grad_fn.next_functions, x.grad

    @both
    def no_input_requires(**how):
        return checkpoint(lambda a: a * 2, T.ones(2), **how)

    @both
    def keywords(**how):
        return gradient(lambda a, k=1: a * k, k=3, **how)

    @both
    def tensor_keywords(**how):
        return gradient(lambda a, k=1: a * k, k=x * 2, **how)

    @both
    def unknown_keyword(**how):
        return gradient(lambda a: a * 2, unknown=3, **how)

    @both
    def contexts(**how):
        log = []

        @contextlib.contextmanager
        def context(n):
            log.append("+" + n)
            try:
                yield
            finally:
                log.append("-" + n)

        return gradient(
            lambda a: a.sin(), context_fn=lambda: (context("f"), context("r")), **how
        ), log

    @both
    def debug_unneeded(**how):
        return gradient(lambda a: a.sin(), debug=True, **how)

    @both
    def determinism_none(**how):
        return gradient(lambda a: a.sin(), determinism_check="none", **how)

    @both
    def determinism_unknown(**how):
        return gradient(lambda a: a.sin(), determinism_check="foo", **how)

    @both
    def numbers(**how):
        return gradient(lambda a, k, s: a * k if s == "s" else None, x, 3, "s", **how)

    @both
    def lists(**how):
        return gradient(lambda a: a[0] * a[1], [x, x], **how)

    @both
    def mixed_outputs(**how):
        y = checkpoint(lambda a: (a * 2, 3, "s", a.argmax(), None), x, **how)
        y[0].sum().backward()
        return y

    @both
    def constant(**how):
        y = checkpoint(lambda a: T.ones(2), x, **how)
        y.sum().backward()

    @both
    def by_grad(**how):
        y = checkpoint(lambda a: a.sin() * a, x, **how)
        return T.autograd.grad(y.sum(), x)

    @both
    def backward_inputs(**how):
        x.grad = None
        checkpoint(lambda a: a.sin() * a, x, **how).sum().backward(inputs=[x])
        return x.grad

    @both
    def twice(**how):
        y = checkpoint(lambda a: a.sin() * a.cos(), x, **how)
        y.sum().backward()
        y.sum().backward()

    @both
    def twice_retained(**how):
        y = checkpoint(lambda a: a.sin() * a.cos(), x, **how)
        x.grad = None
        y.sum().backward(retain_graph=True)
        y.sum().backward()
        return x.grad

    @both
    def second_order(**how):
        y = checkpoint(lambda a: a.sin() * a.cos(), x, **how)
        (g,) = T.autograd.grad(y.sum(), x, create_graph=True)
        return g, T.autograd.grad(g.sum(), x)

    @both
    def some_outputs(**how):
        a, b = checkpoint(lambda a: (a.sin(), a.cos()), x, **how)
        x.grad = None
        b.sum().backward(retain_graph=True)
        a.sum().backward()
        return x.grad

    @both
    def random(**how):
        found = []
        for preserve in (True, False):
            T.manual_seed(0)
            seen = []

            def f(a, seen=seen):
                seen.append(T.rand(2))
                return (a * seen[-1]).sin()

            y = checkpoint(f, x, preserve_rng_state=preserve, **how)
            T.rand(3)
            y.sum().backward()
            found.append((T.equal(seen[0], seen[1]), T.rand(1)))
        return found

    @both
    def no_grad(**how):
        with T.no_grad():
            return checkpoint(lambda a: a.sin(), x, **how)

    @both
    def inplace(**how):
        return gradient(lambda a: a.clone().mul_(2).sin(), **how)

    @both
    def changed_input(**how):
        z = x * 1
        y = checkpoint(lambda a: a.sin(), z, **how)
        with T.no_grad():
            z.mul_(2)
        y.sum().backward()

    @both
    def parameters(**how):
        m = T.nn.Linear(2, 2)
        T.nn.init.ones_(m.weight)
        T.nn.init.zeros_(m.bias)
        y = checkpoint(m, T.ones(3, 2), **how)
        if y.requires_grad:
            y.sum().backward()
        return m.weight.grad

    @both
    def raises(**how):
        def f(a):
            raise KeyError("x")

        checkpoint(f, x, **how)

    @both
    def raises_again(**how):
        calls = []

        def f(a):
            calls.append(0)
            if len(calls) == 2:
                raise KeyError("x")
            return a.sin()

        gradient(f, **how)

    @both
    def autocast(**how):
        seen = []

        def f(a):
            seen.append((T.is_autocast_enabled("cpu"), str(T.get_autocast_dtype("cpu"))[-8:]))
            return a.sin()

        with T.autocast("cpu", dtype=T.bfloat16):
            y = checkpoint(f, x, **how)
        y.sum().backward()
        return seen

    @both
    def early_stop(**how):
        def calls(early):
            seen = []

            class Last(T.autograd.Function):
                @staticmethod
                def forward(ctx, a):
                    seen.append("last")
                    return a * 1

                @staticmethod
                def backward(ctx, g):
                    return g

            def f(a):
                seen.append("first")
                return Last.apply(a.sin())

            with cp.set_checkpoint_early_stop(early):
                gradient(f, **how)
            return seen

        return calls(True), calls(False)

    @both
    def nested(**how):
        def inner(a):
            return a.sin() * a

        return gradient(lambda a: checkpoint(inner, a, **how) * a, **how)

    @case
    def nested_mixed():
        def inner(a):
            return a.sin() * a

        one = gradient(lambda a: checkpoint(inner, a, use_reentrant=True) * a, use_reentrant=False)
        other = gradient(
            lambda a: checkpoint(inner, a, use_reentrant=False) * a, use_reentrant=True
        )
        return one.clone(), other

    @both
    def nested_deep(**how):
        def f(a):
            return a.sin()

        for _ in range(20):
            f = functools.partial(lambda f, a: checkpoint(f, a, **how).cos(), f)
        y = f(x)
        x.grad = None
        y.sum().backward()
        return x.grad

    @both
    def nothing_is_held(**how):
        held = []

        def f(a):
            b = a.sin()
            held.append(weakref.ref(b))
            return b.cos()

        y = checkpoint(f, x, **how)
        gone = [w() is None for w in held]
        y.sum().backward()
        owner = weakref.ref(f)
        del f, y
        gc.collect()
        return gone, [w() is None for w in held], owner() is None

    @case
    def saved_tensors():
        y = checkpoint(lambda a: (a * a).sin(), x, use_reentrant=False)
        return y.grad_fn._saved_self.detach(), y.grad_fn._saved_self.detach()

    @case
    def saved_twice():
        class F(T.autograd.Function):
            @staticmethod
            def forward(ctx, a):
                ctx.save_for_backward(a)
                return a * 1

            @staticmethod
            def backward(ctx, g):
                return g * ctx.saved_tensors[0] * ctx.saved_tensors[0]

        gradient(lambda a: F.apply(a.sin()), use_reentrant=False)

    def changing(first, second, **keywords):
        calls = []

        def f(a):
            calls.append(0)
            return (first if len(calls) == 1 else second)(a)

        return gradient(f, use_reentrant=False, **keywords)

    def two(a):
        return a.sin() * a.cos()

    tests["fewer_saved"] = lambda: changing(two, lambda a: a.sin())
    tests["more_saved"] = lambda: changing(two, lambda a: two(a) * a.exp())
    tests["more_saved_to_the_end"] = lambda: changing(
        two, lambda a: two(a) * a.exp(), early_stop=False
    )
    tests["other_shape"] = lambda: changing(two, lambda a: two(a[:1]))
    tests["other_shape_unchecked"] = lambda: changing(
        lambda a: a.sin(), lambda a: a[:1].sin(), determinism_check="none"
    )
    tests["other_dtype"] = lambda: changing(two, lambda a: two(a.double()))

    def sine(a):
        return a.sin()

    for reentrant in (False, True):
        for segments in (1, 2, 3, 5, 0):
            tests[f"sequential_{segments}_{reentrant}"] = functools.partial(
                lambda n, r: cp.checkpoint_sequential([sine] * 4, n, x, use_reentrant=r),
                segments,
                reentrant,
            )
        tests[f"sequential_unknown_{reentrant}"] = functools.partial(
            lambda r: cp.checkpoint_sequential([sine] * 4, 2, x, use_reentrant=r, foo=1), reentrant
        )
    model = T.nn.Sequential(T.nn.Linear(2, 2), T.nn.ReLU())
    tests["sequential_module"] = lambda: cp.checkpoint_sequential(model, 2, x).shape
    tests["detach_variable"] = lambda: cp.detach_variable((x, 3))
    tests["detach_variable_no_tuple"] = lambda: cp.detach_variable(x)
    tests["check_backward_validity"] = lambda: cp.check_backward_validity([T.ones(1)])
    tests["policies"] = lambda: list(cp.CheckpointPolicy)
    tests["error_type"] = lambda: [t.__name__ for t in cp.CheckpointError.__mro__]

    sin = T.ops.aten.sin.default

    def selective(policy, f=None, **keywords):
        make = functools.partial(cp.create_selective_checkpoint_contexts, policy, **keywords)
        f = f or (lambda a: (a.sin() * a.exp()).cos())
        return gradient(f, use_reentrant=False, context_fn=make)

    @case
    def selective_policy():
        log = []

        def policy(ctx, op, *args, **kwargs):
            log.append((ctx.is_recompute, str(op)))
            return (
                cp.CheckpointPolicy.MUST_SAVE if op is sin else cp.CheckpointPolicy.PREFER_RECOMPUTE
            )

        return selective(policy), log

    @case
    def selective_mutation():
        def f(a):
            b = a.sin()
            f.kept = b
            c = b * a
            b.mul_(2)
            return c

        with contextlib.suppress(RuntimeError):
            selective([sin], f)
            return "not noticed"
        return selective([sin], f, allow_cache_entry_mutation=True) is not None

    @case
    def selective_retained():
        make = functools.partial(cp.create_selective_checkpoint_contexts, [sin])
        y = checkpoint(lambda a: a.sin().cos(), x, use_reentrant=False, context_fn=make)
        y.sum().backward(retain_graph=True)
        y.sum().backward()

    tests["selective_list"] = lambda: selective([sin])
    tests["selective_no_op"] = lambda: selective([T.sin])
    tests["selective_number"] = lambda: selective(3)
    tests["context_fn_number"] = lambda: gradient(sine, use_reentrant=False, context_fn=3)
    tests["context_fn_one"] = lambda: gradient(sine, use_reentrant=False, context_fn=lambda: 3)
    return tests


if __name__ == "__main__":
    import torch

    with open(GOLDEN, "w") as f:
        json.dump(outcomes(torch), f, indent=0)
