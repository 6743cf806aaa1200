"""ASGD (Polyak and Juditsky, 1992): gradient descent that also averages its parameters."""

from facula.optim import _moments
from facula.optim.optimizer import _check_lr, _check_not_negative, _number

__all__ = ["ASGD"]


class ASGD(_moments.OneByOne):
    """Steps that shrink with time; state["ax"] is the average of the parameters from t0 on."""

    _like_param = ("ax",)
    _tensors = "params, mus, etas, and state_steps"

    def __init__(
        self,
        params,
        lr=1e-2,
        lambd=1e-4,
        alpha=0.75,
        t0=1e6,
        weight_decay=0,
        foreach=None,
        maximize=False,
        differentiable=False,
        capturable=False,
    ):
        _check_lr(lr)
        _check_not_negative("weight_decay", weight_decay)
        defaults = {
            "lr": lr,
            "lambd": lambd,
            "alpha": alpha,
            "t0": t0,
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
            "eta": _moments.counter(float(group["lr"])),
            "mu": _moments.counter(1.0),
            "ax": _moments.zeros(p),
        }

    def _change(self, p, g, state, group):
        lambd, lr = group["lambd"], _number(group["lr"])
        t, eta, mu, average = (state[name] for name in ("step", "eta", "mu", "ax"))
        p.mul_(1 - lambd * eta.item())
        p.add_(g, alpha=-eta.item())
        if mu.item() == 1:
            average.copy_(p)
        else:
            average.add_(p.sub(average).mul_(mu))
        eta.fill_(lr / (1 + lambd * lr * t.item()) ** group["alpha"])
        mu.fill_(1 / max(1, t.item() - group["t0"]))
