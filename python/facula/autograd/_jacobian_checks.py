"""What gradcheck does: Jacobians by central differences against those of autograd.

A Jacobian of an output by an input is a matrix of (elements of the input, elements of the output).
A complex output counts as two real ones, its parts. By a complex input x + iy the numerical
Jacobian of a real output s is ds/dx + i ds/dy, the gradient as autograd defines it.
The fast way takes random vectors u for each input and v for each output, and compares u'Jv: one
difference and one backward for each Jacobian, however many elements it has.
"""

import warnings

import facula as torch
from facula._C import Tensor

from .function import Function
from .gradcheck import GradcheckError

_NONDETERMINISTIC = """\
Backward is not reentrant, i.e., running backward with same input and grad_output multiple times \
gives different values, although analytical gradient matches numerical gradient.\
The tolerance for nondeterminism was {}.

NOTE: If the function relies on non-deterministic operations, call gradcheck/gradgradcheck with
`nondet_tol=<tol>` as a keyword argument.
"""

_IN_FAST_MODE = """
The above quantities relating the numerical and analytical jacobians are computed \n\
in fast mode. See: https://github.com/pytorch/pytorch/issues/53876 for more background \n\
about fast mode. Below, we recompute numerical and analytical jacobians in slow mode:

Numerical:
 {}
Analytical:
{}

The max per-element difference (slow mode) is: {}.
"""

_FAST_ONLY = """\
Fast gradcheck failed but element-wise differences are small. This means that the
test might've passed in slow_mode!

To find out, call gradcheck/gradgradcheck with `fast_mode=False` as a keyword argument.
"""

_BATCHED = """
gradcheck or gradgradcheck failed while testing batched gradient computation.
Batched gradients run the backward computation under vmap; an operation in it that vmap cannot run
is what fails most often. `check_batched_grad=False` skips this test.
"""

_BATCHED_FORWARD = """

gradcheck failed while testing batched gradient computation with forward-mode AD.
`check_batched_forward_grad=False` skips this test.
"""


def _tuple(x):
    return tuple(x) if isinstance(x, (tuple, list)) else (x,)


def _has_gradient(x):
    return isinstance(x, Tensor) and x.requires_grad


def _differentiable(result):
    return [y for y in _tuple(result) if y.requires_grad]


def _is_sparse(t):
    return t.layout != torch.strided


def _is_number(t):
    return t.is_floating_point() or t.is_complex()


def _dense(t):
    return t.to_dense() if _is_sparse(t) else t


class _Problem:
    """A function at a point, its results there, and how its outputs and inputs are looked at."""

    def __init__(self, func, inputs, masked, results=None, prefix="", concerned=None):
        self.func, self.inputs, self.masked = func, inputs, masked
        self.prefix = prefix  # of messages about the outputs (or inputs) concerned
        self.concerned = concerned
        self.wanted = [x for x in inputs if _has_gradient(x)]
        self.results = _tuple(func(*inputs)) if results is None else results
        self.outputs = [y for y in self.results if y.requires_grad]
        # Of each output: its place among the results, and among those that are numbers.
        self.places, numbers = [], 0
        for k, y in enumerate(self.results):
            if y.requires_grad:
                self.places.append((k, numbers))
            numbers += _is_number(y)

    def values(self, x=None, instead=None):
        """Copies of all results, of a sparse x replaced."""
        given = [instead if a is x and instead is not None else a for a in self.inputs]
        return [y.detach().clone() for y in _tuple(self.func(*given))]

    def text(self, i, j):
        number = j if self.prefix.endswith("outputs only, ") else i
        return self.prefix if self.concerned is None or number in self.concerned else ""


# --- Numerical ------------------------------------------------------------------------------------


def _slopes(problem, x, shift, eps, index=None):
    """(f(x + shift) - f(x - shift)) / 2 eps, one for each result of f."""
    if _is_sparse(x):
        before, after = (problem.values(x, _sparse_moved(x, s)) for s in (-shift, shift))
    else:
        data, kept = x.data, x.detach().clone()
        try:
            data.sub_(shift)
            before = problem.values()
            data.copy_(kept)
            data.add_(shift)
            after = problem.values()
        finally:
            data.copy_(kept)
    at = "" if index is None else f"on index {index} "
    slopes = []
    for a, b in zip(before, after):
        for what, one, other in (("shape", a.shape, b.shape), ("dtype", a.dtype, b.dtype)):
            if one != other:
                raise AssertionError(
                    f"Expected `func` to return outputs with the same {what} when inputs are "
                    f"perturbed {at}by {eps}, but got: {what}s {one} and {other}."
                )
        slopes.append((b - a) / (2 * eps))
    return slopes


def _sparse_moved(x, shift):
    moved = (x.detach().to_dense() + shift).to_sparse(layout=x.layout)
    return moved.requires_grad_(x.requires_grad)


def _indices(shape):
    """All indices of a shape, the last counting fastest."""
    found = [()]
    for n in shape:
        found = [(*index, k) for index in found for k in range(n)]
    return found


def _numerical(problem, x, eps):
    """The Jacobians of all results by x."""
    rows = []
    kept = x.detach().to_dense().ne(0).tolist() if problem.masked and _is_sparse(x) else None
    shift = torch.zeros(x.shape, dtype=x.dtype, device=x.device)
    for index in _indices(x.shape):
        steps = (eps, eps * 1j) if x.is_complex() else (eps,)
        parts = []
        for step in steps:
            shift[index] = step
            parts.append(_slopes(problem, x, shift, eps, index))
        shift[index] = 0
        if kept is not None:
            here = kept
            for k in index:
                here = here[k]
            if not here:
                parts = [[torch.zeros_like(s) for s in slopes] for slopes in parts]
        if len(parts) == 2:
            parts[0] = [(a + 1j * b).to(x.dtype) for a, b in zip(*parts)]
        rows.append([slope.reshape(-1) for slope in parts[0]])
    return [torch.stack(column) for column in zip(*rows)]


# --- Analytical -----------------------------------------------------------------------------------


def _gradients(output, inputs, seed):
    grads = torch.autograd.grad(output, inputs, seed, retain_graph=True, allow_unused=True)
    return [
        torch.zeros(x.shape, dtype=x.dtype, device=x.device) if g is None else g
        for g, x in zip(grads, inputs)
    ]


def _check_kind(grad, x, options):
    if grad.shape != x.shape:
        raise GradcheckError("Analytical gradient has incorrect size")
    if options.check_grad_dtypes and grad.dtype != x.dtype:
        raise GradcheckError("Gradient has dtype mismatch")


def _masked(grad, x, masked):
    grad = grad.detach()
    if not _is_sparse(x):
        return _dense(grad)
    return _dense(grad) * x.detach().to_dense().ne(0) if masked else _dense(grad)


def _analytical(problem, output, options):
    """The Jacobians of one output by all inputs, by backward for each of its elements."""
    runs = []
    for _ in range(2):
        rows = [[] for _ in problem.wanted]
        seed = torch.zeros(output.shape, dtype=output.dtype, device=output.device)
        for index in _indices(output.shape):
            seed[index] = 1
            grads = _gradients(output, problem.wanted, seed.clone())
            seed[index] = 0
            for row, g, x in zip(rows, grads, problem.wanted):
                _check_kind(g, x, options)
                row.append(_masked(g, x, problem.masked).reshape(-1))
        runs.append(
            [
                torch.stack(row, 1) if row else torch.zeros(x.numel(), 0, dtype=x.dtype)
                for row, x in zip(rows, problem.wanted)
            ]
        )
    for a, b in zip(*runs):
        if a.numel() and (a - b).abs().max() > options.nondet_tol:
            raise GradcheckError(_NONDETERMINISTIC.format(options.nondet_tol))
    return runs[0]


def _push(problem, x, tangent):
    """The tangents of all results of f where x moves along tangent."""
    with torch.autograd.forward_ad.dual_level():
        return _push_within(problem, x, tangent)


def _push_within(problem, x, tangent):
    forward_ad = torch.autograd.forward_ad
    given = [
        forward_ad.make_dual(a.detach(), tangent)
        if a is x
        else (a.detach() if _has_gradient(a) else a)
        for a in problem.inputs
    ]
    pairs = [forward_ad.unpack_dual(y) for y in _tuple(problem.func(*given)) if _is_number(y)]
    return [torch.zeros_like(p) if t is None else t for p, t in pairs]


def _analytical_forward(problem, x):
    """The Jacobians of all results by x, by forward mode for each of its elements."""
    rows = []
    tangent = torch.zeros(x.shape, dtype=x.dtype, device=x.device)
    for index in _indices(x.shape):
        tangent[index] = 1
        rows.append([t.reshape(-1).clone() for t in _push(problem, x, tangent.clone())])
        tangent[index] = 0
    return [torch.stack(column) for column in zip(*rows)]


# --- Comparison -----------------------------------------------------------------------------------


def _close(analytical, numerical, rtol, atol):
    common = torch.promote_types(analytical.dtype, numerical.dtype)
    return torch.allclose(analytical.to(common), numerical.to(common), rtol, atol)


def _mismatch(problem, i, j, numerical, analytical, forward):
    kind = "computed with forward mode " if forward else ""
    text = (
        f"{problem.text(i, j)}Jacobian {kind}mismatch for output {j} with respect to input {i},\n"
        f"numerical:{numerical}\nanalytical:{analytical}\n"
    )
    return text[0].upper() + text[1:]


def _compare_slow(problem, options, forward):
    outputs = problem.outputs
    if not outputs:
        return _expect_nothing(problem, options)
    numerical = [_numerical(problem, x, options.eps) for x in problem.wanted]
    columns = None
    if forward:
        columns = [_analytical_forward(problem, x) for x in problem.wanted]
    for j, output in enumerate(outputs):
        backward = None if forward else _analytical(problem, output, options)
        for i in range(len(problem.wanted)):
            if not numerical[i]:
                continue
            n = numerical[i][problem.places[j][0]]
            a = columns[i][problem.places[j][1]] if forward else backward[i]
            if not _close(a, n, options.rtol, options.atol):
                raise GradcheckError(_mismatch(problem, i, j, n, a, forward))


def _expect_nothing(problem, options):
    """Where no result requires gradients, none may depend on the inputs."""
    for x in problem.wanted:
        if options.fast_mode:
            u = _vector(x, torch.Generator())
            slopes = _slopes(problem, x, u.reshape(x.shape).to(x.dtype) * options.eps, options.eps)
            wrong = any(s.numel() and s.abs().max() > options.eps for s in slopes)
        else:
            wrong = any(_is_number(s) and s.ne(0).any() for s in _numbers(problem, x, options.eps))
        if wrong:
            raise GradcheckError("Numerical gradient for function expected to be zero")


def _numbers(problem, x, eps):
    numbers = [_is_number(y) for y in problem.results]
    return [n for n, wanted in zip(_numerical(problem, x, eps), numbers) if wanted]


def _vector(t, generator):
    """A random vector of length 1 over the elements of t."""
    real = torch.zeros((), dtype=t.dtype).abs().dtype
    v = torch.rand(t.numel(), generator=generator).to(real)
    return v / v.norm()


def _compare_fast(problem, options, forward):
    outputs = problem.outputs
    if not outputs:
        return _expect_nothing(problem, options)
    generator, eps = torch.Generator(), options.eps
    us = [
        [_vector(x, generator) for _ in range(2 if x.is_complex() else 1)] for x in problem.wanted
    ]
    vs = None if forward else [_vector(y, generator) for y in outputs]
    numerical = []
    for x, u in zip(problem.wanted, us):
        steps = (1, 1j)[: len(u)]
        shifts = [(part * step).to(x.dtype).reshape(x.shape) for part, step in zip(u, steps)]
        if problem.masked and _is_sparse(x):
            shifts = [shift * x.detach().to_dense().ne(0) for shift in shifts]
        numerical.append([_slopes(problem, x, shift * eps, eps) for shift in shifts])
    if forward:
        columns = [
            _push(problem, x, u[0].reshape(x.shape).to(x.dtype)) for x, u in zip(problem.wanted, us)
        ]
    else:
        rows = [_fast_rows(problem, y, us, v, options) for y, v in zip(outputs, vs)]
    for i, u in enumerate(us):
        for j, output in enumerate(outputs):
            slopes = [part[problem.places[j][0]] for part in numerical[i]]
            if forward:
                n, a = slopes[0].reshape(-1), columns[i][problem.places[j][1]].reshape(-1)
            else:
                n, a = _combined([_dot(s, vs[j]) for s in slopes]), rows[j][i]
            scale = sum(float(part.sum()) for part in u) * (1 if forward else float(vs[j].sum()))
            if not _close(a, n, options.rtol, options.atol * scale):
                text = _mismatch(problem, i, j, n, a, forward)
                raise GradcheckError(text + _slow_text(problem, i, j, output, options, forward))


def _dot(t, v):
    return (t.reshape(-1) * v.to(t.dtype)).sum()


def _combined(parts):
    return parts[0] if len(parts) == 1 else parts[0] + 1j * parts[1]


def _fast_rows(problem, output, us, v, options):
    """u'Jv for each input, by one backward."""
    runs = []
    for _ in range(2):
        grads = _gradients(output, problem.wanted, v.reshape(output.shape).to(output.dtype))
        row = []
        for g, x, u in zip(grads, problem.wanted, us):
            _check_kind(g, x, options)
            g = _masked(g, x, problem.masked)
            parts = (g.real, g.imag) if g.is_complex() else (g,)
            row.append(_combined([_dot(part, w) for part, w in zip(parts, u)]))
        runs.append(row)
    for a, b in zip(*runs):
        if (a - b).abs() > options.nondet_tol:
            raise GradcheckError(_NONDETERMINISTIC.format(options.nondet_tol))
    return runs[0]


def _slow_text(problem, i, j, output, options, forward):
    """What the slow way finds where the fast one found a difference."""
    x, place = problem.wanted[i], problem.places[j]
    n = _numerical(problem, x, options.eps)[place[0]]
    if forward:
        a = _analytical_forward(problem, x)[place[1]]
    else:
        a = _analytical(problem, output, options)[i]
    common = torch.promote_types(a.dtype, n.dtype)
    text = _IN_FAST_MODE.format(n, a, (a.to(common) - n.to(common)).abs().max())
    return text + (_FAST_ONLY if _close(a, n, options.rtol, options.atol) else "")


# --- Complex parts --------------------------------------------------------------------------------


def _of_outputs(problem, name, take, concerned):
    def taken(results):
        return tuple(take(y) if y.is_complex() else y for y in _tuple(results))

    def func(*inputs):
        return taken(problem.func(*inputs))

    prefix = f"while considering the {name} part of complex outputs only, "
    results = taken(problem.results)
    return _Problem(func, problem.inputs, problem.masked, results, prefix, concerned)


def _problems_backward(problem):
    """The problem, or two of real outputs."""
    concerned = {j for j, y in enumerate(problem.outputs) if y.is_complex()}
    if not concerned:
        return [problem]
    parts = ("imaginary", lambda y: y.imag), ("real", lambda y: y.real)
    return [_of_outputs(problem, name, take, concerned) for name, take in parts]


def _problems_forward(problem):
    """The problem, or two of real inputs."""
    concerned = {i for i, x in enumerate(problem.wanted) if x.is_complex()}
    if not concerned:
        return [problem]
    whole = [x.detach() if isinstance(x, Tensor) else x for x in problem.inputs]
    moving = [_has_gradient(x) and x.is_complex() for x in problem.inputs]
    problems = []
    for name in ("imaginary", "real"):

        def func(*inputs, name=name):
            given = list(inputs)
            for k, x in enumerate(whole):
                if moving[k] and name == "real":
                    given[k] = torch.complex(inputs[k], x.imag.clone())
                elif moving[k]:
                    given[k] = torch.complex(x.real.clone(), inputs[k])
            return problem.func(*given)

        inputs = [
            (x.detach().real if name == "real" else x.detach().imag).clone().requires_grad_()
            if moves
            else x
            for x, moves in zip(problem.inputs, moving)
        ]
        prefix = f"while considering the {name} part of complex inputs only, "
        problems.append(_Problem(func, inputs, problem.masked, None, prefix, concerned))
    return problems


# --- Beyond the Jacobians -------------------------------------------------------------------------


def _check_inputs(inputs):
    found = False
    for k, x in enumerate(inputs):
        if not _has_gradient(x):
            continue
        found = True
        if x.dtype not in (torch.float64, torch.complex128):
            warnings.warn(
                f"Input #{k} requires gradient and is not a double precision floating point or "
                "complex. This check will likely fail if all the inputs are not of double "
                "precision floating point or complex. ",
                stacklevel=4,
            )
        if _is_sparse(x):
            continue
        if any(stride == 0 and size > 1 for size, stride in zip(x.shape, x.stride())):
            raise RuntimeError(
                f"The {k}th input has a dimension with stride 0. gradcheck only supports inputs "
                "that are non-overlapping to be able to compute the numerical gradients correctly. "
                "You should call .contiguous on the input before passing it to gradcheck."
            )
    if not found:
        raise ValueError(
            "gradcheck expects at least one input tensor to require gradient, but none of them "
            "have requires_grad=True."
        )


def _check_outputs(outputs):
    if any(_is_sparse(y) for y in outputs):
        raise ValueError(
            "Sparse output is not supported at gradcheck yet. Please call "
            "to_dense(masked_grad=...) on the output of fn for gradcheck."
        )


def _compare_batches(found, expected, j, note):
    for i, (a, b) in enumerate(zip(found, expected)):
        if not torch.allclose(a, b):
            raise GradcheckError(
                f"For output {j} and input {i}:\n{note}\nGot:\n{a}\n\nExpected:\n{b}\n".rstrip("\n")
            )


def _check_batched(problem, j, output):
    """Gradients for two seeds at once, by vmap, against one at a time."""
    seeds = torch.randn(2, *output.shape, dtype=output.dtype, device=output.device)

    def pull(seed):
        return tuple(_gradients(output, problem.wanted, seed))

    expected = [torch.stack(parts) for parts in zip(*(pull(seed) for seed in seeds))]
    try:
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            found = torch.func.vmap(pull)(seeds)
    except RuntimeError as err:
        raise GradcheckError(
            f"While computing batched gradients, got: {err}\n{_BATCHED}".rstrip("\n")
        ) from err
    _compare_batches(found, expected, j, _BATCHED)


def _check_batched_forward(problem):
    for i, x in enumerate(problem.wanted):
        tangents = torch.randn(2, *x.shape, dtype=x.dtype, device=x.device)

        def push(tangent, x=x):
            return tuple(_push(problem, x, tangent))

        expected = [torch.stack(parts) for parts in zip(*(push(t) for t in tangents))]
        try:
            found = torch.func.vmap(push)(tangents)
        except RuntimeError as err:
            raise GradcheckError(
                f"While computing batched gradients, got: {err}\n{_BATCHED_FORWARD}"
            ) from err
        for j, pair in enumerate(zip(found, expected)):
            if not torch.allclose(*pair):
                raise GradcheckError(
                    f"For output {j} and input {i}:\n{_BATCHED_FORWARD}\n"
                    f"\nGot:\n{pair[0]}\n\nExpected:\n{pair[1]}"
                )


def _check_multiplied(problem, outputs):
    """Zero gradients of outputs must give zero gradients of inputs."""
    if not outputs:
        return
    seeds = [torch.zeros(y.shape, dtype=y.dtype, device=y.device) for y in outputs]
    grads = torch.autograd.grad(
        outputs, problem.wanted, seeds, retain_graph=True, allow_unused=True
    )
    for g, x in zip(grads, problem.wanted):
        if g is None:
            continue
        if _dense(g.detach()).ne(0).any():
            raise GradcheckError("backward not multiplied by grad_output")
        if g.dtype != x.dtype:
            raise GradcheckError("grad is incorrect type")
        if g.shape != x.shape:
            raise GradcheckError("grad is incorrect size")


class _Undefined(Function):
    """Identity whose gradient is undefined, not zero."""

    @staticmethod
    def forward(ctx, x):
        return x.view_as(x)

    @staticmethod
    def backward(ctx, grad):
        return None


def _check_undefined(problem, places):
    """Outputs at these places without gradient, the others with zeros: no input may get any."""
    outputs = _differentiable(problem.func(*problem.inputs))
    fed = [_Undefined.apply(y) if j in places else y for j, y in enumerate(outputs)]
    seeds = [torch.zeros(y.shape, dtype=y.dtype, device=y.device) for y in outputs]
    error = None
    try:
        grads = torch.autograd.grad(fed, problem.wanted, seeds, allow_unused=True)
    except RuntimeError as err:
        error = err
        text = (
            "Expected backward function to handle undefined output grads. Please look at "
            '"Notes about undefined output gradients" in "tools/autograd/derivatives.yaml"'
        )
    else:
        if all(g is None or not _dense(g).ne(0).any() for g in grads):
            return
        text = (
            "Expected all input grads to be undefined or zero when all output grads are undefined "
            'or zero. Please look at "Notes about undefined output gradients" in '
            '"tools/autograd/derivatives.yaml"'
        )
    warnings.warn(
        "Backwards compatibility: New undefined gradient support checking feature is enabled by "
        "default, but it may break existing callers of this function. If this is true for you, you "
        'can call this function with "check_undefined_grad=False" to disable the feature',
        stacklevel=5,
    )
    raise GradcheckError(text) from error


def _check_undefined_tangents(problem):
    """An input without tangent must do what one with a tangent of zeros does."""
    forward_ad = torch.autograd.forward_ad
    tangents = [torch.rand(x.shape, dtype=x.dtype, device=x.device) for x in problem.wanted]

    def tangents_without(which, zeros):
        with forward_ad.dual_level():
            given, k = [], -1
            for a in problem.inputs:
                k += _has_gradient(a)
                if not _has_gradient(a):
                    given.append(a)
                elif k == which:
                    a = a.detach()
                    given.append(forward_ad.make_dual(a, torch.zeros_like(a)) if zeros else a)
                else:
                    given.append(forward_ad.make_dual(a.detach(), tangents[k]))
            results = [y for y in _tuple(problem.func(*given)) if _is_number(y)]
            return [forward_ad.unpack_dual(y) for y in results]

    for k, x in enumerate(problem.wanted):
        pairs = zip(tangents_without(k, True), tangents_without(k, False))
        for j, ((p, zero), (_, undefined)) in enumerate(pairs):
            a, b = (torch.zeros_like(p) if t is None else t for t in (zero, undefined))
            if not torch.allclose(a, b):
                raise GradcheckError(
                    "Mismatch in tangent values for output with index: ", j, " when input: ", x,
                    " has an undefined tangent value. ", " Got: ", a, " but expected: ", b,
                )  # fmt: skip


class _Options:
    def __init__(self, **values):
        self.__dict__.update(values)


def check(func, inputs, **options):
    """What gradcheck does once its options are known to fit each other."""
    options = _Options(**options)
    inputs = _tuple(inputs)
    _check_inputs(inputs)
    problem = _Problem(func, inputs, bool(options.masked))
    outputs = problem.outputs
    _check_outputs(outputs)
    compare = _compare_fast if options.fast_mode else _compare_slow
    if options.check_backward_ad:
        for part in _problems_backward(problem):
            compare(part, options, False)
    if options.check_forward_ad:
        for part in _problems_forward(problem):
            compare(part, options, True)
        if options.check_undefined_grad:
            _check_undefined_tangents(problem)
    if options.check_batched_forward_grad:
        _check_batched_forward(problem)
    if not options.check_backward_ad:
        return True
    if options.check_batched_grad:
        for j, output in enumerate(outputs):
            _check_batched(problem, j, output)
    _check_multiplied(problem, outputs)
    if options.check_undefined_grad and outputs:
        everything = range(len(outputs))
        _check_undefined(problem, everything)
        for j in everything if len(outputs) > 1 else ():
            _check_undefined(problem, (j,))
    return True


# --- Second order ---------------------------------------------------------------------------------


def _random_like(output, strided):
    """Values from -1 to 1 in output's shape, with gaps in memory if strided."""
    shape = (*output.shape, 2) if strided else output.shape
    dtype = torch.complex128 if output.is_complex() else torch.float64
    if output.dtype not in (torch.float64, torch.complex128):
        dtype = output.dtype
    if dtype.is_complex:
        real = torch.zeros((), dtype=dtype).abs().dtype
        t = torch.view_as_complex(torch.rand(*shape, 2, dtype=real) * 2 - 1)
    else:
        t = torch.rand(shape, dtype=dtype) * 2 - 1
    t = t.to(output.device)
    return (t[..., 0] if strided else t).requires_grad_()


def vjp_of(func, inputs, grad_outputs, strided):
    """The vjp of func, as a function of the inputs and grad_outputs, and these in one tuple."""
    inputs = _tuple(inputs)
    if grad_outputs is None:
        outputs = _differentiable(func(*inputs))
        grad_outputs = tuple(_random_like(y, strided) for y in outputs)
    else:
        grad_outputs = _tuple(grad_outputs)
    count = len(grad_outputs)

    def vjp(*args):
        given, seeds = args[:-count], args[-count:]
        given = tuple(
            x.requires_grad_() if _has_gradient(original) else x
            for x, original in zip(given, inputs)
        )
        outputs = _differentiable(func(*given))
        wanted = tuple(x for x in given if _has_gradient(x))
        grads = torch.autograd.grad(outputs, wanted, seeds, create_graph=True, allow_unused=True)
        return tuple(g for g in grads if g is not None)

    return vjp, inputs + grad_outputs
