"""Adadelta (Zeiler, 2012)."""

import facula as torch
from facula import _C
from facula.optim.optimizer import (
    _check_capturable,
    _check_lr,
    _check_not_negative,
    _GroupOptimizer,
    _number,
    _real,
    _step_dtype,
)

__all__ = ["Adadelta"]

_DEVICES = ["cuda", "xpu", "hpu", "privateuseone"]


class Adadelta(_GroupOptimizer):
    """Steps scaled by the ratio of the running means of past steps and of gradients, squared."""

    def __init__(
        self,
        params,
        lr=1.0,
        rho=0.9,
        eps=1e-6,
        weight_decay=0,
        foreach=None,
        *,
        capturable=False,
        maximize=False,
        differentiable=False,
    ):
        _check_lr(lr)
        if not 0.0 <= rho <= 1.0:
            raise ValueError(f"Invalid rho value: {rho}")
        if not 0.0 <= eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        _check_not_negative("weight_decay", weight_decay)
        defaults = {
            "lr": lr,
            "rho": rho,
            "eps": eps,
            "weight_decay": weight_decay,
            "maximize": maximize,
            "capturable": capturable,
            "foreach": foreach,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    _later_options = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "capturable": False,
    }

    def _update(self, group):
        state = self.state
        differentiable = group["differentiable"]
        plain = differentiable
        params, grads, square_avgs, acc_deltas = [], [], [], []
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if g.is_sparse:
                raise RuntimeError("Adadelta does not support sparse gradients")
            if p.is_complex():
                plain = True
            s = state[p]
            if not s:
                s["step"] = torch.zeros((), dtype=_step_dtype())
                s["square_avg"] = torch.zeros_like(p, memory_format=torch.preserve_format)
                s["acc_delta"] = torch.zeros_like(p, memory_format=torch.preserve_format)
            _check_capturable(group, _DEVICES)
            s["step"].add_(1)
            params.append(p)
            grads.append(g)
            square_avgs.append(s["square_avg"])
            acc_deltas.append(s["acc_delta"])
        if not params:
            return
        options = (
            _number(group["lr"]),
            group["rho"],
            group["eps"],
            group["weight_decay"],
            group["maximize"],
        )
        if plain or _fused is None:
            for i, p in enumerate(params):
                _update_one(p, grads[i], square_avgs[i], acc_deltas[i], *options, differentiable)
            return
        _fused(params, grads, square_avgs, acc_deltas, *options)


_fused = getattr(_C, "_fused_adadelta_", None)


def _update_one(p, g, square_avg, acc_delta, lr, rho, eps, weight_decay, maximize, differentiable):
    if maximize:
        g = -g
    if weight_decay != 0:
        g = g.add(p, alpha=weight_decay)
    if p.is_complex():
        p, g, square_avg, acc_delta = _real(p, g, square_avg, acc_delta)
    square_avg.mul_(rho).addcmul_(g, g, value=1 - rho)
    std = square_avg.add(eps).sqrt_()
    delta = acc_delta.add(eps).sqrt_()
    if differentiable:
        delta = delta.clone()
    delta.div_(std).mul_(g)
    acc_delta.mul_(rho).addcmul_(delta, delta, value=1 - rho)
    p.add_(delta, alpha=-lr)
