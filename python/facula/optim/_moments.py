"""What the relatives of Adam share: the state of one parameter."""

import facula as torch
from facula.optim.optimizer import (
    _GroupOptimizer,
    _number,
    _real,
    _step_dtype,
)

DEVICES = ["cuda", "xpu", "hpu", "privateuseone", "xla"]


def zeros(p):
    """A tensor of zeros laid out as p."""
    return torch.zeros_like(p, memory_format=torch.preserve_format)


def counter(value=0.0):
    """A number that the state keeps as a tensor."""
    return torch.tensor(value, dtype=_step_dtype())


class OneByOne(_GroupOptimizer):
    """An optimizer that changes one parameter after the other.

    `_start(p, group)` is a parameter's state before the first step; the tensors in it whose names
    are in `_like_param` take part in `_change(p, g, state, group)` as pairs of reals where the
    parameter is complex.
    """

    _like_param = ()
    _tensors = "params and state_steps"  # that capturable=True wants on a device
    _later_options = {
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
                raise RuntimeError(f"{type(self).__name__} does not support sparse gradients")
            state = self.state[p]
            if not state:
                state.update(self._start(p, group))
            if group["capturable"]:
                raise AssertionError(
                    f"If capturable=True, {self._tensors} must be on supported devices: {DEVICES}."
                )
            state["step"].add_(1)
            if group["maximize"]:
                g = -g
            g = _decayed(p, g, group)
            parts = {name: state[name] for name in self._like_param}
            if p.is_complex():
                p, g, *rest = _real(p, g, *parts.values())
                parts = dict(zip(parts, rest))
            self._change(p, g, {**state, **parts}, group)


def _decayed(p, g, group):
    """The gradient with the weight decay in it; decoupled, p decays instead."""
    decay = group.get("weight_decay", 0)
    if decay == 0:
        return g
    if group.get("decoupled_weight_decay"):
        p.mul_(1 - _number(group["lr"]) * decay)
        return g
    return g.add(p, alpha=decay)
