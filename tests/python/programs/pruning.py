"""Pruning: masks over parameters, one after the other, global ones and one's own."""

import torch
import torch.nn as nn
from torch.nn.utils import prune

torch.manual_seed(0)


def tried(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, e)


def show(module):
    print(module.state_dict(), [name for name, _ in module.named_parameters()])


layer = nn.Linear(4, 3)
show(prune.identity(layer, "weight"))
show(prune.random_structured(layer, "weight", 1, 1))
show(prune.l1_unstructured(layer, "weight", 0.25))
show(prune.ln_structured(layer, "weight", 1, float("inf"), 0))
show(prune.custom_from_mask(layer, "bias", torch.tensor([1, 0, 1])))
hooks = list(layer._forward_pre_hooks.values())
print([type(hook).__name__ for hook in hooks], len(hooks[0]), hooks[0][-1].amount)
print([type(method).__name__ for method in hooks[0]])
layer(torch.ones(2, 4)).sum().backward()
print(layer.weight_orig.grad, layer.weight)
print(prune.remove(layer, "weight"), prune.is_pruned(layer))
show(layer)

layer = nn.Linear(4, 3)
scores = torch.arange(12.0).view(3, 4)
prune.l1_unstructured(layer, "weight", 3, importance_scores=scores)
print(layer.weight_mask)
prune.random_unstructured(layer, "weight", 2)
prune.random_structured(layer, "weight", 0, 0)
print(layer.weight_mask)
print(prune.L1Unstructured(2).prune(torch.tensor([3.0, -1.0, 2.0, 0.5])))
print(prune.LnStructured(1, 2, 0).prune(torch.arange(6.0).view(3, 2)))
print(prune.RandomStructured(0.5).prune(torch.ones(2, 4)))
conv = prune.ln_structured(nn.Conv2d(2, 4, 3), name="weight", amount=0.5, n=1, dim=0)
print(conv.weight_mask.sum((1, 2, 3)), conv(torch.ones(1, 2, 3, 3)).shape)

one, two = nn.Linear(3, 2), nn.Linear(2, 2)
prune.random_unstructured(one, "weight", 2)
where = [(one, "weight"), (two, "weight"), (two, "bias")]
prune.global_unstructured(where, pruning_method=prune.RandomUnstructured, amount=0.5)
show(one)
show(two)
both = nn.Sequential(one, two)
print(prune.is_pruned(both), prune.is_pruned(nn.Linear(2, 2)))
given = {(two, "weight"): torch.ones(2, 2)}
prune.global_unstructured(
    ((two, "weight"),), prune.L1Unstructured, importance_scores=given, amount=1
)
print(two.weight_mask)


class EveryOther(prune.BasePruningMethod):
    PRUNING_TYPE = "unstructured"

    def compute_mask(self, t, default_mask):
        mask = default_mask.clone()
        mask.view(-1)[::2] = 0
        return mask


class Unknown(EveryOther):
    PRUNING_TYPE = "unknown"


layer = nn.Linear(3, 2)
EveryOther.apply(layer, "weight")
EveryOther.apply(layer, "weight")
print(layer.weight_mask, layer.weight)
tried(lambda: Unknown.apply(layer, "weight"))


def fresh():
    return nn.Linear(3, 2)


tried(lambda: prune.global_unstructured([(one, "weight")], prune.LnStructured, amount=1, n=1))
tried(lambda: prune.global_unstructured(3, prune.L1Unstructured, amount=1))
tried(lambda: prune.global_unstructured(where, prune.L1Unstructured, importance_scores=[1]))
tried(lambda: prune.remove(fresh(), "weight"))
for amount in (-1, 1.5, "a", 100):
    tried(lambda: prune.l1_unstructured(fresh(), "weight", amount))
tried(lambda: prune.ln_structured(fresh(), "weight", 100, 2, 0))
tried(lambda: prune.ln_structured(fresh(), "bias", 1, 2, 0))
tried(lambda: prune.ln_structured(fresh(), "weight", 1, 2, 5))
tried(lambda: prune.l1_unstructured(fresh(), "foo", 1))
tried(lambda: prune.custom_from_mask(fresh(), "bias", torch.ones(3)))
tried(lambda: prune.l1_unstructured(fresh(), "bias", 1, importance_scores=torch.ones(3)))
tried(lambda: prune.L1Unstructured(1).prune(torch.ones(2), importance_scores=torch.ones(3)))
tried(lambda: prune.PruningContainer(3))
tried(lambda: prune.BasePruningMethod())
layer = fresh()
tried(lambda: prune.l1_unstructured(layer, "weight", 100))
print(sorted(layer.state_dict()), prune.is_pruned(layer))  # as it was
