"""Functions whose gradients gradcheck finds right or wrong: the same code for PyTorch and facula.
`python gradcheck_cases.py` records what PyTorch says in tests/golden/gradcheck.json.gz."""

import gzip
import importlib
import json
import os
import warnings

GOLDEN = os.path.join(os.path.dirname(os.path.dirname(__file__)), "golden", "gradcheck.json.gz")


def outcomes(T):
    """{case: what gradcheck says, as text, and the warnings it gives}"""
    found = {}
    for name, case in cases(T).items():
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            try:
                result = repr(case())
            except Exception as e:
                result = f"{type(e).__name__}: {e}"
        found[name] = [result, *(f"{w.category.__name__}: {w.message}" for w in seen)]
    return found


def cases(T):
    module = importlib.import_module(T.__name__ + ".autograd.gradcheck")
    gradcheck, gradgradcheck = module.gradcheck, module.gradgradcheck
    tests = {}
    D, C = T.float64, T.complex128

    def leaf(*shape, dtype=D):
        n = 1
        for s in shape:
            n *= s
        t = T.arange(1, n + 1, dtype=T.float64).mul(0.37).sin().add(1.5).to(dtype)
        if dtype.is_complex:
            t = t + T.arange(n).to(dtype) * 0.25j
        return t.reshape(shape).requires_grad_()

    def case(name, check, f, inputs, *args, **keywords):
        tests[name] = lambda: check(f, inputs() if callable(inputs) else inputs, *args, **keywords)

    def fn(fwd, bwd, **more):
        parts = {"forward": staticmethod(fwd), "backward": staticmethod(bwd), **more}
        return type("Fn", (T.autograd.Function,), parts).apply

    def saved(fwd, bwd):
        def forward(ctx, *args):
            ctx.save_for_backward(*args)
            return fwd(*args)

        return fn(forward, lambda ctx, *g: bwd(ctx.saved_tensors, *g))

    def both(name, check, f, inputs, *args, **keywords):
        case(name, check, f, inputs, *args, **keywords)
        case(name + "_fast", check, f, inputs, *args, fast_mode=True, **keywords)

    double_sin = saved(lambda x: x.sin(), lambda s, g: g * s[0].cos() * 2)
    one_wrong = saved(
        lambda x: x * x, lambda s, g: g * s[0] * T.tensor([2.0, 2.0, 1.0], dtype=g.dtype)
    )

    both("right", gradcheck, lambda x: x.sin(), leaf(3))
    both("right_two", gradcheck, lambda x, y: (x * y, x + y), lambda: (leaf(2, 3), leaf(3)))
    both("right_list", gradcheck, lambda x: [x.exp()], lambda: [leaf(2)])
    both("right_other_arguments", gradcheck, lambda x, k, n: x * k, lambda: (leaf(2), 3, None))
    both("right_complex", gradcheck, lambda x: x * x.conj() * x, lambda: leaf(3, dtype=C))
    both("right_complex_to_real", gradcheck, lambda x: x.abs(), lambda: leaf(3, dtype=C))
    both("right_real_to_complex", gradcheck, lambda x: T.complex(x, x * x), lambda: leaf(3))
    both(
        "right_angle", gradcheck, lambda x, y: (x * y, y.real), lambda: (leaf(3), leaf(3, dtype=C))
    )
    both("wrong", gradcheck, double_sin, lambda: leaf(3))
    both("wrong_matrix", gradcheck, double_sin, lambda: leaf(2, 2))
    both("wrong_one", gradcheck, one_wrong, lambda: leaf(3))
    both("wrong_zero_dim", gradcheck, double_sin, lambda: leaf())
    both("wrong_false", gradcheck, double_sin, lambda: leaf(3), raise_exception=False)
    both(
        "wrong_second",
        gradcheck,
        lambda x, y: (x + y, double_sin(y)),
        lambda: (leaf(2), leaf(2)),
    )
    both("wrong_complex", gradcheck, double_sin, lambda: leaf(2, dtype=C))
    both(
        "wrong_conjugate",
        gradcheck,
        saved(lambda x: x * x, lambda s, g: g * s[0] * 2),
        lambda: leaf(2, dtype=C),
    )
    both(
        "wrong_complex_input_real_output",
        gradcheck,
        saved(lambda x: x.real * 1, lambda s, g: (g * 1j).to(s[0].dtype)),
        lambda: leaf(2, dtype=C),
    )
    both(
        "wrong_real_input_complex_output",
        gradcheck,
        saved(lambda x: T.complex(x, x), lambda s, g: g.real),
        lambda: leaf(2),
    )
    case("tolerance", gradcheck, double_sin, lambda: leaf(3), atol=10.0)
    case("eps", gradcheck, lambda x: x.sin(), lambda: leaf(3), eps=0.5)
    case("rtol", gradcheck, double_sin, lambda: leaf(3), rtol=2.0)
    both("no_gradient", gradcheck, lambda x: x * 2, T.ones(2, dtype=D))
    both("no_gradient_false", gradcheck, lambda x: x * 2, T.ones(2, dtype=D), raise_exception=False)
    both("single_precision", gradcheck, lambda x: x * 2, lambda: leaf(2, dtype=T.float32))
    both(
        "single_precision_second",
        gradcheck,
        lambda x, y: x * y,
        lambda: (leaf(2), leaf(2, dtype=T.complex64)),
        atol=0.1,
    )
    both(
        "overlap",
        gradcheck,
        lambda x: x * 2,
        lambda: T.ones(1, dtype=D).expand(3).requires_grad_(),
    )
    both(
        "overlap_size_one",
        gradcheck,
        lambda x: x * 2,
        lambda: T.ones(3, dtype=D)[None].expand(1, 3).as_strided((1, 3), (0, 1)).requires_grad_(),
    )
    both(
        "overlap_other_input",
        gradcheck,
        lambda x, y: x * y,
        lambda: (leaf(3), T.ones(1, dtype=D).expand(3).requires_grad_()),
    )
    both("detached", gradcheck, lambda x: x.detach() * 2, lambda: leaf(2))
    both("constant", gradcheck, lambda x: T.ones(2, dtype=D), lambda: leaf(2))
    both("no_outputs", gradcheck, lambda x: (), lambda: leaf(2))
    both("integers", gradcheck, lambda x: x.gt(1.5), lambda: leaf(2))
    both("rounded", gradcheck, lambda x: (x * 1e7).long(), lambda: leaf(2))
    both("some_integers", gradcheck, lambda x: (x * 2, x.argmax()), lambda: leaf(2))
    both("none_output", gradcheck, lambda x: None, lambda: leaf(2))
    both("list_of_none", gradcheck, lambda x: (x, None), lambda: leaf(2))
    both("changed_shape", gradcheck, saved(lambda x: x * 2, lambda s, g: g.sum()), lambda: leaf(2))
    both("raises", gradcheck, lambda x: x.view(7), lambda: leaf(2))
    both(
        "backward_raises",
        gradcheck,
        saved(lambda x: x * 2, lambda s, g: g.view(7)),
        lambda: leaf(2),
    )

    def counted():
        calls = []

        def backward(s, g):
            calls.append(0)
            return g * (2 + len(calls) * 1e-9)

        return saved(lambda x: x * 2, backward)

    tests["nondeterministic"] = lambda: gradcheck(counted(), leaf(2))
    tests["nondeterministic_fast"] = lambda: gradcheck(counted(), leaf(2), fast_mode=True)
    tests["nondeterministic_tolerated"] = lambda: gradcheck(counted(), leaf(2), nondet_tol=1e-5)
    tests["nondeterministic_false"] = lambda: gradcheck(counted(), leaf(2), raise_exception=False)

    def undefined(value):
        def backward(ctx, g):
            return value(g)

        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2

        return fn(forward, backward)

    case("undefined_fails", gradcheck, undefined(lambda g: g * 2), lambda: leaf(2))
    case(
        "undefined_fails_unchecked",
        gradcheck,
        undefined(lambda g: g * 2),
        lambda: leaf(2),
        check_undefined_grad=False,
    )
    case(
        "undefined_not_zero",
        gradcheck,
        undefined(lambda g: T.ones(2, dtype=D) if g is None else g * 2),
        lambda: leaf(2),
    )
    case(
        "undefined_zero",
        gradcheck,
        undefined(lambda g: T.zeros(2, dtype=D) if g is None else g * 2),
        lambda: leaf(2),
    )
    case(
        "undefined_none",
        gradcheck,
        undefined(lambda g: None if g is None else g * 2),
        lambda: leaf(2),
    )

    def undefined_two(value):
        def forward(ctx, x):
            ctx.set_materialize_grads(False)
            return x * 2, x * 3

        return fn(forward, lambda ctx, g, h: value(g, h))

    case(
        "undefined_one_of_two",
        gradcheck,
        undefined_two(lambda g, h: None if g is None and h is None else g * 2 + h * 3),
        lambda: leaf(2),
    )
    case(
        "undefined_both",
        gradcheck,
        undefined_two(
            lambda g, h: (
                T.ones(2, dtype=D)
                if g is None and h is None
                else (0 if g is None else g * 2) + (0 if h is None else h * 3)
            )
        ),
        lambda: leaf(2),
    )
    both(
        "not_linear",
        gradcheck,
        saved(lambda x: x * 2, lambda s, g: T.where(g == 0, 1.0, g * 2)),
        lambda: leaf(2),
    )
    both(
        "gradient_of_zero",
        gradcheck,
        saved(lambda x: x * 1, lambda s, g: g + (g == 0).all().to(D)),
        lambda: leaf(2),
    )
    both(
        "strided_gradient",
        gradcheck,
        saved(lambda x: x * 1, lambda s, g: g + (g == 0).all().to(D)),
        lambda: leaf(1),
    )
    case(
        "gradient_dtype",
        gradcheck,
        saved(lambda x: x * 2, lambda s, g: (g * 2).to(T.complex128)),
        lambda: leaf(2),
        check_grad_dtypes=True,
    )
    both(
        "gradient_dtype_right", gradcheck, lambda x: x * 2, lambda: leaf(2), check_grad_dtypes=True
    )
    both("batched", gradcheck, lambda x: x.sin() * x, lambda: leaf(3), check_batched_grad=True)
    both("batched_two", gradcheck, lambda x, y: (x * y, x + y), lambda: (leaf(2), leaf(2)),
         check_batched_grad=True)  # fmt: skip
    case("fast_batched_forward_alone", gradcheck, lambda x: x * 2, lambda: leaf(2),
         check_batched_forward_grad=True)  # fmt: skip
    case("neither", gradcheck, lambda x: x * 2, lambda: leaf(2), check_backward_ad=False)
    case("batched_without_backward", gradcheck, lambda x: x * 2, lambda: leaf(2),
         check_backward_ad=False, check_forward_ad=True, check_batched_grad=True)  # fmt: skip
    both("forward", gradcheck, lambda x: x.sin() * x, lambda: leaf(3), check_forward_ad=True)
    both("forward_only", gradcheck, lambda x: x.sin() * x, lambda: leaf(3), check_forward_ad=True,
         check_backward_ad=False)  # fmt: skip
    both("forward_two", gradcheck, lambda x, y: (x * y, x.exp()), lambda: (leaf(2, 2), leaf(2)),
         check_forward_ad=True)  # fmt: skip
    both("forward_complex", gradcheck, lambda x: (x * x).exp(), lambda: leaf(2, dtype=C),
         check_forward_ad=True)  # fmt: skip
    both("forward_complex_to_real", gradcheck, lambda x: x.abs(), lambda: leaf(2, dtype=C),
         check_forward_ad=True)  # fmt: skip
    both("forward_real_to_complex", gradcheck, lambda x: T.complex(x, x * x), lambda: leaf(2),
         check_forward_ad=True)  # fmt: skip
    both("forward_batched", gradcheck, lambda x: x.sin() * x, lambda: leaf(3), check_forward_ad=True,
         check_batched_forward_grad=True)  # fmt: skip

    def jvp_is(value):
        class Fn(T.autograd.Function):
            @staticmethod
            def forward(ctx, x):
                return x * 2

            @staticmethod
            def backward(ctx, g):
                return g * 2

            @staticmethod
            def jvp(ctx, t):
                return value(t)

        return Fn.apply

    both(
        "forward_wrong", gradcheck, jvp_is(lambda t: t * 3), lambda: leaf(2), check_forward_ad=True
    )
    both("forward_right", gradcheck, jvp_is(lambda t: t * 2), lambda: leaf(2), check_forward_ad=True,
         check_undefined_grad=False)  # fmt: skip
    both("forward_missing", gradcheck, fn(lambda c, x: x * 2, lambda c, g: g * 2), lambda: leaf(2),
         check_forward_ad=True)  # fmt: skip

    both("second", gradgradcheck, lambda x: x.sin() * x, lambda: leaf(3))
    both("second_two", gradgradcheck, lambda x, y: (x * y, x * x), lambda: (leaf(2), leaf(2)))
    both("second_linear", gradgradcheck, lambda x: x * 2, lambda: leaf(2))
    both("second_complex", gradgradcheck, lambda x: x * x * x.conj(), lambda: leaf(2, dtype=C))
    both("second_complex_to_real", gradgradcheck, lambda x: x.abs(), lambda: leaf(2, dtype=C))
    both(
        "second_given",
        gradgradcheck,
        lambda x: x * x,
        lambda: leaf(2),
        T.ones(2, dtype=D, requires_grad=True),
    )
    both(
        "second_given_constant", gradgradcheck, lambda x: x * x * x, lambda: leaf(2),
        T.ones(2, dtype=D),
    )  # fmt: skip
    both(
        "second_given_list", gradgradcheck, lambda x: x * x, lambda: leaf(2),
        [T.ones(2, dtype=D, requires_grad=True)],
    )  # fmt: skip
    both("second_strided", gradgradcheck, lambda x: x * x, lambda: leaf(2, 2),
         gen_non_contig_grad_outputs=True)  # fmt: skip
    wrong_twice = saved(lambda x: x**3, lambda s, g: g * 3 * (s[0] * s[0].detach()))
    both(
        "second_wrong",
        gradgradcheck,
        wrong_twice,
        lambda: leaf(2),
        T.ones(2, dtype=D, requires_grad=True),
    )
    both("second_wrong_false", gradgradcheck, wrong_twice, lambda: leaf(2), raise_exception=False)
    both(
        "second_none", gradgradcheck,
        saved(lambda x: x**3, lambda s, g: (g * 3 * s[0] * s[0]).detach()), lambda: leaf(2),
    )  # fmt: skip
    both("second_forward_over_reverse", gradgradcheck, lambda x: x.sin() * x, lambda: leaf(2),
         check_fwd_over_rev=True)  # fmt: skip
    both("second_forward_over_reverse_only", gradgradcheck, lambda x: x.sin() * x, lambda: leaf(2),
         check_fwd_over_rev=True, check_rev_over_rev=False, check_undefined_grad=False)  # fmt: skip
    case("second_neither", gradgradcheck, lambda x: x.sin() * x, lambda: leaf(2),
         check_rev_over_rev=False)  # fmt: skip
    both("second_batched", gradgradcheck, lambda x: x.sin() * x, lambda: leaf(2),
         check_batched_grad=True)  # fmt: skip
    both("second_integers", gradgradcheck, lambda x: (x * x, x.argmax()), lambda: leaf(2))
    both("second_no_outputs", gradgradcheck, lambda x: x.argmax(), lambda: leaf(2))
    both("empty", gradcheck, lambda x: x * 2, lambda: T.empty(0, 3, dtype=D).requires_grad_())
    both("empty_output", gradcheck, lambda x: x[:0] * 2, lambda: leaf(2))
    both("strided", gradcheck, lambda x: x * x, lambda: leaf(2, 3).detach().t().requires_grad_())
    both("view", gradcheck, lambda x: x[:, 0], lambda: leaf(2, 3))
    both("not_leaf", gradcheck, lambda x: x * x, lambda: leaf(4, 4)[::2, 1::2])
    both("identity", gradcheck, lambda x: x, lambda: leaf(3))
    both("written", gradcheck, lambda x: x.clone().mul_(x), lambda: leaf(3))
    both("written_input", gradcheck, lambda x: x.mul_(2), lambda: leaf(3))
    both("float_output", gradcheck, lambda x: x.float() * 2, lambda: leaf(2), atol=1e-1, eps=1e-3)
    both("masked", gradcheck, lambda x: x * 2, lambda: leaf(2), masked=True)
    both("not_masked", gradcheck, lambda x: x * 2, lambda: leaf(2), masked=False)
    both("string", gradcheck, lambda x: x * 2, "abc")
    both("nothing", gradcheck, lambda: T.ones(2), ())
    both("number", gradcheck, lambda x: x, 3.0)
    both("nan", gradcheck, lambda x: x.log(), lambda: T.tensor([-1.0], dtype=D, requires_grad=True))
    both("dict", gradcheck, lambda x: {"a": x}, lambda: leaf(2))

    # What the first ten letters say is enough here: the call at which it happens.
    def at_call(k, otherwise, then):
        calls = []

        def f(x):
            calls.append(0)
            return then(x) if len(calls) == k else otherwise(x)

        return f

    tests["shape_changes"] = lambda: gradcheck(
        at_call(3, lambda x: x * 1, lambda x: x[1:]), leaf(4)
    )
    tests["shape_changes_fast"] = lambda: gradcheck(
        at_call(3, lambda x: x * 1, lambda x: x[1:]), leaf(4), fast_mode=True
    )
    tests["dtype_changes"] = lambda: gradcheck(
        at_call(3, lambda x: x * 1, lambda x: x.float()), leaf(4)
    )
    tests["fast_fails_slow_passes"] = lambda: gradcheck(
        at_call(2, lambda x: x * 2, lambda x: x * 2.1), leaf(2), fast_mode=True
    )
    total = saved(lambda x: (x.sum() * 2, x[:2] * 1), lambda s, g, h: g * s[0] + h.sum())
    both("not_square", gradcheck, total, lambda: leaf(3))
    both("not_square_matrix", gradcheck, saved(lambda x: x.sum(0), lambda s, g: g * s[0]),
         lambda: leaf(3, 2))  # fmt: skip
    half = saved(lambda x: x.float(), lambda s, g: g.double() * 2)
    case("float_from_double", gradcheck, half, lambda: leaf(2), eps=1e-3)
    single = leaf(2, dtype=T.float32)
    case("double_from_float", gradcheck, saved(lambda x: x.double(), lambda s, g: g.float() * 2),
         single, eps=1e-2)  # fmt: skip
    case("complex_from_float", gradcheck,
         saved(lambda x: x.double() + 0j, lambda s, g: g.real.float() * 2), single, eps=1e-2)  # fmt: skip
    mixed = saved(lambda x: (x.real * 1, x * 1, x * 2), lambda s, a, b, c: a + b + c)
    both("mixed_outputs", gradcheck, mixed, lambda: leaf(2, dtype=C))
    mixed = saved(lambda x: (x.real * 1, x * 1, x * 2), lambda s, a, b, c: a * 2 + b + c * 2)
    both("mixed_outputs_real", gradcheck, mixed, lambda: leaf(2, dtype=C))
    same = saved(lambda x: x * 1, lambda s, g: g * 2)
    case("relative_to_numerical", gradcheck, same, lambda: leaf(2), atol=0, rtol=0.6)
    twice = saved(lambda x: x * 2, lambda s, g: g)
    case("relative_to_numerical_within", gradcheck, twice, lambda: leaf(2), atol=0, rtol=0.6)
    near = saved(lambda x: x * 1, lambda s, g: g * 1.25)
    for atol in (0.025, 0.03):
        case(f"fast_atol_{atol}", gradcheck, near, lambda: leaf(9), fast_mode=True, rtol=0,
             atol=atol)  # fmt: skip
    for atol in (0.012, 0.014):
        case(f"fast_atol_complex_{atol}", gradcheck, near, lambda: leaf(9, dtype=C), fast_mode=True,
             rtol=0, atol=atol)  # fmt: skip

    def refuses(g):
        if g is None:
            raise RuntimeError("undefined")
        return g * 2

    case("undefined_raises", gradcheck, undefined(refuses), lambda: leaf(2))
    case("positional", gradcheck, lambda x: x, lambda: leaf(2), 1e-6)
    case("second_too_few", gradgradcheck, lambda x: (x * x, x * 2), lambda: leaf(2),
         [T.ones(2, dtype=D)])  # fmt: skip
    both("fewer_gradients", gradcheck, lambda x, y: x * 2, lambda: (leaf(2), leaf(2)))

    def tangents(value):
        class Fn(T.autograd.Function):
            @staticmethod
            def forward(ctx, x, y):
                ctx.set_materialize_grads(False)
                ctx.save_for_backward(x, y)
                ctx.save_for_forward(x, y)
                return x * y

            @staticmethod
            def backward(ctx, g):
                x, y = ctx.saved_tensors
                return (None, None) if g is None else (g * y, g * x)

            @staticmethod
            def jvp(ctx, t, u):
                return value(*ctx.saved_tensors, t, u)

        return Fn.apply

    case("forward_undefined_raises", gradcheck, tangents(lambda x, y, t, u: t * y + u * x),
         lambda: (leaf(2), leaf(2)), check_forward_ad=True)  # fmt: skip
    for name, conj in (
        ("forward_conjugate", lambda t: t.conj()),
        ("forward_half", lambda t: t / 2),
    ):
        both(name, gradcheck, jvp_is(lambda t, conj=conj: conj(t) * 2), lambda: leaf(2, dtype=C),
             check_forward_ad=True, check_undefined_grad=False)  # fmt: skip
    return tests


if __name__ == "__main__":
    import torch

    with gzip.GzipFile(GOLDEN, "w", mtime=0) as f:
        f.write(json.dumps(outcomes(torch), indent=0).encode())
