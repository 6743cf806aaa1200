"""Custom functions under vmap and forward mode: what `Function.apply` does where an argument takes
part in a level. Each level is taken off the arguments, the function is applied below it, and the
level is put onto the results."""

from collections import namedtuple

from .. import _C
from .._C import Tensor
from ..utils._pytree import _broadcast_to_and_flatten, tree_flatten, tree_unflatten
from .function import Function, FunctionCtx, _duals, _user_backward

VmapInfo = namedtuple("VmapInfo", "batch_size randomness")

_MORE = " For more details, please see https://pytorch.org/docs/main/notes/extending.func.html"


def _check_setup(cls):
    if cls.setup_context is Function.setup_context:
        raise RuntimeError(
            "In order to use an autograd.Function with functorch transforms (vmap, grad, jvp, "
            "jacrev, ...), it must override the setup_context staticmethod." + _MORE
        )


def over_dual(cls, primals, tangents, level):
    """jvp by what setup_context keeps, around an application to what belongs to lower levels."""
    _check_setup(cls)
    result = cls.apply(*primals)
    ctx = FunctionCtx()
    ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in primals)
    cls.setup_context(ctx, tuple(primals), result)
    single = not isinstance(result, tuple)
    outputs = _duals(cls, ctx, primals, (result,) if single else result, tangents, level)
    return outputs[0] if single else outputs


def _taken_off(t, level):
    """(value, where its batch is) of t at this level."""
    batch = _C._batch_of(t) if isinstance(t, Tensor) else None
    return batch[:2] if batch is not None and batch[2] == level else (t, None)


def _put_on(t, dim, level):
    return t if dim is None or t is None else _C._add_batch_dim(t, dim, level)


def over_batch(cls, args, level, size, randomness):
    """By the function's own rule for batches, or by running it on batches as an op would."""
    _check_setup(cls)
    own = cls.vmap is not Function.vmap
    if own and cls.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {cls.__name__}, but it has both generate_vmap_rule=True and "
            "an overridden vmap staticmethod. Please set generate_vmap_rule=False or delete the "
            "overridden vmap staticmethod to avoid ambiguity." + _MORE
        )
    if not own and not cls.generate_vmap_rule:
        raise RuntimeError(
            f"You tried to vmap over {cls.__name__}, but it does not have vmap support. Please "
            "override and implement the vmap staticmethod or set generate_vmap_rule=True." + _MORE
        )
    values, dims = zip(*(_taken_off(a, level) for a in args))
    if own:
        info = VmapInfo(size, ("error", "same", "different")[randomness])
        result = cls.vmap(info, dims, *values)
        if not (isinstance(result, tuple) and len(result) == 2):
            raise RuntimeError(
                "Expected the vmap staticmethod to have two returns, an output and out_dims with "
                f"pytree structure compatible with the output. Got a {type(result)} instead"
            )
        output, out_dims = result
    else:
        batch = _Batch(dims, size, randomness)
        output = _vmapped(cls).apply(batch, *values)
        out_dims = batch.out_dims if isinstance(output, tuple) else batch.out_dims[0]
    flat, spec = tree_flatten(output)
    flat_dims = _broadcast_to_and_flatten(out_dims, spec)
    if flat_dims is None:
        raise RuntimeError(
            f"The vmap staticmethod for {cls.__name__} returned out_dims {out_dims} that are not "
            "compatible with the structure of its output"
        )
    wrapped = [_put_on(t, dim, level) for t, dim in zip(flat, flat_dims)]
    return tree_unflatten(wrapped, spec)


class _Batch:
    """One application's batch: a level of its own each time the user's code runs."""

    def __init__(self, dims, size, randomness):
        self.dims, self.size, self.randomness = dims, size, randomness
        self.out_dims = ()

    def __enter__(self):
        self.level = _C._level_enter("vmap", self.size, self.randomness)
        return self

    def __exit__(self, *exc):
        _C._level_exit()

    def put_on(self, tensors, dims):
        return tuple(_put_on(t, dim, self.level) for t, dim in zip(tensors, dims))

    def taken_off(self, tensors):
        pairs = [_taken_off(t, self.level) for t in tensors]
        return tuple(t for t, _ in pairs), tuple(dim for _, dim in pairs)

    def shaped(self, t, dim):
        """t with its batch at dim; summed over the batch where there is to be none."""
        if t is None or dim is None and _taken_off(t, self.level)[1] is None:
            return t
        out = _C._remove_batch_dim(t, self.level, self.size, dim or 0)
        return out.sum(0) if dim is None else out


class _BatchCtx(FunctionCtx):
    """The user's ctx, whose saved tensors are those of the batch of the moment."""

    saved_tensors = ()


class _OverBatch(Function):
    """Runs the user's code within the batch; itself, it knows the values with the batch in them,
    and can be batched again."""

    generate_vmap_rule = True

    @classmethod
    def apply(cls, batch, *values):
        batch.function = cls._inner
        batch.ctx = _BatchCtx()
        batch.ctx.needs_input_grad = tuple(
            isinstance(v, Tensor) and v.requires_grad for v in values
        )
        return super().apply(batch, *values)

    @staticmethod
    def forward(batch, *values):
        with batch:
            args = batch.put_on(values, batch.dims)
            result = batch.function.forward(*args)
            batch.function.setup_context(batch.ctx, args, result)
            if batch.ctx.dirty_tensors:
                raise RuntimeError(
                    f"{batch.function.__name__}: mark_dirty is not supported with "
                    "generate_vmap_rule=True; override the vmap staticmethod instead"
                )
            single = not isinstance(result, tuple)
            outputs, batch.out_dims = batch.taken_off((result,) if single else result)
            batch.saved = batch.taken_off(batch.ctx.to_save)
            batch.seen = batch.taken_off(batch.ctx.saved_for_forward)
            batch.undifferentiated, _ = batch.taken_off(batch.ctx.non_differentiable)
        return outputs[0] if single else outputs

    @staticmethod
    def setup_context(ctx, inputs, output):
        batch = ctx.batch = inputs[0]
        saved, ctx.saved_dims = batch.saved
        seen, ctx.seen_dims = batch.seen
        ctx.inner = batch.ctx
        ctx.save_for_backward(*saved)
        ctx.save_for_forward(*seen)
        ctx.mark_non_differentiable(*batch.undifferentiated)
        ctx.set_materialize_grads(ctx.inner.materialize_grads)
        ctx.inner.to_save = ctx.inner.saved_for_forward = ctx.inner.non_differentiable = ()
        batch.ctx = batch.saved = batch.seen = batch.undifferentiated = None

    @staticmethod
    def backward(ctx, *grads):
        batch = ctx.batch
        with batch:
            ctx.inner.saved_tensors = batch.put_on(ctx.saved_tensors, ctx.saved_dims)
            result = _user_backward(batch.function)(ctx.inner, *batch.put_on(grads, batch.out_dims))
            ctx.inner.saved_tensors = ()
            result = result if isinstance(result, tuple) else (result,)
            shaped = [batch.shaped(g, dim) for g, dim in zip(result, batch.dims)]
        return None, *shaped

    @staticmethod
    def jvp(ctx, _, *tangents):
        batch = ctx.batch
        with batch:
            ctx.inner.saved_tensors = batch.put_on(ctx.saved_tensors, ctx.seen_dims)
            result = batch.function.jvp(ctx.inner, *batch.put_on(tangents, batch.dims))
            ctx.inner.saved_tensors = ()
            result = result if isinstance(result, tuple) else (result,)
            shaped = [batch.shaped(t, dim) for t, dim in zip(result, batch.out_dims)]
        return tuple(shaped)


def _vmapped(cls):
    """The function of batches that cls makes; one a class."""
    made = cls.__dict__.get("_vmapped")
    if made is None:
        made = type(f"Vmapped{cls.__name__}", (_OverBatch,), {"_inner": cls})
        cls._vmapped = made
    return made
