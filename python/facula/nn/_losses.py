"""Losses as functions.

All take `reduction` ("none", "mean", "sum"); the two older arguments `size_average` and `reduce`
win when given.
"""

import functools
import math
import warnings

import facula as torch
from facula import _C
from facula.nn import _reduction
from facula.nn._overridable import overridable


def full_precision(function):
    """Under autocast the loss is computed in float32, as PyTorch's lists have it."""

    @functools.wraps(function)
    def wrapper(*args, **kwargs):
        if not _C._autocast_get()[0]:
            return function(*args, **kwargs)
        from facula.amp.autocast_mode import _cast, autocast

        args, kwargs = _cast((args, kwargs), "cpu", torch.float32)
        with autocast("cpu", enabled=False):
            return function(*args, **kwargs)

    return wrapper


def _reduced(loss, reduction):
    if reduction == "mean":
        return loss.mean()
    if reduction == "sum":
        return loss.sum()
    return loss


def _enum(reduction, size_average, reduce):
    if size_average is not None or reduce is not None:
        return _reduction.legacy_get_enum(size_average, reduce)
    return _reduction.get_enum(reduction)


def _string(reduction, size_average, reduce):
    if size_average is not None or reduce is not None:
        return _reduction.legacy_get_string(size_average, reduce)
    return reduction


# ---- classification ---------------------------------------------------------------------------


@overridable
def cross_entropy(
    input,
    target,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
    label_smoothing=0.0,
):
    """The cross entropy of logits (N, C, ...) with class indices (N, ...) or probabilities."""
    return _C.cross_entropy_loss(
        input,
        target,
        weight,
        _enum(reduction, size_average, reduce),
        ignore_index,
        label_smoothing,
    )


@overridable
def nll_loss(
    input,
    target,
    weight=None,
    size_average=None,
    ignore_index=-100,
    reduce=None,
    reduction="mean",
):
    """The negative log-likelihood of class indices (N, ...) given log-probabilities (N, C, ...)."""
    reduction = _enum(reduction, size_average, reduce)
    return _C.nll_loss_nd(input, target, weight, reduction, ignore_index)


@overridable
def binary_cross_entropy(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean"
):
    """The cross entropy of probabilities with targets between 0 and 1."""
    reduction = _enum(reduction, size_average, reduce)
    if target.size() != input.size():
        raise ValueError(
            f"Using a target size ({target.size()}) that is different to the input size "
            f"({input.size()}) is deprecated. Please ensure they have the same size."
        )
    if weight is not None:
        weight = weight.expand(torch.broadcast_shapes(target.size(), weight.size()))
    return _C.binary_cross_entropy(input, target, weight, reduction)


@overridable
def binary_cross_entropy_with_logits(
    input,
    target,
    weight=None,
    size_average=None,
    reduce=None,
    reduction="mean",
    pos_weight=None,
):
    """The cross entropy of sigmoid(input) with targets between 0 and 1, without overflow."""
    reduction = _enum(reduction, size_average, reduce)
    if target.size() != input.size():
        raise ValueError(
            f"Target size ({target.size()}) must be the same as input size ({input.size()})"
        )
    return _C.binary_cross_entropy_with_logits(input, target, weight, pos_weight, reduction)


@overridable
@full_precision
def multi_margin_loss(
    input,
    target,
    p=1,
    margin=1.0,
    weight=None,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """max(0, margin - x[y] + x[i]) ** p, summed over the other classes, over their count."""
    reduction = _string(reduction, size_average, reduce)
    _reduction.get_enum(reduction)
    if p not in (1, 2):
        raise ValueError("only p == 1 and p == 2 supported")
    if weight is not None and weight.dim() != 1:
        raise ValueError("weight must be one-dimensional")
    x = input.reshape(1, -1) if input.dim() < 2 else input
    if target.numel() != x.size(0) or target.dim() > 1:
        raise RuntimeError(
            "multi_margin_loss: target tensor should be 1-D with size equal to the number of input "
            f"samples (batch size). Expected target size [{x.size(0)}], but got "
            f"{list(target.size())}. Input has shape {list(input.size())}."
        )
    index = target.reshape(-1, 1)
    z = (margin - x.gather(1, index) + x).clamp_min(0)
    if p == 2:
        z = z * z
    if weight is not None:
        z = z * weight[index]
    z = z.scatter(1, index, 0.0).sum(1) / x.size(1)
    return _reduced(z.reshape(target.shape), reduction)


@overridable
def multilabel_soft_margin_loss(
    input, target, weight=None, size_average=None, reduce=None, reduction="mean"
):
    """The mean over classes of the binary cross entropies."""
    reduction = _string(reduction, size_average, reduce)
    log_p, log_q = _C.log_sigmoid(input), _C.log_sigmoid(-input)
    loss = -(target * log_p + (1 - target) * log_q)
    if weight is not None:
        loss = loss * weight
    loss = loss.sum(dim=input.dim() - 1) / input.size(-1)
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")
    return _reduced(loss, reduction)


# ---- regression -------------------------------------------------------------------------------


def _warn_sizes(input, target):
    if target.size() != input.size():
        warnings.warn(
            f"Using a target size ({target.size()}) that is different to the input size "
            f"({input.size()}). This will likely lead to incorrect results due to broadcasting. "
            "Please ensure they have the same size.",
            stacklevel=4,
        )


def _check_weight(weight, input):
    if weight is not None and weight.size() != input.size():
        raise ValueError("Weights and input must have the same size.")


def _weighted(op, input, target, weight, reduction):
    """A loss with weights: 'mean' divides by their sum."""
    loss = op(input, target, 0) * weight
    if reduction == "none":
        return loss
    if reduction == "sum":
        return loss.sum()
    if reduction == "mean":
        return loss.sum() / weight.sum()
    raise ValueError(f"Invalid reduction mode: {reduction}. Expected one of 'none', 'mean', 'sum'.")


@overridable
def l1_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """|x - y|."""
    _warn_sizes(input, target)
    reduction = _string(reduction, size_average, reduce)
    _check_weight(weight, input)
    input, target = torch.broadcast_tensors(input, target)
    if weight is not None:
        return _weighted(_C.l1_loss, input, target, weight, reduction)
    return _C.l1_loss(input, target, _reduction.get_enum(reduction))


@overridable
def mse_loss(input, target, size_average=None, reduce=None, reduction="mean", weight=None):
    """(x - y) ** 2."""
    _warn_sizes(input, target)
    reduction = _string(reduction, size_average, reduce)
    _check_weight(weight, input)
    if input.size() != target.size():
        input, target = torch.broadcast_tensors(input, target)
    if weight is not None:
        return _weighted(_C.mse_loss, input, target, weight, reduction)
    return _C.mse_loss(input, target, _reduction.get_enum(reduction))


@overridable
def smooth_l1_loss(input, target, size_average=None, reduce=None, reduction="mean", beta=1.0):
    """0.5 * (x - y) ** 2 / beta where |x - y| < beta, |x - y| - 0.5 * beta elsewhere."""
    _warn_sizes(input, target)
    reduction = _enum(reduction, size_average, reduce)
    input, target = torch.broadcast_tensors(input, target)
    if beta == 0.0:
        return _C.l1_loss(input, target, reduction)
    return _C.smooth_l1_loss(input, target, reduction, beta)


@overridable
def huber_loss(input, target, reduction="mean", delta=1.0, weight=None):
    """0.5 * (x - y) ** 2 where |x - y| < delta, delta * (|x - y| - 0.5 * delta) elsewhere."""
    _warn_sizes(input, target)
    _check_weight(weight, input)
    input, target = torch.broadcast_tensors(input, target)
    if weight is not None:
        loss = _C.huber_loss(input, target, 0, delta) * weight
        _reduction.get_enum(reduction)
        return _reduced(loss, reduction)
    return _C.huber_loss(input, target, _reduction.get_enum(reduction), delta)


@overridable
@full_precision
def kl_div(input, target, size_average=None, reduce=None, reduction="mean", log_target=False):
    """target * (log(target) - input): the Kullback-Leibler divergence from log-probabilities."""
    if size_average is not None or reduce is not None:
        reduction = _reduction.legacy_get_string(size_average, reduce)
    elif reduction == "mean":
        warnings.warn(
            "reduction: 'mean' divides the total loss by both the batch size and the support size."
            "'batchmean' divides only by the batch size, and aligns with the KL div math "
            "definition.'mean' will be changed to behave the same as 'batchmean' in the next major "
            "release.",
            stacklevel=3,
        )
    if reduction != "batchmean":
        _reduction.get_enum(reduction)
    if log_target:
        loss = target.exp() * (target - input)
    else:
        # 0 * log(0) counts as 0; its logarithm is never taken, so that gradients stay finite.
        positive = target.masked_fill(target == 0, 1)
        loss = target * positive.log() - target * input
    if reduction == "batchmean":
        loss = loss.sum()
        return loss / input.size(0) if input.dim() != 0 else loss
    return _reduced(loss, reduction)


@overridable
@full_precision
def poisson_nll_loss(
    input,
    target,
    log_input=True,
    full=False,
    size_average=None,
    eps=1e-8,
    reduce=None,
    reduction="mean",
):
    """The negative log-likelihood of a Poisson distribution; `full` adds Stirling's term."""
    reduction = _string(reduction, size_average, reduce)
    _reduction.get_enum(reduction)
    if log_input:
        loss = input.exp() - target * input
    else:
        loss = input - target * (input + eps).log()
    if full:
        stirling = target * target.log() - target + 0.5 * (2 * math.pi * target).log()
        loss = loss + stirling.masked_fill(target <= 1, 0)
    return _reduced(loss, reduction)


@overridable
def gaussian_nll_loss(input, target, var, full=False, eps=1e-6, reduction="mean"):
    """The negative log-likelihood of normal distributions of the given means and variances."""
    if isinstance(var, (int, float)):
        if var < 0:
            raise ValueError("var has negative entry/entries")
        var = var * torch.ones_like(input)
    elif torch.any(var < 0):
        raise ValueError("var has negative entry/entries")

    if var.size() != input.size():
        if input.size()[:-1] == var.size():
            var = var.unsqueeze(-1)  # one for each row
        elif not (
            (input.size()[:-1] == var.size()[:-1] and var.size(-1) == 1)
            or (input.dim() == var.dim() and _broadcasts_to(var, input))
        ):
            raise ValueError("var is of incorrect size")
    if reduction not in ("none", "mean", "sum"):
        raise ValueError(reduction + " is not valid")

    # The floor of the variance is not part of the function to be differentiated.
    var = var.clone()
    with torch.no_grad():
        var.clamp_(min=eps)
    loss = 0.5 * (var.log() + (input - target) ** 2 / var)
    if full:
        loss = loss + 0.5 * math.log(2 * math.pi)
    return _reduced(loss, reduction)


def _broadcasts_to(small, large):
    return all(a == b or a == 1 for a, b in zip(small.size(), large.size()))


@overridable
@full_precision
def soft_margin_loss(input, target, size_average=None, reduce=None, reduction="mean"):
    """log(1 + exp(-y * x)) with y of 1 or -1."""
    reduction = _string(reduction, size_average, reduce)
    _reduction.get_enum(reduction)
    return _reduced((-target * input).exp().log1p(), reduction)


# ---- embeddings and rankings ------------------------------------------------------------------


@overridable
@full_precision
def hinge_embedding_loss(
    input, target, margin=1.0, size_average=None, reduce=None, reduction="mean"
):
    """x where y is 1, max(0, margin - x) where y is -1."""
    reduction = _string(reduction, size_average, reduce)
    _reduction.get_enum(reduction)
    zeros = torch.zeros_like(input)
    margin_part = torch.where(target != 1, (margin - input).clamp_min(0), zeros)
    self_part = torch.where(target != -1, input, zeros)
    return _reduced(margin_part + self_part, reduction)


@overridable
@full_precision
def margin_ranking_loss(
    input1,
    input2,
    target,
    margin=0,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """max(0, -y * (x1 - x2) + margin)."""
    reduction = _string(reduction, size_average, reduce)
    _reduction.get_enum(reduction)
    if input1.dim() != input2.dim() or input1.dim() != target.dim():
        raise RuntimeError(
            "margin_ranking_loss : All input tensors should have same dimension but got sizes: "
            f"input1: {input1.size()}, input2: {input2.size()}, target: {target.size()} "
        )
    return _reduced((-target * (input1 - input2) + margin).clamp_min(0), reduction)


def cosine_similarity(x1, x2, dim=1, eps=1e-8):
    """The cosine of the angle between x1 and x2 along `dim`."""
    x1, x2 = torch.broadcast_tensors(x1, x2)
    # Each vector is divided by its own norm: stays within [-1, 1] where dividing the product
    # by both norms would not.
    n1 = x1.norm(2, dim, keepdim=True)
    n2 = x2.norm(2, dim, keepdim=True)
    return ((x1 / n1.clamp_min(eps)) * (x2 / n2.clamp_min(eps))).sum(dim)


def pairwise_distance(x1, x2, p=2.0, eps=1e-6, keepdim=False):
    """The p-norm of x1 - x2 + eps along the last dimension."""
    return (x1 - x2 + eps).norm(p, max(x1.dim(), x2.dim()) - 1, keepdim)


@overridable
@full_precision
def cosine_embedding_loss(
    input1,
    input2,
    target,
    margin=0,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """1 - cos(x1, x2) where y is 1, max(0, cos(x1, x2) - margin) where y is -1."""
    reduction = _string(reduction, size_average, reduce)
    _reduction.get_enum(reduction)
    if target.dim() > 1:
        raise RuntimeError("0D or 1D target tensor expected, multi-target not supported")
    if not input1.dim() == input2.dim() == target.dim() + 1:
        raise RuntimeError(
            f"{target.dim()}D target tensor expects {target.dim() + 1}D input tensors, but found "
            f"inputs with sizes {list(input1.size())} and {list(input2.size())}."
        )
    tiny = 1e-12
    product = (input1 * input2).sum(target.dim())
    n1 = (input1 * input1).sum(target.dim()) + tiny
    n2 = (input2 * input2).sum(target.dim()) + tiny
    cos = product / (n1 * n2).sqrt()
    zeros = torch.zeros_like(cos)
    loss = torch.where(target == 1, 1 - cos, zeros)
    loss = loss + torch.where(target == -1, (cos - margin).clamp_min(0), zeros)
    return _reduced(loss, reduction)


def _check_triplet(anchor, positive, negative, margin):
    if margin <= 0:
        raise ValueError(f"margin must be greater than 0, got {margin}")
    a, p, n = anchor.dim(), positive.dim(), negative.dim()
    if not a == p == n:
        raise RuntimeError(
            "The anchor, positive, and negative tensors are expected to have the same number of "
            f"dimensions, but got: anchor {a}D, positive {p}D, and negative {n}D inputs"
        )


def _triplet(distance, anchor, positive, negative, margin, swap, reduction):
    near = distance(anchor, positive)
    far = distance(anchor, negative)
    if swap:
        far = torch.minimum(far, distance(positive, negative))
    return _reduced((margin + near - far).clamp_min(0), reduction)


@overridable
@full_precision
def triplet_margin_loss(
    anchor,
    positive,
    negative,
    margin=1.0,
    p=2,
    eps=1e-6,
    swap=False,
    size_average=None,
    reduce=None,
    reduction="mean",
):
    """max(0, margin + |a - p| - |a - n|) with distances in the p-norm."""
    reduction = _string(reduction, size_average, reduce)
    _reduction.get_enum(reduction)
    _check_triplet(anchor, positive, negative, margin)

    def distance(x, y):
        return pairwise_distance(x, y, p, eps)

    return _triplet(distance, anchor, positive, negative, margin, swap, reduction)


@overridable
def triplet_margin_with_distance_loss(
    anchor,
    positive,
    negative,
    *,
    distance_function=None,
    margin=1.0,
    swap=False,
    reduction="mean",
):
    """`triplet_margin_loss` with a distance of the user's."""
    if reduction not in ("mean", "sum", "none"):
        raise ValueError(f"{reduction} is not a valid value for reduction")
    _check_triplet(anchor, positive, negative, margin)
    distance = pairwise_distance if distance_function is None else distance_function
    return _triplet(distance, anchor, positive, negative, margin, swap, reduction)
