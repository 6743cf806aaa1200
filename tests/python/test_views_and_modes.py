"""Views, writes and hooks across grad modes, beside PyTorch; and where this library differs from it
on purpose, why."""

import contextlib
import itertools

import pytest

import facula


def attempt(f):
    try:
        return f()
    except Exception as err:
        return f"{type(err).__name__}: {str(err).partition(' Hint:')[0]}"


def write_through(T, base, view_mode, inner_mode, target, by_tensor, write_mode, backward):
    """A write to a tensor, to a view of it or to a view of the view, each made under its own mode;
    then what all three are, and their gradients."""
    leaf = T.ones(4, requires_grad=base != "plain")
    x = leaf * 2 if base == "result" else leaf

    def mode(recorded):
        return contextlib.nullcontext() if recorded else T.no_grad()

    with mode(view_mode):
        v = x[:2]
    with mode(inner_mode):
        w = v[:1]
    three = {"x": x, "v": v, "w": w}
    factor = T.full((), 3.0, requires_grad=True)

    def write():
        with mode(write_mode):
            three[target].mul_(factor if by_tensor else 3.0)

    def state(t):
        name = None if t.grad_fn is None else t.grad_fn.name()
        return t.requires_grad, name, t.tolist(), t.is_leaf, t._version

    def gradients(t):
        leaf.grad = factor.grad = None
        (t * t).sum().backward()
        return [None if u.grad is None else u.grad.tolist() for u in (leaf, factor)]

    found = [attempt(write)]
    found += [attempt(lambda t=t: state(t)) for t in three.values()]
    found += [attempt(lambda name=name: gradients(three[name])) for name in backward]
    return found


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")
@pytest.mark.parametrize("base", ["leaf", "result", "plain"])
def test_writes_through_views_under_no_grad(base):
    pytorch = pytest.importorskip("torch")
    both = (True, False)
    for case in itertools.product(both, both, "xvw", both, both, ("xvw", "wvx")):
        assert write_through(facula, base, *case) == write_through(pytorch, base, *case), case


def test_a_version_error_names_the_node_that_a_view_has_now():
    x = facula.ones(4, requires_grad=True)
    v = x[:2]
    y = v * v
    with facula.no_grad():
        v[0].mul_(2)
    with pytest.raises(RuntimeError, match="which is output 0 of AsStrided, is at version 1"):
        y.sum().backward()


def test_hooks_of_a_view_whose_base_was_written_to():
    """Hooks see the gradient of the value that their tensor had when they were registered.

    PyTorch keeps a tensor's hooks in one dictionary, which hangs on the node that the tensor had at
    the first registration: with "old" registered, "new" goes to the node that the write left
    behind, and is never called. Without "old" it is called there too.
    """
    seen = []
    x = facula.ones(3, requires_grad=True)
    y = x * 2
    v = y[:2]
    v.register_hook(lambda g: seen.append(("old", g.tolist())))
    y.mul_(3)
    v.register_hook(lambda g: seen.append(("new", g.tolist())))
    (y.sum() + v.sum()).backward()
    assert seen == [("new", [1, 1])]
    assert x.grad.tolist() == [12, 12, 6]


def test_undifferentiable_results_under_vmap():
    """What a custom Function marks has no gradient, batched or not. PyTorch's rule for batches
    loses the mark, so that a gradient by it is silently that of the other results."""

    class Both(facula.autograd.Function):
        generate_vmap_rule = True

        @staticmethod
        def forward(x):
            return x * 2, x * 3

        @staticmethod
        def setup_context(ctx, inputs, output):
            ctx.mark_non_differentiable(output[1])

        @staticmethod
        def backward(ctx, g, _):
            return g * 2

    x = facula.ones(3, 2, requires_grad=True)
    for first, second in (Both.apply(x), facula.vmap(Both.apply)(x)):
        assert first.requires_grad and not second.requires_grad


def test_a_write_found_in_anomaly_mode():
    x = facula.ones(2, requires_grad=True)
    with pytest.warns(UserWarning), facula.autograd.detect_anomaly():
        y = x.exp()
        z = y * y
        y.add_(1)
        with pytest.raises(RuntimeError, match=r"Hint: the backtrace further above .* Good luck!"):
            z.sum().backward()


def test_hooks_that_cannot_be():
    with pytest.raises(TypeError, match="incompatible function arguments"):
        with facula.autograd.graph.saved_tensors_hooks(3, lambda t: t):
            pass
    with pytest.raises(AssertionError, match="Expected gradient function to be set"):
        facula.autograd.graph.register_multi_grad_hook((facula.ones(2),), lambda g: None)
    with pytest.raises(RuntimeError, match="Dual level must be a positive number"):
        facula.autograd.forward_ad.exit_dual_level()
    x = facula.ones(2, requires_grad=True)
    with pytest.raises(RuntimeError, match="`inputs` argument to `backward.*cannot be empty"):
        facula.autograd.backward(x.sum(), inputs=[])
    with pytest.warns(FutureWarning, match="`grad_variables` is deprecated"):
        facula.autograd.backward(x * 2, grad_variables=facula.ones(2))
    assert x.grad.tolist() == [2, 2]


def test_pinned_memory_is_not_needed_to_save_on_the_cpu():
    x = facula.ones(2, requires_grad=True)
    with facula.autograd.graph.save_on_cpu(pin_memory=True):
        y = x * x
    y.sum().backward()
    assert x.grad.tolist() == [2, 2]


def test_writes_to_what_was_saved():
    x = facula.arange(6.0).view(2, 3).requires_grad_()
    with facula.autograd.graph.allow_mutation_on_saved_tensors() as context:
        y = x.clone()
        z = (y**2).sum() + y.exp().sum()
        y.zero_()  # would be an error, and is found out before
        z.backward()
        assert facula.allclose(x.grad, 2 * x + x.exp())
        x.grad = None
        y = x.clone()
        z = (y[0] ** 2).sum()  # a view's memory is its base's
        y[:, 1:].mul_(3)
        facula.add(y.detach(), 1, out=y.detach())
        context.clear()
        with pytest.raises(AssertionError, match="Trying to backward outside of"):
            z.backward()
        with pytest.raises(RuntimeError, match="contexts cannot be nested"):
            with facula.autograd.graph.allow_mutation_on_saved_tensors():
                pass
    with facula.autograd.graph.allow_mutation_on_saved_tensors():
        y = x.clone()
        z = (y[0] ** 2).sum()
        y[:, 1:].mul_(3)
        facula.add(y.detach(), 1, out=y.detach())
        z.backward()
    assert x.grad.tolist() == [[0, 2, 4], [0, 0, 0]]
