"""RAdam (Liu et al., 2020): Adam whose first steps are not scaled while too little is known."""

from facula.optim import _moments
from facula.optim.optimizer import _check_moments, _number

__all__ = ["RAdam"]


class RAdam(_moments.OneByOne):
    """Adam's steps, rectified by the variance of the running mean of squares."""

    _like_param = ("exp_avg", "exp_avg_sq")
    _later_options = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
        "capturable": False,
    }

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        decoupled_weight_decay=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
    ):
        _check_moments(lr, eps, betas, weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "decoupled_weight_decay": decoupled_weight_decay,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _start(self, p, group):
        return {
            "step": _moments.counter(),
            "exp_avg": _moments.zeros(p),
            "exp_avg_sq": _moments.zeros(p),
        }

    def _change(self, p, g, state, group):
        (beta1, beta2), lr = group["betas"], _number(group["lr"])
        t = state["step"].item()
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(g, 1 - beta1)
        square.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        correction = 1 - beta2**t
        step = mean / (1 - beta1**t) * lr
        # the length of the simple moving average that the exponential one is like
        last = 2 / (1 - beta2) - 1
        length = last - 2 * t * beta2**t / correction
        if length > 5.0:
            rectified = ((length - 4) * (length - 2) * last) / ((last - 4) * (last - 2) * length)
            root = square.sqrt()
            root = root.add(group["eps"]) if group["differentiable"] else root.add_(group["eps"])
            step = step * (correction**0.5 / root) * rectified**0.5
        p.add_(step, alpha=-1.0)
