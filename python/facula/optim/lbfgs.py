"""L-BFGS (Nocedal and Wright, Numerical Optimization, algorithms 7.4, 7.5, 3.5 and 3.6)."""

from collections import namedtuple

import facula as torch
from facula.optim.optimizer import Optimizer, _check_lr

__all__ = ["LBFGS"]

# A place on the line that is searched: how far along, the loss, its gradient, and its slope.
_Point = namedtuple("_Point", "t loss grad slope")


def _cubic_minimum(a, b, bounds=None):
    """Where the cubic of two points' losses and slopes is least, within the bounds."""
    low, high = bounds or (min(a.t, b.t), max(a.t, b.t))
    d1 = a.slope + b.slope - 3 * (a.loss - b.loss) / (a.t - b.t)
    square = d1**2 - a.slope * b.slope
    if square < 0:
        return (low + high) / 2.0
    d2 = square.sqrt() if isinstance(square, torch.Tensor) else square**0.5
    if a.t > b.t:
        a, b = b, a
    t = b.t - (b.t - a.t) * ((b.slope + d2 - d1) / (b.slope - a.slope + 2 * d2))
    return min(max(t, low), high)


class _Wolfe:
    """Looks along a line for a point that meets the strong Wolfe conditions."""

    def __init__(self, evaluate, start, tolerance, most, c1=1e-4, c2=0.9):
        self.evaluate = evaluate  # t -> _Point
        self.start = start
        self.tolerance = tolerance
        self.left = most
        self.c1, self.c2 = c1, c2

    def too_high(self, p):
        return p.loss > self.start.loss + self.c1 * p.t * self.start.slope

    def flat(self, p):
        return abs(p.slope) <= -self.c2 * self.start.slope

    def bracket(self, t):
        """Steps ahead: two points with a good one between them, or one that is good."""
        before, p = self.start, self.evaluate(t)
        first = 2
        while self.left > 0:
            if self.too_high(p) or (first <= 0 and p.loss >= before.loss):
                return [before, p]
            if self.flat(p):
                return [p]
            if p.slope >= 0:
                return [before, p]
            bounds = (p.t + 0.01 * (p.t - before.t), p.t * 10)
            before, p = p, self.evaluate(_cubic_minimum(before, p, bounds))
            self.left -= 1
            first -= 1
        return [self.start, p]

    def inside(self, ends, close_before):
        """A place between two points; not near an end twice running."""
        low, high = min(ends[0].t, ends[1].t), max(ends[0].t, ends[1].t)
        t = _cubic_minimum(*ends)
        margin = 0.1 * (high - low)
        if min(high - t, t - low) >= margin:
            return t, False
        if not close_before and low < t < high:
            return t, True
        return (high - margin if abs(t - high) < abs(t - low) else low + margin), False

    def search(self, t, reach):
        """The point found; reach is the greatest move of an element per unit of t."""
        ends = self.bracket(t)
        if len(ends) == 1:
            return ends[0]
        low, high = (0, 1) if ends[0].loss <= ends[1].loss else (1, 0)
        close = False
        while self.left > 0 and abs(ends[1].t - ends[0].t) * reach >= self.tolerance:
            t, close = self.inside(ends, close)
            p = self.evaluate(t)
            self.left -= 1
            if self.too_high(p) or p.loss >= ends[low].loss:
                ends[high] = p
                low, high = (0, 1) if ends[0].loss <= ends[1].loss else (1, 0)
                continue
            done = self.flat(p)
            if not done and p.slope * (ends[high].t - ends[low].t) >= 0:
                ends[high] = ends[low]
            ends[low] = p
            if done:
                break
        return ends[low]


class LBFGS(Optimizer):
    """Quasi-Newton steps from the changes of the last gradients; closure is called several times.

    line_search_fn is None or "strong_wolfe". There is one group of parameters.
    """

    def __init__(
        self,
        params,
        lr=1,
        max_iter=20,
        max_eval=None,
        tolerance_grad=1e-7,
        tolerance_change=1e-9,
        history_size=100,
        line_search_fn=None,
    ):
        _check_lr(lr)
        defaults = {
            "lr": lr,
            "max_iter": max_iter,
            "max_eval": max_iter * 5 // 4 if max_eval is None else max_eval,
            "tolerance_grad": tolerance_grad,
            "tolerance_change": tolerance_change,
            "history_size": history_size,
            "line_search_fn": line_search_fn,
        }
        super().__init__(params, defaults)
        if len(self.param_groups) != 1:
            raise ValueError("LBFGS doesn't support per-parameter options (parameter groups)")
        self._params = self.param_groups[0]["params"]

    def _real_params(self):
        return [torch.view_as_real(p) if p.is_complex() else p for p in self._params]

    def _flat_grad(self):
        parts = []
        for p in self._params:
            g = torch.zeros_like(p) if p.grad is None else p.grad
            g = g.to_dense() if g.is_sparse else g
            parts.append((torch.view_as_real(g) if g.is_complex() else g).reshape(-1))
        return torch.cat(parts)

    def _move(self, t, direction):
        at = 0
        for p in self._real_params():
            n = p.numel()
            p.add_(direction[at : at + n].view_as(p), alpha=t)
            at += n

    def _evaluator(self, closure, direction):
        """What gives the point at t on the line from here, and leaves the parameters here."""
        origin = [p.clone(memory_format=torch.contiguous_format) for p in self._params]

        def evaluate(t):
            self._move(t, direction)
            loss = float(closure())
            grad = self._flat_grad()
            for p, old in zip(self._params, origin):
                p.copy_(old)
            return _Point(t, loss, grad, grad.dot(direction))

        return evaluate

    def step(self, closure):
        """Up to max_iter steps; closure computes the loss and its gradients and returns it."""
        with torch.no_grad():
            return self._step(torch.enable_grad()(closure))

    def _step(self, closure):
        group, state = self.param_groups[0], self.state[self._params[0]]
        state.setdefault("func_evals", 0)
        state.setdefault("n_iter", 0)
        first = closure()
        loss, evaluations = float(first), 1
        state["func_evals"] += 1
        grad = self._flat_grad()
        if grad.abs().max() <= group["tolerance_grad"]:
            return first
        history = _History(state, group["history_size"])
        loss_before = state.get("prev_loss")
        for i in range(1, group["max_iter"] + 1):
            state["n_iter"] += 1
            t, direction = history.direction(grad, state["n_iter"], group["lr"])
            loss_before = loss
            slope = grad.dot(direction)
            history.t, history.d = t, direction
            if slope > -group["tolerance_change"]:
                break
            start = _Point(0, loss, grad, slope)
            left = group["max_eval"] - evaluations
            t, loss, grad, used = self._advance(
                closure, start, t, direction, left, i == group["max_iter"]
            )
            history.t = t
            evaluations += used
            state["func_evals"] += used
            if (
                evaluations >= group["max_eval"]
                or grad.abs().max() <= group["tolerance_grad"]
                or direction.mul(t).abs().max() <= group["tolerance_change"]
                or abs(loss - loss_before) < group["tolerance_change"]
            ):
                break
        history.keep(state)
        state["prev_loss"] = loss_before
        return first

    def _advance(self, closure, start, t, direction, left, last):
        """Moves along the direction: how far, the loss and gradient there, and calls of closure."""
        group = self.param_groups[0]
        search = group["line_search_fn"]
        if search is None:
            self._move(t, direction)
            if last:  # nobody asks for the loss behind it
                return t, start.loss, start.grad, 0
            return t, float(closure()), self._flat_grad(), 1
        if search != "strong_wolfe":
            raise RuntimeError("only 'strong_wolfe' is supported")
        calls = [0]
        evaluate = self._evaluator(closure, direction)

        def counted(t):
            calls[0] += 1
            return evaluate(t)

        wolfe = _Wolfe(counted, start, group["tolerance_change"], left)
        p = wolfe.search(t, direction.abs().max())
        self._move(p.t, direction)
        return p.t, p.loss, p.grad, calls[0]


class _History:
    """The last changes of gradients (old_dirs) and parameters (old_stps)."""

    def __init__(self, state, size):
        self.size = size
        self.d, self.t = state.get("d"), state.get("t")
        self.dirs, self.steps = state.get("old_dirs", []), state.get("old_stps", [])
        self.ro, self.scale = state.get("ro", []), state.get("H_diag")
        self.grad = state.get("prev_flat_grad")
        self.al = state.get("al")

    def keep(self, state):
        """Writes them back."""
        if self.al is not None:
            state["al"] = self.al
        state.update(
            d=self.d, t=self.t, old_dirs=self.dirs, old_stps=self.steps, ro=self.ro,
            H_diag=self.scale, prev_flat_grad=self.grad,
        )  # fmt: skip

    def direction(self, grad, n, lr):
        """How far to go at first, and where."""
        if n == 1:
            self.dirs, self.steps, self.ro, self.scale = [], [], [], 1
            self.grad = grad.clone()
            return min(1.0, 1.0 / grad.abs().sum()) * lr, grad.neg()
        y, s = grad.sub(self.grad), self.d.mul(self.t)
        ys = y.dot(s)
        if ys > 1e-10:  # else the curvature is not to be trusted
            if len(self.dirs) == self.size:
                del self.dirs[0], self.steps[0], self.ro[0]
            self.dirs.append(y)
            self.steps.append(s)
            self.ro.append(1.0 / ys)
            self.scale = ys / y.dot(y)
        if self.al is None:
            self.al = [None] * self.size
        r = grad.neg()
        for i in reversed(range(len(self.dirs))):
            self.al[i] = self.steps[i].dot(r) * self.ro[i]
            r.add_(self.dirs[i], alpha=-self.al[i])
        r = torch.mul(r, self.scale)
        for i in range(len(self.dirs)):
            r.add_(self.steps[i], alpha=self.al[i] - self.dirs[i].dot(r) * self.ro[i])
        self.grad.copy_(grad)
        return lr, r
