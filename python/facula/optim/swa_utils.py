"""Averages of weights along training: stochastic (Izmailov et al., 2018) and exponential."""

import math
from copy import deepcopy
from itertools import chain

import facula as torch
from facula.nn import Module
from facula.nn.modules.batchnorm import _BatchNorm
from facula.optim._lr_base import LRScheduler, _per_group

__all__ = [
    "AveragedModel",
    "SWALR",
    "get_ema_avg_fn",
    "get_ema_multi_avg_fn",
    "get_swa_avg_fn",
    "get_swa_multi_avg_fn",
    "update_bn",
]


def _check_decay(decay):
    if not 0.0 <= decay <= 1.0:
        raise ValueError(
            f"Invalid decay value {decay} provided. Please provide a value in [0,1] range."
        )


def _has_fractions(tensors):
    return tensors[0].is_floating_point() or tensors[0].is_complex()


def get_ema_multi_avg_fn(decay=0.999):
    """`f(averages, current, count)`, which moves lists of tensors by 1 - decay, in place."""
    _check_decay(decay)

    @torch.no_grad()
    def ema_update(ema_param_list, current_param_list, _):
        if _has_fractions(ema_param_list):
            for average, current in zip(ema_param_list, current_param_list):
                average.lerp_(current, 1 - decay)
        else:
            for average, current in zip(ema_param_list, current_param_list):
                average.copy_(average * decay + current * (1 - decay))

    return ema_update


def get_swa_multi_avg_fn():
    """`f(averages, current, count)`, which makes lists of tensors the means of all, in place."""

    @torch.no_grad()
    def swa_update(averaged_param_list, current_param_list, num_averaged):
        share = 1 / (num_averaged + 1)
        for average, current in zip(averaged_param_list, current_param_list):
            if _has_fractions(averaged_param_list):
                average.lerp_(current, share.to(average.dtype))
            else:
                average.add_((current - average).mul(share).to(average.dtype))

    return swa_update


def get_ema_avg_fn(decay=0.999):
    """`f(average, current, count)`, the exponential mean."""
    _check_decay(decay)

    @torch.no_grad()
    def ema_update(ema_param, current_param, num_averaged):
        return decay * ema_param + (1 - decay) * current_param

    return ema_update


def get_swa_avg_fn():
    """`f(average, current, count)`, the mean of all."""

    @torch.no_grad()
    def swa_update(averaged_param, current_param, num_averaged):
        return averaged_param + (current_param - averaged_param) / (num_averaged + 1)

    return swa_update


class AveragedModel(Module):
    """A copy of a module, whose parameters are means of those that update_parameters() is shown."""

    def __init__(self, model, device=None, avg_fn=None, multi_avg_fn=None, use_buffers=False):
        super().__init__()
        if avg_fn is not None and multi_avg_fn is not None:
            raise AssertionError("Only one of avg_fn and multi_avg_fn should be provided")
        self.module = deepcopy(model)
        if device is not None:
            self.module = self.module.to(device)
        self.register_buffer("n_averaged", torch.tensor(0, dtype=torch.long, device=device))
        self.avg_fn = avg_fn
        self.multi_avg_fn = multi_avg_fn
        self.use_buffers = use_buffers

    def forward(self, *args, **kwargs):
        """What the copy gives."""
        return self.module(*args, **kwargs)

    def _averaged(self, model):
        return chain(model.parameters(), model.buffers() if self.use_buffers else ())

    @torch.no_grad()
    def update_parameters(self, model):
        """Takes the parameters of model into the means; the first time, copies them."""
        averages = [t.detach() for t in self._averaged(self.module)]
        current = [t.detach().to(mean.device) for t, mean in zip(self._averaged(model), averages)]
        if self.n_averaged == 0:
            for mean, t in zip(averages, current):
                mean.copy_(t)
        elif self.multi_avg_fn is not None:
            kinds = {}
            for mean, t in zip(averages, current):
                means, values = kinds.setdefault((mean.device, mean.dtype), ([], []))
                means.append(mean)
                values.append(t)
            for (device, _), (means, values) in kinds.items():
                self.multi_avg_fn(means, values, self.n_averaged.to(device))
        else:
            average = self.avg_fn or get_swa_avg_fn()
            for mean, t in zip(averages, current):
                mean.copy_(average(mean, t, self.n_averaged.to(mean.device)))
        if not self.use_buffers:
            for mean, t in zip(self.module.buffers(), model.buffers()):
                mean.detach().copy_(t.detach().to(mean.device))
        self.n_averaged += 1


@torch.no_grad()
def update_bn(loader, model, device=None):
    """Computes the statistics of all batch normalizations anew, from the batches of loader."""
    norms = [module for module in model.modules() if isinstance(module, _BatchNorm)]
    if not norms:
        return
    momenta = [module.momentum for module in norms]
    was_training = model.training
    model.train()
    for module in norms:
        module.reset_running_stats()
        module.momentum = None
    for batch in loader:
        if isinstance(batch, (list, tuple)):
            batch = batch[0]
        if device is not None:
            batch = batch.to(device)
        model(batch)
    for module, momentum in zip(norms, momenta):
        module.momentum = momentum
    model.train(was_training)


class SWALR(LRScheduler):
    """From the rate that training has reached to swa_lr in anneal_epochs; there it stays."""

    def __init__(self, optimizer, swa_lr, anneal_epochs=10, anneal_strategy="cos", last_epoch=-1):
        swa_lrs = _per_group("swa_lr", optimizer, swa_lr)
        for lr, group in zip(swa_lrs, optimizer.param_groups):
            group["swa_lr"] = lr
        if anneal_strategy not in ("cos", "linear"):
            raise ValueError(
                f"anneal_strategy must be one of 'cos' or 'linear', instead got {anneal_strategy}"
            )
        if not isinstance(anneal_epochs, int) or anneal_epochs < 0:
            raise ValueError(f"anneal_epochs must be equal or greater than 0, got {anneal_epochs}")
        self._anneal_strategy = anneal_strategy
        self.anneal_epochs = anneal_epochs
        super().__init__(optimizer, last_epoch)

    def _share(self, step):
        """How much of the rate is swa_lr by then."""
        t = max(0, min(1, step / max(1, self.anneal_epochs)))
        return t if self._anneal_strategy == "linear" else (1 - math.cos(math.pi * t)) / 2

    def get_lr(self):
        self._warn_get_lr()
        step = self._step_count - 1
        if self.anneal_epochs == 0:
            step = max(1, step)
        before, now = self._share(step - 1), self._share(step)
        lrs = []
        for group in self.optimizer.param_groups:
            lr, swa_lr = group["lr"], group["swa_lr"]
            start = swa_lr if before == 1 else (lr - before * swa_lr) / (1 - before)
            lrs.append(swa_lr * now + start * (1 - now))
        return lrs
