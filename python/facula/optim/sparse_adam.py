"""SparseAdam: Adam that moves only what a sparse gradient names, and only its means."""

import facula as torch
from facula.optim import _moments
from facula.optim.optimizer import _GroupOptimizer, _number

__all__ = ["SparseAdam"]


class SparseAdam(_GroupOptimizer):
    """Adam for the sparse gradients of Embedding(sparse=True)."""

    _later_options = {"maximize": False}

    def __init__(self, params, lr=1e-3, betas=(0.9, 0.999), eps=1e-8, maximize=False):
        if isinstance(lr, torch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if not 0.0 < lr:
            raise ValueError(f"Invalid learning rate: {lr}")
        if not 0.0 < eps:
            raise ValueError(f"Invalid epsilon value: {eps}")
        for i in (0, 1):
            if not 0.0 <= betas[i] < 1.0:
                raise ValueError(f"Invalid beta parameter at index {i}: {betas[i]}")
        super().__init__(params, {"lr": lr, "betas": betas, "eps": eps, "maximize": maximize})
        sparse, complex_ = [], []
        for i, group in enumerate(self.param_groups):
            for j, p in enumerate(group["params"]):
                if p.is_sparse:
                    sparse.append([i, j])
                if p.is_complex():
                    complex_.append([i, j])
        if sparse:
            raise ValueError(
                f"Sparse params at indices {sparse}: SparseAdam requires dense parameter tensors"
            )
        if complex_:
            raise ValueError(
                f"Complex params at indices {complex_}: SparseAdam does not support complex "
                "parameters"
            )

    def _update(self, group):
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if not g.is_sparse:
                raise RuntimeError(
                    "SparseAdam does not support dense gradients, please consider Adam instead"
                )
            state = self.state[p]
            if not state:
                state.update(step=0, exp_avg=_moments.zeros(p), exp_avg_sq=_moments.zeros(p))
            state["step"] += 1
            _change(p, g.coalesce(), state, group)


def _change(p, g, state, group):
    values = g.values()
    if values.numel() == 0:
        return
    if group["maximize"]:
        values = -values
    (beta1, beta2), t = group["betas"], state["step"]
    at = tuple(g.indices())
    moved = []
    for name, value, beta in (
        ("exp_avg", values, beta1),
        ("exp_avg_sq", values.pow(2), beta2),
    ):
        before = state[name][at]
        after = value.sub(before).mul_(1 - beta).add_(before)
        state[name][at] = after
        moved.append(after)
    mean, square = moved
    step_size = _number(group["lr"]) * (1 - beta2**t) ** 0.5 / (1 - beta1**t)
    p[at] += -step_size * mean / square.sqrt_().add_(group["eps"])
