"""Adamax (Kingma and Ba, 2015): Adam by the greatest gradient instead of the mean square."""

import facula as torch
from facula.optim import _moments
from facula.optim.optimizer import _check_moments, _number

__all__ = ["Adamax"]


class Adamax(_moments.OneByOne):
    """Steps of lr times the running mean over the running, fading maximum."""

    _like_param = ("exp_avg", "exp_inf")

    def __init__(
        self,
        params,
        lr=2e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        foreach=None,
        *,
        maximize=False,
        differentiable=False,
        capturable=False,
    ):
        _check_moments(lr, eps, betas, weight_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _start(self, p, group):
        return {
            "step": _moments.counter(),
            "exp_avg": _moments.zeros(p),
            "exp_inf": _moments.zeros(p),
        }

    def _change(self, p, g, state, group):
        beta1, beta2 = group["betas"]
        mean, most = state["exp_avg"], state["exp_inf"]
        mean.lerp_(g, 1 - beta1)
        most.copy_(torch.maximum(most.mul_(beta2), g.abs().add_(group["eps"])))
        correction = 1 - beta1 ** state["step"].item()
        p.addcdiv_(mean, most, value=-_number(group["lr"]) / correction)
