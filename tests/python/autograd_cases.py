"""What autograd does with custom functions, hooks and saved values: the same code for PyTorch and
facula. `python autograd_cases.py` records what PyTorch does in tests/golden/autograd.json."""

import gc
import json
import os
import re
import warnings
import weakref

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(__file__)), "golden", "autograd.json")


def outcomes(T, cases=None):
    """{case: what happens, as text}"""
    found = {}
    for case in (cases or globals()["cases"])(T):
        try:
            with warnings.catch_warnings(record=True):
                result = repr(case())
        except Exception as e:
            result = f"{type(e).__name__}: {e}"
        found[case.__name__] = re.sub(r" at 0x[0-9a-f]+", "", result)
    return found


def cases(T):
    tests = []

    def case(f):
        tests.append(f)
        return f

    F = T.autograd.Function

    class Exp(F):
        @staticmethod
        def forward(ctx, x):
            y = x.exp()
            ctx.save_for_backward(y)
            return y

        @staticmethod
        def backward(ctx, g):
            (y,) = ctx.saved_tensors
            return g * y

    class Two(F):
        @staticmethod
        def forward(ctx, a, k, b):
            ctx.k = k
            ctx.save_for_backward(a, b)
            return a * b * k, a + b

        @staticmethod
        def backward(ctx, g, h):
            a, b = ctx.saved_tensors
            return g * b * ctx.k + h, None, g * a * ctx.k + h

    @case
    def exp():
        x = T.tensor([0.0, 1.0], requires_grad=True)
        y = Exp.apply(x)
        y.sum().backward()
        return (
            y,
            x.grad,
            type(y.grad_fn).__name__,
            y.grad_fn.name(),
            repr(y.grad_fn).split(" at ")[0],
            y,
        )

    @case
    def dbl():
        x = T.tensor([0.5], requires_grad=True)
        y = Exp.apply(x)
        (g,) = T.autograd.grad(y.sum(), x, create_graph=True)
        (g2,) = T.autograd.grad(g.sum(), x, create_graph=True)
        (g3,) = T.autograd.grad(g2.sum(), x)
        return g, g2, g3

    @case
    def two():
        a = T.tensor([1.0, 2.0], requires_grad=True)
        b = T.tensor([3.0, 4.0], requires_grad=True)
        u, v = Two.apply(a, 2, b)
        (u.sum() + v.sum()).backward()
        return (
            a.grad,
            b.grad,
            u.grad_fn is v.grad_fn,
            u.output_nr,
            v.output_nr,
            u.grad_fn.needs_input_grad,
        )

    @case
    def two_one():
        a = T.tensor([1.0, 2.0], requires_grad=True)
        b = T.tensor([3.0, 4.0])
        u, v = Two.apply(a, 2, b)
        v.sum().backward()
        return (
            a.grad,
            b.grad,
            [(n and n[0].name()) if n[0] else None for n in u.grad_fn.next_functions],
        )

    def mk(fwd, bwd, **kw):
        return type("Fn", (F,), dict(forward=staticmethod(fwd), backward=staticmethod(bwd), **kw))

    @case
    def wrongcount():
        x = T.ones(2, requires_grad=True)
        mk(lambda c, x: x * 2, lambda c, g: (g, g)).apply(x).sum().backward()

    @case
    def extra_none():
        x = T.ones(2, requires_grad=True)
        mk(lambda c, x: x * 2, lambda c, g: (g, None, None)).apply(x).sum().backward()
        return x.grad

    @case
    def nonvar():
        x = T.ones(2, requires_grad=True)
        mk(lambda c, x, k: x * 2, lambda c, g: (g, g)).apply(x, 1).sum().backward()

    @case
    def notensor():
        x = T.ones(2, requires_grad=True)
        mk(lambda c, x: x * 2, lambda c, g: 3).apply(x).sum().backward()

    @case
    def wrongshape():
        x = T.ones(2, requires_grad=True)
        mk(lambda c, x: x * 2, lambda c, g: T.ones(3)).apply(x).sum().backward()

    @case
    def ident():
        x = T.ones(2, requires_grad=True)
        y = mk(lambda c, x: x, lambda c, g: g * 2).apply(x)
        y.sum().backward()
        return y is x, y._is_view(), x.grad, y

    @case
    def dirty():
        def f(c, x):
            x.mul_(2)
            c.mark_dirty(x)
            return x

        a = T.ones(2, requires_grad=True)
        x = a * 1
        y = mk(f, lambda c, g: g * 2).apply(x)
        y.sum().backward()
        return y is x, a.grad, y._version, y

    @case
    def dirtyleaf():
        def f(c, x):
            x.mul_(2)
            c.mark_dirty(x)
            return x

        a = T.ones(2, requires_grad=True)
        mk(f, lambda c, g: g * 2).apply(a)

    @case
    def dirtynot():
        def f(c, x):
            c.mark_dirty(x)
            return x * 2

        a = T.ones(2, requires_grad=True) * 1
        mk(f, lambda c, g: g * 2).apply(a)

    @case
    def nondiff():
        def f(c, x):
            y = x * 2
            z = x * 3
            c.mark_non_differentiable(z)
            return y, z

        a = T.ones(2, requires_grad=True)
        y, z = mk(f, lambda c, g, h: g * 2 + h).apply(a)
        y.sum().backward()
        return y.requires_grad, z.requires_grad, z.grad_fn, a.grad

    @case
    def intout():
        def f(c, x):
            return x * 2, (x * 3).long()

        a = T.ones(2, requires_grad=True)
        y, z = mk(f, lambda c, g, h: (g * 2) if h is not None else g).apply(a)
        y.sum().backward()
        return y.requires_grad, z.requires_grad, z.grad_fn, a.grad, z

    @case
    def nomat():
        seen = []

        def f(c, x):
            c.set_materialize_grads(False)
            return x * 2, x * 3

        def b(c, g, h):
            seen.append(h)
            return g

        a = T.ones(2, requires_grad=True)
        y, z = mk(f, b).apply(a)
        y.sum().backward()
        return seen

    @case
    def mat():
        seen = []

        def f(c, x):
            return x * 2, x * 3

        def b(c, g, h):
            seen.append(h)
            return g

        a = T.ones(2, requires_grad=True)
        y, z = mk(f, b).apply(a)
        y.sum().backward()
        return seen

    @case
    def setup():
        class S(F):
            @staticmethod
            def forward(x, k=3):
                return x * k

            @staticmethod
            def setup_context(ctx, inputs, output):
                ctx.k = inputs[1]
                ctx.n = len(inputs)

            @staticmethod
            def backward(ctx, g):
                return g * ctx.k, None

        a = T.ones(2, requires_grad=True)
        y = S.apply(a, 5)
        y.sum().backward()
        r = [a.grad.clone()]
        try:
            y = S.apply(a, k=7)
            y.sum().backward()
            r.append(a.grad.clone())
        except Exception as e:
            r.append(repr(e))
        return r

    @case
    def once():
        class Owner(F):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            @T.autograd.function.once_differentiable
            def backward(ctx, g):
                return g * 2 * ctx.saved_tensors[0]

        a = T.ones(2, requires_grad=True)
        (g,) = T.autograd.grad(Owner.apply(a).sum(), a, create_graph=True)
        r = [g.detach(), g.requires_grad]
        try:
            g.sum().backward()
        except Exception as e:
            r.append((type(e).__name__, str(e)))
        return r

    @case
    def noforward():
        F.apply(T.ones(1))

    @case
    def nobackward():
        class S(F):
            @staticmethod
            def forward(ctx, x):
                return x * 2

        a = T.ones(2, requires_grad=True)
        S.apply(a).sum().backward()

    @case
    def freed():
        x = T.ones(2, requires_grad=True)
        y = Exp.apply(x).sum()
        y.backward()
        y.backward()

    @case
    def exc():
        class My(Exception):
            pass

        def b(c, g):
            raise My("hi")

        x = T.ones(2, requires_grad=True)
        try:
            mk(lambda c, x: x * 2, b).apply(x).sum().backward()
        except My as e:
            return "same", str(e)

    @case
    def savenot():
        def f(c, x):
            c.save_for_backward(x, 3)
            return x * 2

        x = T.ones(2, requires_grad=True)
        mk(f, lambda c, g: g).apply(x)

    @case
    def inplace_saved():
        x = T.ones(2, requires_grad=True)
        a = x * 1

        def f(c, x):
            c.save_for_backward(x)
            return x * 2

        def b(c, g):
            return g * c.saved_tensors[0]

        y = mk(f, b).apply(a)
        a.add_(1)
        y.sum().backward()

    @case
    def viewout():
        x = T.ones(2, 3, requires_grad=True)
        a = x * 1
        y = mk(lambda c, x: x[0], lambda c, g: T.stack([g, g])).apply(a)
        r = [y._is_view(), y.requires_grad]
        try:
            y.add_(1)
            r.append("ok")
        except Exception as e:
            r.append((type(e).__name__, str(e)))
        return r

    @case
    def hook1():
        x = T.ones(2, requires_grad=True)
        y = x * 2
        s = []
        h = y.register_hook(lambda g: (s.append(g.clone()), g * 3)[1])
        y.register_hook(lambda g: s.append(g.clone()))
        x.register_hook(lambda g: g + 1)
        y.sum().backward()
        h.remove()
        r = [x.grad.clone()]
        x.grad = None
        (x * 2).sum().backward()
        r.append(x.grad)
        return r, s

    @case
    def hookerr():
        T.ones(2).register_hook(lambda g: g)

    @case
    def hookbad():
        x = T.ones(2, requires_grad=True)
        x.register_hook(lambda g: 3)
        x.sum().backward()

    @case
    def retain():
        x = T.ones(2, requires_grad=True)
        y = x * 2
        y.retain_grad()
        z = y * 3
        z.sum().backward()
        return y.grad, y.retains_grad, x.retains_grad, z.retains_grad

    @case
    def retainerr():
        T.ones(2).retain_grad()

    @case
    def retaininplace():
        x = T.ones(2, requires_grad=True)
        y = x * 2
        y.retain_grad()
        y.mul_(3)
        y.sum().backward()
        return y.grad, x.grad

    @case
    def retainhook():
        x = T.ones(2, requires_grad=True)
        y = x * 2
        y.retain_grad()
        y.register_hook(lambda g: g * 5)
        y.sum().backward()
        return y.grad, x.grad

    @case
    def post():
        x = T.ones(2, requires_grad=True)
        s = []
        h = x.register_post_accumulate_grad_hook(lambda p: s.append(p.grad.clone()))
        (x * 2).sum().backward()
        (x * 2).sum().backward()
        h.remove()
        (x * 2).sum().backward()
        return s

    @case
    def posterr():
        x = T.ones(2, requires_grad=True) * 1
        x.register_post_accumulate_grad_hook(lambda p: 0)

    @case
    def nodehook():
        x = T.ones(2, requires_grad=True)
        y = x * 2
        s = []
        y.grad_fn.register_hook(lambda gi, go: (s.append((gi, go)), (gi[0] * 10,) + gi[1:])[1])
        y.grad_fn.register_prehook(lambda go: (go[0] + 1,))
        y.sum().backward()
        return s, x.grad

    @case
    def saved():
        x = T.tensor([1.0, 2.0], requires_grad=True)
        y = x * x
        e = x.exp()
        p = x.pow(3)
        r = [
            y.grad_fn._saved_self,
            y.grad_fn._saved_other,
            e.grad_fn._saved_result,
            p.grad_fn._saved_exponent,
            p.grad_fn._saved_self,
        ]
        y.sum().backward()
        try:
            y.grad_fn._saved_self
        except Exception as q:
            r.append(str(q))
        try:
            y.grad_fn._saved_nope
        except Exception as q:
            r.append(type(q).__name__)
        return r

    @case
    def sth():
        s = []
        x = T.tensor([1.0, 2.0], requires_grad=True)
        with T.autograd.graph.saved_tensors_hooks(
            lambda t: (s.append("p"), t.numpy() if not t.requires_grad else t.detach().numpy())[1],
            lambda n: (s.append("u"), T.from_numpy(n))[1],
        ):
            y = (x * x).exp()
        y.sum().backward()
        return x.grad, s

    @case
    def sthdouble():
        x = T.tensor([1.0, 2.0], requires_grad=True)
        with T.autograd.graph.saved_tensors_hooks(lambda t: t.detach().clone(), lambda n: n):
            y = x * x * x
        (g,) = T.autograd.grad(y.sum(), x, create_graph=True)
        (g2,) = T.autograd.grad(g.sum(), x)
        return g, g2

    @case
    def sthdisabled():
        with T.autograd.graph.disable_saved_tensors_hooks("no!"):
            with T.autograd.graph.saved_tensors_hooks(lambda t: t, lambda n: n):
                pass

    @case
    def anomaly():
        x = T.tensor([-1.0], requires_grad=True)
        with warnings.catch_warnings(record=True) as w:
            warnings.simplefilter("always")
            with T.autograd.detect_anomaly():
                y = (x.sqrt() * 0).sum()
                try:
                    y.backward()
                except RuntimeError as e:
                    r = str(e)
        return r, [str(q.message).splitlines()[0][:120] for q in w]

    @case
    def reentrant():
        class R(F):
            @staticmethod
            def forward(ctx, x):
                ctx.save_for_backward(x)
                return x * x

            @staticmethod
            def backward(ctx, g):
                (x,) = ctx.saved_tensors
                with T.enable_grad():
                    z = x.detach().requires_grad_()
                    (z * z).sum().backward()
                return z.grad * g

        x = T.ones(2, requires_grad=True)
        R.apply(R.apply(x)).sum().backward()
        return x.grad

    @case
    def threads():
        import threading

        x = T.ones(2, requires_grad=True)
        out = []

        def run():
            for _ in range(50):
                y = Exp.apply(x * 2).sum()
                (g,) = T.autograd.grad(y, x)
                out.append(float(g[0]))

        ts = [threading.Thread(target=run) for _ in range(4)]
        [q.start() for q in ts]
        [q.join() for q in ts]
        return len(out), len(set(out))

    @case
    def gcc():
        class C(F):
            @staticmethod
            def forward(ctx, x):
                ctx.x = x
                y = x * 2
                ctx.y = y
                return y

            @staticmethod
            def backward(ctx, g):
                return g

        class Owner:
            pass

        o = Owner()
        w = weakref.ref(o)
        x = T.ones(2, requires_grad=True)
        y = C.apply(x)
        y.grad_fn.o = o
        del o
        del y
        gc.collect()
        return w() is None

    @case
    def gchook():
        class Owner:
            pass

        def hooked(tensor):
            owner = Owner()
            tensor.register_hook(lambda g: (tensor, owner))
            return weakref.ref(owner)

        x = T.ones(2, requires_grad=True)
        w = hooked(x * 2)
        gc.collect()
        r = w() is None
        w = hooked(T.ones(2, requires_grad=True))
        gc.collect()
        return r, w() is None

    @case
    def nestedcustom():
        class A(F):
            @staticmethod
            def forward(ctx, x):
                return Exp.apply(x)

            @staticmethod
            def backward(ctx, g):
                return g * 7

        x = T.ones(2, requires_grad=True)
        A.apply(x).sum().backward()
        return x.grad

    @case
    def nograd():
        x = T.ones(2, requires_grad=True)
        with T.no_grad():
            y = Exp.apply(x)
        return y.requires_grad, y.grad_fn, Exp.apply(T.ones(2)).requires_grad

    @case
    def nontensor_out():
        x = T.ones(2, requires_grad=True)
        y = mk(lambda c, x: (x * 2, "s", None), lambda c, g, a, b: g * 3).apply(x)
        y[0].sum().backward()
        return y, x.grad

    @case
    def lst():
        x = T.ones(2, requires_grad=True)
        y = mk(lambda c, x: [x * 2], lambda c, g: g * 3).apply(x)
        return type(y).__name__

    @case
    def noneg():
        s = []
        g1 = mk(lambda c, x: x * 2, lambda c, g: (s.append(g), g)[1])
        g2 = mk(lambda c, x: x * 2, lambda c, g: None)
        x = T.ones(2, requires_grad=True)
        g2.apply(g1.apply(x)).sum().backward()
        return s, x.grad

    @case
    def markdirtybad():
        def f(c, x):
            c.mark_dirty(3)
            return x * 1

        x = T.ones(2, requires_grad=True)
        mk(f, lambda c, g: g).apply(x)

    @case
    def inst():
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            Exp()(T.ones(2))

    @case
    def kw():
        Exp.apply(x=T.ones(2))

    @case
    def edge():
        x = T.ones(2, requires_grad=True)
        e = T.autograd.graph.get_gradient_edge(x)
        return e.node.name(), e.output_nr

    @case
    def meta():
        x = T.ones(2, requires_grad=True)
        f = (x * x).grad_fn
        f.metadata["a"] = 1
        return f.metadata, sorted(n for n in dir(f) if n.startswith("_saved"))[:3]

    @case
    def forwardad():
        class S(F):
            @staticmethod
            def forward(x):
                return x.sin()

            @staticmethod
            def setup_context(ctx, i, o):
                ctx.save_for_forward(i[0])
                ctx.save_for_backward(i[0])

            @staticmethod
            def backward(ctx, g):
                return g * ctx.saved_tensors[0].cos()

            @staticmethod
            def jvp(ctx, t):
                return t * ctx.saved_tensors[0].cos()

        import importlib

        fw = importlib.import_module(T.__name__ + ".autograd.forward_ad")
        with fw.dual_level():
            d = fw.make_dual(T.tensor([0.3]), T.tensor([2.0]))
            return fw.unpack_dual(S.apply(d)).tangent

    @case
    def viewbase():
        x = T.ones(4, requires_grad=True)
        a = x * 1
        v = a[:2]

        def f(c, x):
            x.mul_(3)
            c.mark_dirty(x)
            return x

        mk(f, lambda c, g: g * 3).apply(v)
        a.sum().backward()
        return x.grad, a.grad_fn.name()

    return tests


if __name__ == "__main__":
    import torch

    with open(GOLDEN, "w") as f:
        json.dump(outcomes(torch), f, indent=0)
