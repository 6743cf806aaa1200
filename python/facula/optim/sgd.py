"""Stochastic gradient descent, with momentum (Sutskever et al., 2013)."""

import facula as torch
from facula._C import _fused_sgd_, _state_like
from facula.optim.optimizer import (
    _check_fused,
    _check_fused_param,
    _GroupOptimizer,
    _number,
)

__all__ = ["SGD"]


class SGD(_GroupOptimizer):
    """p -= lr * g, or with momentum p -= lr * v where v = momentum * v + (1 - dampening) * g."""

    def __init__(
        self,
        params,
        lr=1e-3,
        momentum=0,
        dampening=0,
        weight_decay=0,
        nesterov=False,
        *,
        maximize=False,
        foreach=None,
        differentiable=False,
        fused=None,
    ):
        if isinstance(lr, torch.Tensor) and lr.numel() != 1:
            raise ValueError("Tensor lr must be 1-element")
        if lr < 0.0:
            raise ValueError(f"Invalid learning rate: {lr}")
        if momentum < 0.0:
            raise ValueError(f"Invalid momentum value: {momentum}")
        if weight_decay < 0.0:
            raise ValueError(f"Invalid weight_decay value: {weight_decay}")
        defaults = {
            "lr": lr,
            "momentum": momentum,
            "dampening": dampening,
            "weight_decay": weight_decay,
            "nesterov": nesterov,
            "maximize": maximize,
            "foreach": foreach,
            "differentiable": differentiable,
            "fused": fused,
        }
        if nesterov and (momentum <= 0 or dampening != 0):
            raise ValueError("Nesterov momentum requires a momentum and zero dampening")
        super().__init__(params, defaults)
        if fused:
            _check_fused(foreach, differentiable)

    _later_options = {
        "nesterov": False,
        "maximize": False,
        "foreach": None,
        "differentiable": False,
        "fused": False,
    }

    def _update(self, group):
        momentum = group["momentum"]
        state = self.state
        params, grads, buffers = [], [], []
        fresh = []  # parameters whose first step with momentum this is
        plain = group["differentiable"]
        for p in group["params"]:
            g = p.grad
            if g is None:
                continue
            if group["fused"]:
                _check_fused_param(p)
                if g.is_sparse:
                    raise RuntimeError("`_fused_sgd` does not support sparse gradients")
            if g.is_sparse or p.is_complex():
                plain = True
            if momentum != 0:
                buffer = state[p].get("momentum_buffer")
                if buffer is None:
                    fresh.append((p, g))
                    continue
                buffers.append(buffer)
            params.append(p)
            grads.append(g)
        options = (
            group["lr"],
            momentum,
            group["dampening"],
            group["weight_decay"],
            group["nesterov"],
            group["maximize"],
        )
        if not plain:
            numbers = tuple(map(_number, options))
            plain = not _fused_sgd_(params, grads, buffers, *numbers, False)
        if plain:
            for i, p in enumerate(params):
                _update_one(p, grads[i], buffers[i] if buffers else None, *options)
        if fresh:
            self._first(fresh, plain, options)

    def _first(self, fresh, plain, options):
        """The first step with momentum of (parameter, gradient) pairs."""
        state = self.state
        if not plain:
            params = [p for p, _ in fresh]
            grads = [g for _, g in fresh]
            buffers = [_state_like(g) for g in grads]
            plain = None in buffers
        if not plain:
            numbers = tuple(map(_number, options))
            plain = not _fused_sgd_(params, grads, buffers, *numbers, True)
        if not plain:
            for p, buffer in zip(params, buffers):
                state[p]["momentum_buffer"] = buffer
            return
        for p, g in fresh:
            state[p]["momentum_buffer"] = _update_one(p, g, None, *options)


def _update_one(p, g, buffer, lr, momentum, dampening, weight_decay, nesterov, maximize):
    """The step of one parameter; returns its momentum buffer."""
    if maximize:
        g = -g
    if isinstance(weight_decay, torch.Tensor) or weight_decay != 0:
        if isinstance(weight_decay, torch.Tensor) and weight_decay.requires_grad:
            g = g.addcmul(p.clone(), weight_decay)
        else:
            g = g.add(p, alpha=_number(weight_decay))
    if momentum != 0:
        if buffer is None:
            buffer = g.clone().detach()
        else:
            buffer.mul_(momentum).add_(g, alpha=1 - dampening)
        g = g.add(buffer, alpha=momentum) if nesterov else buffer
    if isinstance(lr, torch.Tensor) and lr.requires_grad:
        p.addcmul_(g, lr, value=-1)
    else:
        p.add_(g, alpha=-_number(lr))
    return buffer
