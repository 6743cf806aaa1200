"""Views of tensors that require grad, made and written to in every mode: the same code for PyTorch
and facula. `python view_cases.py` records what PyTorch does in tests/golden/views.json."""

import json
import os

import autograd_cases

GOLDEN = os.path.join(os.path.dirname(autograd_cases.GOLDEN), "views.json")


def outcomes(T):
    return autograd_cases.outcomes(T, cases)


VIEWS = {
    "select": lambda b: b[0],
    "slice": lambda b: b[:, 1:],
    "t": lambda b: b.t(),
    "diagonal": lambda b: b.diagonal(),
    "as_strided": lambda b: b.as_strided((2, 2), (4, 1), 1),
    "chain": lambda b: b[1:].t()[0],
    "split": lambda b: b.split(1)[0],
    "unbind": lambda b: b.unbind()[1],
    "detach": lambda b: b.detach(),
}


def cases(T):
    tests = []

    def case(f):
        tests.append(f)
        return f

    def for_each_view(f):
        for name, view in VIEWS.items():

            def one(view=view):
                a = T.arange(12.0).reshape(3, 4).clone().requires_grad_()
                return f(a, a * 1, view)

            one.__name__ = f"{f.__name__}-{name}"
            tests.append(one)

    def tried(f):
        try:
            return f()
        except Exception as e:
            return f"{type(e).__name__}: {e}"

    def facts(v):
        kind = tried(lambda: type(v.grad_fn).__name__)
        return kind, v.requires_grad, tried(lambda: v.is_leaf), v._version, repr(v)

    @for_each_view
    def made_under_no_grad(a, b, view):
        with T.no_grad():
            v, leaf = view(b), view(a)
        return facts(v), facts(leaf), tried(lambda: v.mul_(2)), tried(lambda: leaf.mul_(2))

    @for_each_view
    def made_and_written_under_no_grad(a, b, view):
        with T.no_grad():
            v = view(b).mul_(2)
        return facts(v), tried(lambda: v * 2), b

    @for_each_view
    def base_written_after_no_grad(a, b, view):
        with T.no_grad():
            v = view(b)
        b.mul_(3)
        return facts(v), tried(lambda: v * 2), tried(lambda: v.sum().backward())

    @for_each_view
    def view_of_one_made_under_no_grad(a, b, view):
        with T.no_grad():
            v = view(b)
        w = v.unsqueeze(0)
        return facts(w), tried(lambda: w.mul_(2))

    @for_each_view
    def base_written_after(a, b, view):
        v = view(b)
        b.mul_(3)
        b.sum().backward()
        return facts(v), tried(lambda: v * 2), tried(lambda: bool(v.register_hook(print))), a.grad

    @for_each_view
    def written_under_no_grad(a, b, view):
        v = view(b)
        with T.no_grad():
            v.mul_(3)
        return facts(v), tried(lambda: (v * 2).sum().backward()), a.grad

    @for_each_view
    def made_in_inference_mode(a, b, view):
        with T.inference_mode():
            v = view(b)
            v.mul_(2)
        return facts(v), v.is_inference(), tried(lambda: v.mul_(2))

    @for_each_view
    def base_given_a_history(a, b, view):
        plain = T.zeros(3, 4)
        v = view(plain)
        before = v.requires_grad
        plain.copy_(a)
        y = v * 2
        if y.requires_grad:
            y.sum().backward()
        return before, facts(v), y, a.grad

    @for_each_view
    def base_made_a_leaf(a, b, view):
        plain = T.ones(3, 4)
        v = view(plain)
        plain.requires_grad_()
        y = v * 2
        if y.requires_grad:
            y.sum().backward()
        return facts(v), y.requires_grad, v.grad, plain.grad, tried(lambda: v.mul_(2))

    def inference(*shape):
        with T.inference_mode():
            return T.ones(*shape)

    @case
    def names_of_copies():
        a = T.zeros(3)
        a.copy_(T.ones(3, requires_grad=True))
        return a.grad_fn.name(), a

    @case
    def duals_of_duals():
        ad = T.autograd.forward_ad
        with ad.dual_level():
            return ad.make_dual(ad.make_dual(T.ones(2), T.ones(2)), T.ones(2))

    @case
    def cotangents_of_integers():
        return T.func.vjp(lambda x: x.long(), T.ones(2))

    @case
    def inference_saved():
        x = T.ones(3, requires_grad=True)
        b = inference(3)
        return tried(lambda: x * b), (x + b), tried(lambda: (x * 1).mul_(b))

    @case
    def inference_written():
        b = inference(3)

        def under_no_grad():
            with T.no_grad():
                b.mul_(2)

        def item():
            b[0] = 3

        found = [
            tried(f) for f in (under_no_grad, lambda: b.add_(1), lambda: b.view(3).zero_(), item)
        ]
        return found, tried(lambda: b._version), tried(b.requires_grad_)

    @case
    def inference_nested():
        x = T.ones(3, requires_grad=True)
        found = []
        with T.inference_mode():
            found.append((T.is_grad_enabled(), T.is_inference_mode_enabled()))
            with T.enable_grad():
                found.append(((x * 2).requires_grad, T.is_grad_enabled()))
            with T.inference_mode(False):
                found.append(((x * 2).requires_grad, T.ones(2).is_inference()))
                with T.no_grad():
                    found.append((x * 2).requires_grad)
            found.append((T.is_grad_enabled(), T.is_inference_mode_enabled()))
        with T.no_grad():
            with T.inference_mode(False):
                found.append((x * 2).requires_grad)
            found.append(T.is_grad_enabled())
        return found, T.is_grad_enabled()

    return tests


if __name__ == "__main__":
    import torch

    with open(GOLDEN, "w") as f:
        json.dump(outcomes(torch), f, indent=0)
