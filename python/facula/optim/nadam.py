"""NAdam (Dozat, 2016): Adam with Nesterov's momentum."""

from facula.optim import _moments
from facula.optim.optimizer import _check_moments, _check_not_negative, _number

__all__ = ["NAdam"]


class NAdam(_moments.OneByOne):
    """Adam's steps, with the momentum that the next one will have."""

    _like_param = ("exp_avg", "exp_avg_sq")
    _tensors = "params, mu_products and state_steps"
    _later_options = {
        "maximize": False,
        "foreach": None,
        "capturable": False,
        "differentiable": False,
        "decoupled_weight_decay": False,
    }

    def __init__(
        self,
        params,
        lr=2e-3,
        betas=(0.9, 0.999),
        eps=1e-8,
        weight_decay=0,
        momentum_decay=4e-3,
        decoupled_weight_decay=False,
        *,
        foreach=None,
        maximize=False,
        capturable=False,
        differentiable=False,
    ):
        _check_moments(lr, eps, betas, weight_decay)
        _check_not_negative("momentum_decay", momentum_decay)
        defaults = {
            "lr": lr,
            "betas": betas,
            "eps": eps,
            "weight_decay": weight_decay,
            "momentum_decay": momentum_decay,
            "decoupled_weight_decay": decoupled_weight_decay,
            "maximize": maximize,
            "foreach": foreach,
            "capturable": capturable,
            "differentiable": differentiable,
        }
        super().__init__(params, defaults)

    def _start(self, p, group):
        return {
            "step": _moments.counter(),
            "mu_product": _moments.counter(1.0),
            "exp_avg": _moments.zeros(p),
            "exp_avg_sq": _moments.zeros(p),
        }

    def _change(self, p, g, state, group):
        (beta1, beta2), lr = group["betas"], _number(group["lr"])
        t = state["step"].item()

        def momentum(t):
            return beta1 * (1.0 - 0.5 * 0.96 ** (t * group["momentum_decay"]))

        mu, mu_next = momentum(t), momentum(t + 1)
        product = state["mu_product"].mul_(mu).item()
        mean, square = state["exp_avg"], state["exp_avg_sq"]
        mean.lerp_(g, 1 - beta1)
        square.mul_(beta2).addcmul_(g, g, value=1 - beta2)
        root = square.div(1 - beta2**t).sqrt()
        root = root.add(group["eps"]) if group["differentiable"] else root.add_(group["eps"])
        p.addcdiv_(g, root, value=-lr * (1 - mu) / (1 - product))
        p.addcdiv_(mean, root, value=-lr * mu_next / (1 - product * mu_next))
