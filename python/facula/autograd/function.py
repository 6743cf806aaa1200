"""Custom functions: `Function`, whose forward and backward are the user's.

The context that both receive is the face of the graph's node: `result.grad_fn` is the `ctx` of the
call that made the result. The node, in C, exists once forward has run and something is recorded.
"""

import copyreg
import functools

from .. import _C
from .._C import Tensor
from .._utils import _found
from .grad_mode import enable_grad, no_grad


class FunctionCtx(_C._Node):
    """What forward leaves for backward, and the node of the graph."""

    def __init__(self):
        self.needs_input_grad = ()
        self.materialize_grads = True
        self.to_save = ()
        self.dirty_tensors = ()
        self.non_differentiable = ()
        self.saved_for_forward = ()
        self.in_jvp = False

    def save_for_backward(self, *tensors):
        """Keeps tensors for backward, which finds them in `ctx.saved_tensors`; None is allowed."""
        self.to_save = tensors

    def save_for_forward(self, *tensors):
        """Keeps tensors for jvp, which finds them in `ctx.saved_tensors`."""
        self.saved_for_forward = tensors

    def mark_dirty(self, *args):
        """Tells which inputs forward writes in place; each must be returned."""
        self.dirty_tensors = args

    def mark_non_differentiable(self, *args):
        """Tells which outputs have no gradient."""
        self.non_differentiable = args

    def set_materialize_grads(self, value):
        """Whether backward receives zeros, instead of None, for outputs without gradient."""
        self.materialize_grads = value

    @property
    def saved_tensors(self):
        """What save_for_backward kept. RuntimeError once the graph has been freed."""
        if self.in_jvp:
            return tuple(self.saved_for_forward)
        return _C._saved(self) if _C._bound(self) else ()

    @property
    def _raw_saved_tensors(self):
        return _C._raw_saved(self)

    @property
    def saved_variables(self):
        """The same, by its old name."""
        import warnings

        warnings.warn(
            "'saved_variables' is deprecated; use 'saved_tensors'", DeprecationWarning, stacklevel=2
        )
        return self.saved_tensors


FunctionCtx.__module__ = "torch.autograd.function"


class BackwardCFunction(FunctionCtx):
    def _run_backward(self, grads):
        """One gradient for each tensor that forward received."""
        function = self._forward_cls
        user = _user_backward(function)
        result = user(self, *grads)
        if not isinstance(result, tuple):
            result = (result,)
        is_tensor, name = self._is_tensor, type(self).__name__
        n = len(is_tensor)
        if len(result) > n and all(g is None for g in result[n:]):
            result = result[:n]
        if len(result) != n:
            raise RuntimeError(
                f"function {name} returned an incorrect number of gradients "
                f"(expected {n}, got {len(result)})"
            )
        edges = []
        for i, (grad, wanted) in enumerate(zip(result, is_tensor)):
            if not wanted:
                if grad is not None:
                    raise RuntimeError(
                        f"function {name} returned a gradient different than None at position "
                        f"{i + 1}, but the corresponding forward input was not a Variable"
                    )
                continue
            if grad is not None and not isinstance(grad, Tensor):
                raise RuntimeError(f"expected Variable or None (got {type(grad).__name__})")
            edges.append(grad)
        return tuple(edges)


def _user_backward(function):
    backward, vjp = function.backward, function.vjp
    if vjp is not Function.vjp:
        if backward is not Function.backward:
            raise RuntimeError(
                "Implementing both 'backward' and 'vjp' for a custom Function is not allowed. You "
                "should only implement one of them."
            )
        return vjp
    return backward


class FunctionMeta(type):
    def __init__(cls, name, bases, attrs):
        super().__init__(name, bases, attrs)
        cls._backward_cls = type(
            name + "Backward",
            (BackwardCFunction,),
            {"_forward_cls": cls, "__module__": "torch.autograd.function"},
        )


class Function(metaclass=FunctionMeta):
    """A differentiable operation of your own: subclass it, call `YourFunction.apply(...)`.

    `forward(ctx, *args)` computes; or `forward(*args)` with `setup_context(ctx, inputs, output)`.
    `backward(ctx, *grad_outputs)` returns one gradient for each argument of forward, None for what
    has none. Both are static methods.
    """

    def __init__(self, *args, **kwargs):
        import warnings

        warnings.warn(
            f"{type(self)} should not be instantiated. Methods on autograd functions "
            "are all static, so you should invoke them on the class itself. "
            "Instantiating an autograd function will raise an "
            "error in a future version of PyTorch.",
            DeprecationWarning,
            stacklevel=2,
        )

    def __call__(self, *args, **kwargs):
        raise RuntimeError(
            "Legacy autograd function with non-static forward method is deprecated. "
            "Please use new-style autograd function with static forward method. "
            "(Example: https://pytorch.org/docs/stable/autograd.html#torch.autograd.Function)"
        )

    generate_vmap_rule = False

    @staticmethod
    def forward(*args, **kwargs):
        raise NotImplementedError(
            "You must implement the forward function for custom autograd.Function."
        )

    @staticmethod
    def setup_context(ctx, inputs, output):
        raise NotImplementedError("setup_context is not implemented.")

    @staticmethod
    def backward(ctx, *grad_outputs):
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @staticmethod
    def vjp(ctx, *grad_outputs):
        raise NotImplementedError(
            "You must implement either the backward or vjp method for your custom "
            "autograd.Function to use it with backward mode AD."
        )

    @staticmethod
    def jvp(ctx, *grad_inputs):
        raise NotImplementedError(
            "You must implement the jvp function for custom "
            "autograd.Function to use it with forward mode AD."
        )

    @staticmethod
    def vmap(info, in_dims, *args):
        raise NotImplementedError(
            "To use autograd.Function with vmap, you must either override the "
            "vmap staticmethod or set generate_vmap_rule=True."
        )

    @classmethod
    def apply(cls, *args, **kwargs):
        """Runs forward, and records what backward needs."""
        with_setup = cls.setup_context is not Function.setup_context
        if kwargs or (with_setup and getattr(cls.forward, "__defaults__", None)):
            first = () if with_setup else (None,)  # ctx
            args = _bind_defaults(cls.forward, first + args, kwargs)[len(first) :]
        tangents, given = None, args
        if any(isinstance(a, Tensor) and _C._in_level(a) for a in args):
            in_batch, level, *batch = _C._level_of(args) or (False, None)
            if in_batch:
                from ._function_levels import over_batch

                return over_batch(cls, args, level, *batch)
            if level is not None:
                pairs = [
                    _C._unpack_dual(a, level) if isinstance(a, Tensor) else (a, None) for a in args
                ]
                args, tangents = zip(*pairs)
                if _C._level_of(args) is not None:
                    from ._function_levels import over_dual

                    return over_dual(cls, args, tangents, level)
        ctx = cls._backward_cls()
        ctx._is_tensor = tuple(isinstance(a, Tensor) for a in args)
        ctx.needs_input_grad = tuple(isinstance(a, Tensor) and a.requires_grad for a in args)
        records = _C.is_grad_enabled() and any(ctx.needs_input_grad)
        with no_grad():
            if with_setup:
                result = cls.forward(*args)
                cls.setup_context(ctx, args, result)
            else:
                result = cls.forward(ctx, *args)
        single = not isinstance(result, tuple)
        outputs = (result,) if single else result
        _check(cls, ctx, outputs, records)
        outputs = _joined(cls, ctx, args, outputs, records)
        if tangents is not None:
            outputs = _duals(cls, ctx, args, outputs, tangents, level, given)
        return outputs[0] if single else outputs


Function.__module__ = "torch.autograd.function"


def _reduce_function_class(cls):
    return (_found, ("autograd.Function",)) if cls is Function else cls.__qualname__


copyreg.pickle(FunctionMeta, _reduce_function_class)


def _bind_defaults(forward, args, kwargs):
    import inspect

    bound = inspect.signature(forward).bind(*args, **kwargs)
    bound.apply_defaults()
    return bound.args


def _may_have_one(x):
    return isinstance(x, Tensor) and (x.is_floating_point() or x.is_complex())


def _duals(cls, ctx, primals, outputs, tangents, level, given=None):
    own = tangents
    if ctx.materialize_grads:
        tangents = [
            _C.zeros_like(x) if t is None and _may_have_one(x) else t
            for x, t in zip(primals, tangents)
        ]
    ctx.in_jvp = True
    found = cls.jvp(ctx, *tangents)
    ctx.in_jvp = False
    found = found if isinstance(found, tuple) else (found,)
    if len(found) != len(outputs):
        raise RuntimeError(
            f"function {cls.__name__}Backward returned an incorrect number of forward gradients "
            f"(expected {len(outputs)}, got {len(found)})"
        )
    duals = []
    for out, tangent in zip(outputs, found):
        dual = _written_dual(out, tangent, ctx, primals, own, given)
        if dual is None:
            dual = out if tangent is None else _C._make_dual(out, tangent, level)
        duals.append(dual)
    return tuple(duals)


def _written_dual(out, tangent, ctx, primals, tangents, given):
    """The dual argument that out is, both of whose tensors were written to; None: out is new."""
    if given is None or all(out is not t for t in ctx.dirty_tensors):
        return None
    for primal, own, dual in zip(primals, tangents, given):
        if primal is out and own is not None:
            if tangent is not own:
                raise RuntimeError(
                    "An inplace custom Function is not modifying the forward mode gradients "
                    "inplace. If the forward is modifying an input inplace, then the jvp function "
                    "must modify the corresponding gradient inplace."
                )
            return dual
    return None


def _check(cls, ctx, outputs, records):
    for i, t in enumerate(ctx.dirty_tensors):
        if not isinstance(t, Tensor):
            raise RuntimeError(
                "mark_dirty can only accept variables, but argument "
                f"{i} is of type {type(t).__name__}"
            )
    for t in ctx.non_differentiable:
        if not isinstance(t, Tensor):
            raise TypeError(
                "mark_non_differentiable only accepts variable arguments, but got "
                f"{type(t).__name__}"
            )
    for i, t in enumerate((ctx.to_save or ()) if records else ()):
        if t is not None and not isinstance(t, Tensor):
            raise TypeError(
                "save_for_backward can only save variables, but argument "
                f"{i} is of type {type(t).__name__}"
            )
    for out in outputs:
        if isinstance(out, Function):
            raise TypeError(f"{cls.__name__}.forward: expected Tensor or tuple of Tensor")
    if any(all(t is not out for out in outputs) for t in ctx.dirty_tensors):
        raise RuntimeError(
            "Some elements marked as dirty during the forward method were not returned as output. "
            "The inputs that are modified inplace must all be outputs of the Function."
        )


def _joined(cls, ctx, args, outputs, records):
    """The outputs as results of ctx's node, where one is recorded."""

    def among(t, tensors):
        return any(t is other for other in tensors)

    for t in ctx.dirty_tensors:
        _C._increment_version(t)
    node = None
    if records:
        tensors = tuple(a for a, is_tensor in zip(args, ctx._is_tensor) if is_tensor)
        save = tuple(ctx.to_save or ())
        name = cls.__name__ + "Backward"
        node = _C._bind(ctx, name, tensors, len(outputs), len(save), ctx.materialize_grads)
    done = []
    for nr, out in enumerate(outputs):
        if isinstance(out, Tensor):
            is_input, dirty = among(out, args), among(out, ctx.dirty_tensors)
            float_like = out.is_floating_point() or out.is_complex()
            if node is None or not float_like or among(out, ctx.non_differentiable):
                out = _without_gradient(out, is_input, dirty)
                if node is not None:
                    _C._join(out, ctx, nr, -1)
            elif dirty:
                out = _written(out, is_input, ctx, nr)
            else:
                if is_input:
                    with no_grad():
                        out = out.view_as(out)
                _C._join(out, ctx, nr, 0)
        done.append(out)
    if node is not None:
        replaced = {id(old): new for old, new in zip(outputs, done) if isinstance(old, Tensor)}
        inputs = {id(a) for a in args}
        save = tuple(t if id(t) in inputs else replaced.get(id(t), t) for t in save)
        _C._save(ctx, save)
        ctx.to_save = None
    return tuple(done)


def _without_gradient(out, is_input, dirty):
    if out.requires_grad:
        return out.detach() if is_input or out._is_view() else out.detach_()
    if is_input and not dirty:
        with no_grad():
            return out.view_as(out)
    return out


def _written(out, is_input, ctx, nr):
    if out.is_leaf and out.requires_grad:
        raise RuntimeError(
            "a leaf Variable that requires grad has been used in an in-place operation."
        )
    if out._is_view() and out._base.is_leaf and out._base.requires_grad:
        raise RuntimeError(
            "a view of a leaf Variable that requires grad is being used in an in-place operation."
        )
    if not is_input:
        import warnings

        warnings.warn(
            "Only input Tensors should be given to ctx.mark_dirty(). If a Tensor is not an input, "
            "there is no need to pass it to mark_dirty().",
            stacklevel=4,
        )
    _C._join(out, ctx, nr, 1)
    return out


class _Refusal(Function):
    """Identity that cannot be differentiated."""

    @staticmethod
    def forward(ctx, text, *tensors):
        ctx.text = text
        return tensors

    @staticmethod
    def backward(ctx, *grads):
        raise RuntimeError(ctx.text)


def once_differentiable(fn):
    """Decorates a backward that must not be differentiated itself."""

    @functools.wraps(fn)
    def wrapper(ctx, *args):
        with no_grad():
            outputs = fn(ctx, *args)
        if not _C.is_grad_enabled():
            return outputs
        if not any(isinstance(a, Tensor) and a.requires_grad for a in args):
            return outputs
        single = not isinstance(outputs, tuple)
        if single:
            outputs = (outputs,)
        places = [i for i, v in enumerate(outputs) if v is not None]
        fresh = [outputs[i].detach().requires_grad_() for i in places]
        text = "trying to differentiate twice a function that was marked with @once_differentiable"
        with enable_grad():
            refused = _Refusal.apply(text, *fresh)
        outputs = list(outputs)
        for i, v in zip(places, refused):
            outputs[i] = v
        return outputs[0] if single else tuple(outputs)

    return wrapper


class InplaceFunction(Function):
    """A Function with an `inplace` flag, by its old name."""

    def __init__(self, inplace=False):
        super().__init__()
        self.inplace = inplace


__all__ = [
    "BackwardCFunction",
    "Function",
    "FunctionCtx",
    "FunctionMeta",
    "InplaceFunction",
    "once_differentiable",
]
