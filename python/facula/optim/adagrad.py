"""Adagrad (Duchi et al., 2011)."""

import facula as torch
from facula.optim.optimizer import (
    _check_fused,
    _check_fused_param,
    _check_lr,
    _check_not_negative,
    _GroupOptimizer,
    _number,
    _real,
    _step_dtype,
)

__all__ = ["Adagrad"]


class Adagrad(_GroupOptimizer):
    """Steps of lr times the gradient over the root of the sum of its squares so far."""

    def __init__(
        self,
        params,
        lr=1e-2,
        lr_decay=0,
        weight_decay=0,
        initial_accumulator_value=0,
        eps=1e-10,
        foreach=None,
        *,
        maximize=False,
        differentiable=False,
        fused=None,
    ):
        _check_lr(lr)
        _check_not_negative("lr_decay", lr_decay)
        _check_not_negative("weight_decay", weight_decay)
        _check_not_negative("initial_accumulator_value", initial_accumulator_value)
        if not 0.0 <= eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        defaults = {
            "lr": lr,
            "lr_decay": lr_decay,
            "eps": eps,
            "weight_decay": weight_decay,
            "initial_accumulator_value": initial_accumulator_value,
            "foreach": foreach,
            "maximize": maximize,
            "differentiable": differentiable,
            "fused": fused,
        }
        super().__init__(params, defaults)
        if fused:
            _check_fused(foreach, differentiable)
        for group in self.param_groups:
            for p in group["params"]:
                self._new_state(p, group)

    def _new_state(self, p, group):
        start = group["initial_accumulator_value"]
        if p.is_complex():
            start = complex(start, start)
        self.state[p] = {
            "step": torch.tensor(0.0, dtype=_step_dtype()),
            "sum": torch.full_like(p, start, memory_format=torch.preserve_format),
        }

    _later_options = {
        "foreach": None,
        "maximize": False,
        "differentiable": False,
        "fused": None,
    }

    def share_memory(self):
        """Move the state to shared memory."""
        for group in self.param_groups:
            for p in group["params"]:
                self.state[p]["sum"].share_memory_()

    def _update(self, group):
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if group["fused"]:
                _check_fused_param(p)
            s = self.state[p]
            _update_one(p, g, s["sum"], s["step"], group)


def _update_one(p, g, total, step, group):
    step.add_(1)
    t = step.item()
    if group["maximize"]:
        g = -g
    if group["weight_decay"] != 0:
        if g.is_sparse:
            raise RuntimeError("weight_decay option is not compatible with sparse gradients")
        g = g.add(p, alpha=group["weight_decay"])
    lr = _number(group["lr"]) / (1 + (t - 1) * group["lr_decay"])
    if g.is_sparse:
        _update_sparse(p, g, total, lr, group["eps"])
        return
    if p.is_complex():
        p, g, total = _real(p, g, total)
    total.addcmul_(g, g, value=1)
    root = (
        total.sqrt() + group["eps"] if group["differentiable"] else total.sqrt().add_(group["eps"])
    )
    p.addcdiv_(g, root, value=-lr)


def _update_sparse(p, g, total, lr, eps):
    """Only the rows that the gradient has."""
    g = g.coalesce()
    indices, values = g._indices(), g._values()
    if values.numel() == 0:
        return

    def like_grad(new_values):
        return torch.sparse_coo_tensor(indices, new_values, g.size(), dtype=g.dtype)

    total.add_(like_grad(values.pow(2)))
    root = total.sparse_mask(g)._values().sqrt_().add_(eps)
    p.add_(like_grad(values / root), alpha=-lr)
