"""Adam (Kingma and Ba, 2014), with AMSGrad (Reddi et al., 2018) and decoupled weight decay."""

import facula as torch
from facula._C import _fused_adam_, _state_like
from facula.optim.optimizer import (
    _check_capturable,
    _check_fused,
    _check_fused_param,
    _check_moments,
    _GroupOptimizer,
    _number,
    _real,
    _step_dtype,
)

__all__ = ["Adam"]

_DEVICES = ["cuda", "xpu", "hpu", "privateuseone", "xla"]


class Adam(_GroupOptimizer):
    """Steps of about lr, scaled by running means of the gradient and of its square."""

    def __init__(
        self,
        params,
        lr=1e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        amsgrad=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
        fused=None,
        decoupled_weight_decay=False,
    ):
        if isinstance(lr, torch.Tensor):
            if foreach and not capturable:
                raise ValueError(
                    "lr as a Tensor is not supported for capturable=False and foreach=True"
                )
        _check_moments(lr, eps, betas, weight_decay)
        _check_betas(betas, foreach, capturable)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "amsgrad": amsgrad,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
            "fused": fused,
            "decoupled_weight_decay": decoupled_weight_decay,
        }
        super().__init__(params, defaults)
        if fused:
            _check_fused(foreach, differentiable)

    _later_options = {
        "amsgrad": False,
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
        "fused": None,
    }

    def _new_state(self, p, s, amsgrad):
        s["step"] = torch.tensor(0.0, dtype=_step_dtype())
        for name in ("exp_avg", "exp_avg_sq", "max_exp_avg_sq")[: 3 if amsgrad else 2]:
            zeros = _state_like(p)
            if zeros is None:
                zeros = torch.zeros_like(p, memory_format=torch.preserve_format)
            s[name] = zeros

    def _update(self, group):
        amsgrad = group["amsgrad"]
        state = self.state
        plain = group["differentiable"]
        params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps = [], [], [], [], [], []
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if g.is_sparse:
                raise RuntimeError(
                    "Adam does not support sparse gradients, please consider SparseAdam instead"
                )
            s = state[p]
            if not s:
                if group["fused"]:
                    _check_fused_param(p)
                self._new_state(p, s, amsgrad)
            if p.is_complex():
                plain = True
            params.append(p)
            grads.append(g)
            exp_avgs.append(s["exp_avg"])
            exp_avg_sqs.append(s["exp_avg_sq"])
            if amsgrad:
                max_exp_avg_sqs.append(s["max_exp_avg_sq"])
            steps.append(s["step"])
        if not params:
            return
        _check_capturable(group, _DEVICES)
        lr, (beta1, beta2) = group["lr"], group["betas"]
        options = (
            lr,
            beta1,
            beta2,
            group["weight_decay"],
            group["eps"],
            amsgrad,
            group["maximize"],
            group["decoupled_weight_decay"],
        )
        if not plain:
            lists = (params, grads, exp_avgs, exp_avg_sqs, max_exp_avg_sqs, steps)
            plain = not _fused_adam_(*lists, *map(_number, options))
        if plain:
            update = _update_differentiable if group["differentiable"] else _update_one
            for i, p in enumerate(params):
                top = max_exp_avg_sqs[i] if amsgrad else None
                update(p, grads[i], exp_avgs[i], exp_avg_sqs[i], top, steps[i], *options)


def _check_betas(betas, foreach, capturable):
    tensors = [isinstance(beta, torch.Tensor) for beta in betas]
    if any(tensors) and not all(tensors):
        raise ValueError("betas must be either both floats or both Tensors")
    for i, beta in enumerate(betas):
        if isinstance(beta, torch.Tensor):
            if foreach and not capturable:
                raise ValueError(
                    f"betas[{i}] as a Tensor is not supported for capturable=False and foreach=True"
                )
            if beta.numel() != 1:
                raise ValueError(f"Tensor betas[{i}] must be 1-element")


def _decayed(p, g, lr, weight_decay, decoupled, maximize):
    """The gradient after weight decay, which if decoupled changes `p` instead."""
    if maximize:
        g = -g
    if weight_decay != 0:
        if decoupled:
            p.mul_(1 - lr * weight_decay)
        else:
            g = g.add(p, alpha=weight_decay)
    return g


def _update_one(
    p, g, m, v, top, step, lr, beta1, beta2, weight_decay, eps, amsgrad, maximize, decoupled
):
    """m and v: the running means of g and g * g; top: the largest v so far."""
    lr, beta1, beta2 = _number(lr), _number(beta1), _number(beta2)
    step.add_(1)
    g = _decayed(p, g, lr, weight_decay, decoupled, maximize)
    if p.is_complex():
        p, g, m, v = _real(p, g, m, v)
        top = torch.view_as_real(top) if amsgrad else None
    m.lerp_(g, 1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=1 - beta2)
    t = step.item()
    step_size = lr / (1 - beta1**t)
    root = (1 - beta2**t) ** 0.5
    if amsgrad:
        torch.maximum(top, v, out=top)
        v = top
    p.addcdiv_(m, (v.sqrt() / root).add_(eps), value=-step_size)


def _update_differentiable(
    p, g, m, v, top, step, lr, beta1, beta2, weight_decay, eps, amsgrad, maximize, decoupled
):
    """The same step, recorded: nothing that a gradient needs is overwritten."""
    step.add_(1)
    g = _decayed(p, g, lr, weight_decay, decoupled, maximize)
    if p.is_complex():
        p, g, m, v = _real(p, g, m, v)
        top = torch.view_as_real(top) if amsgrad else None
    m.lerp_(g, 1 - beta1)
    v.mul_(beta2).addcmul_(g, g, value=_number(1 - beta2))
    t = step.clone()
    step_size = lr / (1 - beta1**t)
    root = (1 - beta2**t).sqrt()
    if amsgrad:
        top.copy_(torch.maximum(top.clone(), v))
        v = top
    denominator = (v.sqrt() / (root * -step_size)).add_(eps / -step_size)
    p.addcdiv_(m, denominator)
