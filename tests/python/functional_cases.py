"""torch.autograd.functional: the same code for PyTorch and facula.
`python functional_cases.py` records what PyTorch does in tests/golden/autograd_functional.json."""

import gzip
import importlib
import itertools
import json
import os
import warnings

GOLDEN = os.path.join(
    os.path.dirname(os.path.dirname(__file__)), "golden", "autograd_functional.json.gz"
)


def outcomes(T):
    """{case: what happens, as text, and the warnings}"""
    found = {}
    for name, case in cases(T).items():
        with warnings.catch_warnings(record=True) as seen:
            warnings.simplefilter("always")
            try:
                result = repr(description(T, case()))
            except Exception as e:
                result = f"{type(e).__name__}: {e}"
        seen = [w for w in seen if "torch.jit" not in str(w.message)]
        found[name] = [result, *(f"{w.category.__name__}: {w.message}" for w in seen)]
    return found


def description(T, x):
    """Values, whether they have a graph, and the tuples around them; zeros without sign."""
    if isinstance(x, (tuple, list)):
        return [description(T, y) for y in x]
    if not isinstance(x, T.Tensor):
        return x
    values = (x.detach() + 0.0).round(decimals=4) if not x.is_complex() else x.detach() + 0.0
    return values.tolist(), str(x.dtype)[6:], "graph" if x.requires_grad else ""


def cases(T):
    F = importlib.import_module(T.__name__ + ".autograd.functional")
    tests = {}
    a = T.tensor([0.5, -1.5])
    b = T.tensor([[1.0, 2.0], [3.0, 4.0]])
    s = T.tensor(0.7)

    functions = {
        "square": (lambda x: x * x, a),
        "matrix": (lambda x: (x * x * x).sum(0), b),
        "two_inputs": (lambda x, y: (y * x).sum(1), (a, b)),
        "two_outputs": (lambda x: (x * x, x.sum()), a),
        "both": (lambda x, y: (x * y, y.sin(), x.sum()), (a, b)),
        "list": (lambda x, y: [x * y], [a, s]),
        "scalar": (lambda x: (x**3).sum(), a),
        "scalar_two": (lambda x, y: (x**3).sum() + (x * y**2).sum(), (a, b)),
        "scalar_tuple": (lambda x: ((x**3).sum(),), (a,)),
        "zero_dim": (lambda x: x.sin() * x, s),
        "one_element": (lambda x: x * x, a[:1]),
        "independent": (lambda x: T.ones(2), a),
        "unused": (lambda x, y: x * x, (a, b)),
        "unused_scalar": (lambda x, y: (x**2).sum(), (a, b)),
        "linear_scalar": (lambda x: x.sum(), a),
        "detached": (lambda x: x.detach() * 2, a),
        "detached_scalar": (lambda x: x.detach().sum(), a),
        "constant_part": (lambda x: (x * x, T.ones(2)), a),
        "identity": (lambda x: x, a),
        "identity_scalar": (lambda x: x, s),
        "complex": (lambda x: x * x.conj() * x, a + 1j * a.flip(0)),
        "none": (lambda x: None, a),
        "number": (lambda x: 3.0, a),
        "some_number": (lambda x: (x, 3), a),
        "requires_grad": (lambda x: x * x, a.clone().requires_grad_()),
        "number_input": (lambda x: x, 3),
        "some_number_input": (lambda x, y: x, (a, 3)),
        "integers": (lambda x: x * 2, T.tensor([1, 2])),
        "inplace": (lambda x: x.clone().mul_(x), a),
    }  # fmt: skip

    def vectors(values):
        return tuple(T.arange(1.0, v.numel() + 1).reshape(v.shape).to(v.dtype) for v in values)

    def cut(x):
        return [cut(y) for y in x] if isinstance(x, (tuple, list)) else x.detach()

    def many(x):
        return isinstance(x, (tuple, list))

    def case(name, f, x, keywords):
        def jacobian():
            return F.jacobian(f, x, **keywords)

        def hessian():
            return F.hessian(f, x, **keywords)

        def by_vector(which, of_output):
            def run():
                like = f(*x) if many(x) else f(x)
                like = like if of_output else x
                v = vectors(like) if many(like) else vectors((like,))[0]
                return getattr(F, which)(f, x, v, **keywords)

            return run

        text = "".join(f" {k}={v}" for k, v in keywords.items())
        tests[f"jacobian {name}{text}"] = jacobian
        tests[f"hessian {name}{text}"] = hessian
        if "vectorize" not in keywords:
            tests[f"vjp {name}{text}"] = by_vector("vjp", True)
            for which in ("jvp", "vhp", "hvp"):
                tests[f"{which} {name}{text}"] = by_vector(which, False)

    for name, (f, x) in functions.items():
        for create, strict in itertools.product((False, True), (False, True)):
            case(name, f, x, {"create_graph": create, "strict": strict})
        case(name, f, x, {"vectorize": True})
        case(name, f, x, {"vectorize": True, "create_graph": True})
        if name in ("complex", "none", "number", "some_number"):
            continue  # PyTorch's own errors there
        tests[f"jacobian {name} forward"] = lambda f=f, x=x: F.jacobian(
            f, x, vectorize=True, strategy="forward-mode"
        )
        # (a graph remains on PyTorch's)
        tests[f"hessian {name} forward"] = lambda f=f, x=x: cut(
            F.hessian(f, x, vectorize=True, outer_jacobian_strategy="forward-mode")
        )
        for which in ("vjp", "jvp", "vhp", "hvp"):
            tests[f"{which} {name} no v"] = lambda w=which, f=f, x=x: getattr(F, w)(f, x)
    square, total = functions["square"], functions["scalar"]
    for which in ("vjp", "jvp", "vhp", "hvp"):
        pair = functions["scalar_two" if "h" in which else "two_inputs"]
        for name, v in {"shape": T.ones(3), "dim": T.ones(1, 2), "type": 3, "two": (a, a),
                        "three": (a, a, a), "dtype": a.double(), "list": [a], "zero": s}.items():  # fmt: skip
            f, x = total if "h" in which else square
            tests[f"{which} v {name}"] = lambda w=which, f=f, x=x, v=v: getattr(F, w)(f, x, v)
            tests[f"{which} two, v {name}"] = lambda w=which, p=pair, v=v: getattr(F, w)(*p, v)
    tests["strategy"] = lambda: F.jacobian(*square, strategy="sideways")
    tests["strategy unvectorized"] = lambda: F.jacobian(*square, strategy="forward-mode")
    tests["strategy strict"] = lambda: F.jacobian(
        *square, strategy="forward-mode", vectorize=True, strict=True
    )
    tests["strategy graph"] = lambda: F.jacobian(
        *square, strategy="forward-mode", vectorize=True, create_graph=True
    )
    tests["vectorize strict"] = lambda: F.jacobian(*square, vectorize=True, strict=True)
    tests["hessian strategy"] = lambda: F.hessian(*total, outer_jacobian_strategy="sideways")
    tests["hessian strategy unvectorized"] = lambda: F.hessian(
        *total, outer_jacobian_strategy="forward-mode"
    )
    tests["hessian vectorize strict"] = lambda: F.hessian(*total, vectorize=True, strict=True)
    tests["no_grad"] = lambda: _without_grad(T, F, square)

    def third():
        x = a.clone().requires_grad_()
        h = F.hessian(lambda x: (x**4).sum(), x, create_graph=True)
        h.sum().backward()
        return h, x.grad

    def parameters():
        w = T.tensor([2.0, 3.0], requires_grad=True)
        j = F.jacobian(lambda x: x * w, a, create_graph=True)
        j.sum().backward()
        return j, w.grad

    tests["third"], tests["parameters"] = third, parameters
    return tests


def _without_grad(T, F, square):
    with T.no_grad():
        return (
            F.jacobian(*square),
            F.jacobian(*square, create_graph=True),
            F.vjp(*square, T.ones(2)),
        )


if __name__ == "__main__":
    import torch

    with gzip.GzipFile(GOLDEN, "w", mtime=0) as f:
        f.write(json.dumps(outcomes(torch), indent=0).encode())
