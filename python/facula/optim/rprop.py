"""Rprop (Riedmiller and Braun, 1993): steps by the signs of gradients alone."""

import facula as torch
from facula.optim import _moments
from facula.optim.optimizer import _check_lr, _number

__all__ = ["Rprop"]


class Rprop(_moments.OneByOne):
    """Each element's step grows while its gradient keeps its sign, and shrinks when it turns."""

    _like_param = ("prev", "step_size")

    def __init__(
        self,
        params,
        lr=1e-2,
        etas=(0.5, 1.2),
        step_sizes=(1e-6, 50),
        *,
        capturable=False,
        foreach=None,
        maximize=False,
        differentiable=False,
    ):
        _check_lr(lr)
        if not 0.0 < etas[0] < 1.0 < etas[1]:
            raise ValueError(f"Invalid eta values: {etas[0]}, {etas[1]}")
        defaults = {
            "lr": lr,
            "etas": etas,
            "step_sizes": step_sizes,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "capturable": capturable,
        }
        super().__init__(params, defaults)

    def _start(self, p, group):
        lr = _number(group["lr"])
        return {
            "step": _moments.counter(),
            "prev": _moments.zeros(p),
            "step_size": torch.full_like(p.grad, complex(lr, lr) if p.is_complex() else lr),
        }

    def _change(self, p, g, state, group):
        less, more = group["etas"]
        before, size = state["prev"], state["step_size"]
        turned = g.mul(before).sign()
        factor = torch.where(turned > 0, more, torch.where(turned < 0, less, 1.0))
        size.mul_(factor).clamp_(*group["step_sizes"])
        g = g.masked_fill(turned < 0, 0)
        p.addcmul_(g.sign(), size, value=-1)
        before.copy_(g)
