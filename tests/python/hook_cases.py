"""Hooks: what they may return, what runs when only some gradients are asked for, and gradients by
edges of the graph. `python hook_cases.py` records what PyTorch does in tests/golden/hooks.json."""

import json
import os

import autograd_cases

GOLDEN = os.path.join(os.path.dirname(autograd_cases.GOLDEN), "hooks.json")


def outcomes(T):
    return autograd_cases.outcomes(T, cases)


def cases(T):
    tests = []
    graph = T.autograd.graph

    def case(f):
        tests.append(f)
        return f

    def named(name, f):
        f.__name__ = name
        tests.append(f)

    def leaf():
        return T.tensor([1.0, 2.0, 3.0], requires_grad=True)

    def hook(g):
        return results[hook.kind](g)

    def pair_hook(*args):
        return hook(args[-1] if args else None)

    results = {
        "number": lambda g: 3,
        "shape": lambda g: T.ones(2),
        "dtype": lambda g: g.double(),
        "layout": lambda g: g.to_sparse(),
        "list": lambda g: [T.ones(3), T.ones(3)],
        "pair": lambda g: (T.ones(3), T.ones(3)),
        "wrong pair": lambda g: (3, T.ones(3)),
        "wide pair": lambda g: (T.ones(2), None),
        "none pair": lambda g: (None, None),
        "single": lambda g: (T.ones(3) * 5,),
        "tensor": lambda g: T.ones(3),
    }
    places = {
        "tensor": lambda x, y: y.register_hook(hook),
        "leaf": lambda x, y: x.register_hook(hook),
        "accumulated": lambda x, y: x.register_post_accumulate_grad_hook(hook),
        "before": lambda x, y: y.grad_fn.register_prehook(hook),
        "after": lambda x, y: y.grad_fn.register_hook(pair_hook),
    }
    for place, register in places.items():
        for kind in results:
            if place not in ("before", "after") and kind.endswith(("pair", "single")):
                continue

            def one(kind=kind, register=register):
                hook.kind = kind
                x = leaf()
                y = x * T.ones(3, requires_grad=True)
                register(x, y)
                y.sum().backward()
                return x.grad

            named(f"hook-{place}-returns-{kind}", one)

    @case
    def asked_for_an_inner_one():
        """What lies beyond what was asked for is neither run nor freed."""
        x = leaf()
        y = x * x
        z = y.exp()
        seen = []
        y.grad_fn.register_prehook(lambda g: seen.append("before"))
        y.grad_fn.register_hook(lambda g, h: seen.append("after"))
        y.register_hook(lambda g: g * 3)
        (g,) = T.autograd.grad(z.sum(), y)
        y.sum().backward()
        return seen, g, x.grad

    @case
    def asked_for_both():
        x = leaf()
        y = x * x
        seen = []
        y.grad_fn.register_prehook(lambda g: (g[0] * 2,))
        y.register_hook(lambda g: seen.append("y") or g * 3)
        x.register_hook(lambda g: seen.append("x") or g * 10)
        return seen, T.autograd.grad(y.sum(), [x, y])

    @case
    def backward_to_an_inner_one():
        x = leaf()
        y = x * x
        seen = []
        y.grad_fn.register_hook(lambda g, h: seen.append("after"))
        y.exp().sum().backward(inputs=[y])
        return seen, x.grad, y.grad

    @case
    def edges():
        x = leaf()
        y = x * 2
        z = (y * y).sum()
        e = graph.get_gradient_edge
        found = T.autograd.grad(e(z), [e(y), e(x), x], retain_graph=True)
        T.autograd.backward(e(z), inputs=[e(x)], retain_graph=True)
        T.autograd.backward([e(z)], [T.tensor(2.0)])
        return found, x.grad

    @case
    def edge_of_several():
        a, b = leaf().unbind()[:2]
        e = graph.get_gradient_edge(b)
        return e.output_nr, T.autograd.grad(e, [a, b], allow_unused=True)

    @case
    def joint_hooks():
        x = leaf()
        a, b, c = x * 1, x * 2, x * 3
        seen = []
        handle = graph.register_multi_grad_hook((a, b, c), seen.append)
        (a * b).sum().backward(retain_graph=True)
        (a + b + c).sum().backward(retain_graph=True)
        T.autograd.grad((a + b).sum(), b)
        handle.remove()
        c.sum().backward()
        return seen

    @case
    def any_hooks():
        x = leaf()
        a, b = x * 1, x * 2
        seen = []
        graph.register_multi_grad_hook((a, b), seen.append, mode="any")
        (a + b).sum().backward(retain_graph=True)
        a.sum().backward()
        return seen

    @case
    def any_hooks_of_what():
        graph.register_multi_grad_hook((leaf(),), print, mode="some")

    @case
    def packed_as_they_are():
        x = leaf()
        y = x * 2
        seen = []

        def pack(t):
            seen.append((t is x, t is y, t.requires_grad, t.is_leaf))
            return t.tolist()

        with graph.saved_tensors_hooks(pack, T.tensor):
            z = (x * x) * (y * y)
        s = (x * x).grad_fn._saved_self
        saved = z.grad_fn.next_functions[0][0]._saved_self
        (g,) = T.autograd.grad(z.sum(), x, create_graph=True)
        g.sum().backward()
        return seen, s is x, saved, saved.is_leaf, saved.grad_fn, g, x.grad

    @case
    def packed_in_place():
        x = leaf()
        with graph.saved_tensors_hooks(lambda t: t.mul_(2), lambda t: t):
            return (x * 1) * x

    @case
    def forbidden_within():
        with graph.saved_tensors_hooks(lambda t: t, lambda t: t):
            with graph.disable_saved_tensors_hooks("not now"):
                pass

    @case
    def sequence_numbers():
        x = leaf()
        nodes = [t.grad_fn for t in (x * 2, x.exp(), x + x)]
        numbers = [n._sequence_nr() - nodes[0]._sequence_nr() for n in nodes]
        return numbers, nodes[0].next_functions[0][0]._sequence_nr()

    @case
    def accumulated_with_a_graph():
        x = leaf()
        g = []
        y = x * 1
        y.register_hook(g.append)
        (y * y).sum().backward(create_graph=True)
        return x.grad, x.grad is g[0], x.grad.data_ptr() == g[0].data_ptr()

    @case
    def generators_in_modes():
        seen = []

        @T.no_grad()
        def steps():
            seen.append(T.is_grad_enabled())
            got = yield 1
            seen.append((got, T.is_grad_enabled()))
            try:
                yield 2
            except ValueError as e:
                seen.append((str(e), T.is_grad_enabled()))
            try:
                yield 3
            finally:
                seen.append(T.is_grad_enabled())
            return 4

        def all_of(it):
            seen.append((yield from it))

        it = steps()
        values = [next(it), T.is_grad_enabled(), it.send("a"), it.throw(ValueError("b"))]
        it.close()
        return values, list(all_of(steps())), seen, steps.__name__

    @case
    def classes_in_modes():
        class A:
            def __init__(self):
                self.mode = T.is_grad_enabled()

            def now(self):
                return T.is_grad_enabled()

        B = T.no_grad()(A)
        return B().mode, B().now(), isinstance(B, type)

    @case
    def modes_are_bools():
        x = leaf() * 2
        found = [T.inference_mode("a").__class__.__name__, str(T.set_grad_enabled(True))]
        for value in (True, False):
            try:
                x.requires_grad = value
            except RuntimeError as e:
                found.append(str(e))
        return found, T.is_anomaly_enabled(), T.is_anomaly_check_nan_enabled()

    @case
    def index_results_saved():
        node = leaf().max(0)[0].grad_fn
        saved = [getattr(node, n) for n in dir(node) if n in ("_saved_indices", "_saved_result")]
        return [t.requires_grad for t in saved]

    return tests


if __name__ == "__main__":
    import torch

    with open(GOLDEN, "w") as f:
        json.dump(outcomes(torch), f, indent=0)
