"""RMSprop (Tieleman and Hinton, 2012; centred: Graves, 2013)."""

import facula as torch
from facula.optim.optimizer import (
    _check_capturable,
    _check_lr,
    _check_not_negative,
    _GroupOptimizer,
    _number,
    _real,
    _step_dtype,
)

__all__ = ["RMSprop"]

_DEVICES = ["cuda", "xpu", "hpu", "privateuseone", "xla"]


class RMSprop(_GroupOptimizer):
    """Steps of lr times the gradient over the root of the running mean of its square."""

    def __init__(
        self,
        params,
        lr=1e-2,
        alpha=0.99,
        eps=1e-8,
        weight_decay=0,
        momentum=0,
        centered=False,
        capturable=False,
        foreach=None,
        maximize=False,
        differentiable=False,
    ):
        _check_lr(lr)
        if not 0.0 <= eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        _check_not_negative("momentum", momentum)
        _check_not_negative("weight_decay", weight_decay)
        _check_not_negative("alpha", alpha)
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "alpha": alpha,
            "eps": eps,
            "centered": centered,
            "weight_decay": weight_decay,
            "capturable": capturable,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    _later_options = {
        "momentum": 0,
        "centered": False,
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "capturable": False,
    }

    def _update(self, group):
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if g.is_sparse:
                raise RuntimeError("RMSprop does not support sparse gradients")
            s = self.state[p]
            if not s:
                s["step"] = torch.zeros((), dtype=_step_dtype())
                s["square_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                if group["momentum"] > 0:
                    s["momentum_buffer"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                if group["centered"]:
                    s["grad_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
            _check_capturable(group, _DEVICES)
            _update_one(p, g, s, group)


def _update_one(p, g, s, group):
    alpha, eps, lr = group["alpha"], group["eps"], _number(group["lr"])
    s["step"].add_(1)
    if group["maximize"]:
        g = -g
    if group["weight_decay"] != 0:
        g = g.add(p, alpha=group["weight_decay"])
    square_avg = s["square_avg"]
    mean = s["grad_avg"] if group["centered"] else None
    buffer = s["momentum_buffer"] if group["momentum"] > 0 else None
    if p.is_complex():
        p, g, square_avg = _real(p, g, square_avg)
        mean = None if mean is None else torch.view_as_real(mean)
        buffer = None if buffer is None else torch.view_as_real(buffer)
    square_avg.mul_(alpha).addcmul_(g, g, value=1 - alpha)
    if mean is not None:
        mean.lerp_(g, 1 - alpha)
        avg = square_avg.addcmul(mean, mean, value=-1).sqrt_()
    else:
        avg = square_avg.sqrt()
    avg = avg.add(eps) if group["differentiable"] else avg.add_(eps)
    if buffer is not None:
        buffer.mul_(group["momentum"]).addcdiv_(g, avg)
        p.add_(buffer, alpha=-lr)
    else:
        p.addcdiv_(g, avg, value=-lr)
