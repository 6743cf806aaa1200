"""Adafactor (Shazeer and Stern, 2018): of a matrix, mean squares of rows and columns alone."""

import facula as torch
from facula.optim import _moments
from facula.optim.optimizer import _GroupOptimizer, _number

__all__ = ["Adafactor"]


class Adafactor(_GroupOptimizer):
    """Steps relative to the size of the parameter, in memory that grows with its edge alone."""

    _later_options = {"foreach": None}

    def __init__(
        self,
        params,
        lr=1e-2,
        beta2_decay=-0.8,
        eps=(None, 1e-3),
        d=1.0,
        weight_decay=0.0,
        *,
        foreach=None,
        maximize=False,
    ):
        if isinstance(lr, torch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 <= lr:
            raise ValueError(f"Learning rate should be >= 0 but is: {lr}")
        if not 0.0 >= beta2_decay:
            raise ValueError(f"beta2_decay should be <= 0 but is: {beta2_decay}")
        if eps[0] is not None and not 0.0 <= eps[0]:
            raise ValueError(f"epsilon1 should be >= 0 but is: {eps[0]}")
        if not 0.0 <= eps[1]:
            raise ValueError(f"epsilon2 should be >= 0 but is: {eps[1]}")
        if not 1.0 <= d:
            raise ValueError(f"Clipping threshold d should be >= 1 but is: {d}")
        if not 0.0 <= weight_decay:
            raise ValueError(f"weight_decay should be >= 0 but is: {weight_decay}")
        defaults = {
            "lr": lr,
            "beta2_decay": beta2_decay,
            "eps": eps,
            "d": d,
            "weight_decay": weight_decay,
            "foreach": foreach,
            "maximize": maximize,
        }
        super().__init__(params, defaults)

    def _update(self, group):
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if p.is_complex():
                raise RuntimeError("Adafactor does not support complex parameters")
            if g.is_sparse:
                raise RuntimeError("Adafactor does not support sparse gradients")
            state = self.state[p]
            if not state:
                state.update(_start(g))
            _change(p, -g if group["maximize"] else g, state, group)


def _start(g):
    """The state before the first step."""
    state = {"step": _moments.counter()}
    if g.dim() > 1:
        state["row_var"] = g.new_zeros((*g.shape[:-1], 1))
        state["col_var"] = g.new_zeros((*g.shape[:-2], 1, g.shape[-1]))
    else:
        state["variance"] = _moments.zeros(g)
    return state


def _change(p, g, state, group):
    state["step"].add_(1)
    t, lr = state["step"].item(), _number(group["lr"])
    least, smallest_scale = group["eps"]
    if least is None:
        least = torch.finfo(p.dtype).eps
    scale = max(smallest_scale, p.norm(2).item() / p.numel() ** 0.5)
    alpha = scale * min(lr, 1 / t**0.5)
    if group["weight_decay"] != 0:
        p.mul_(1 - lr * group["weight_decay"])
    share = t ** group["beta2_decay"]
    if g.dim() > 1:
        rows, columns = state["row_var"], state["col_var"]
        for mean, dim in ((rows, -1), (columns, -2)):
            square = torch.norm(g, dim=dim, keepdim=True).square_().div_(g.size(dim))
            mean.lerp_(square, share)
        variance = rows @ columns
        variance.div_(rows.mean(dim=-2, keepdim=True).clamp_(min=least))
    else:
        state["variance"].lerp_(g * g, share)
        variance = state["variance"].clone()
    update = variance.clamp_(min=least * least).rsqrt_().mul_(g)
    clipped = max(1.0, update.norm(2).item() / (update.numel() ** 0.5 * group["d"]))
    p.add_(update, alpha=-alpha / clipped)
