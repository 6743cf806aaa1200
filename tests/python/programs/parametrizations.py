"""Parameters computed from others: parametrizations, weight and spectral normalization."""

import copy
import pickle

import torch
import torch.nn as nn
import torch.nn.utils.parametrize as P
from torch.nn.utils import parametrizations, remove_spectral_norm, spectral_norm, weight_norm

torch.manual_seed(0)


def tried(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, e)


class Symmetric(nn.Module):
    def forward(self, x):
        return x.triu() + x.triu(1).transpose(-1, -2)

    def right_inverse(self, a):
        return a.triu()


class Product(nn.Module):
    def forward(self, a, b):
        return a * b

    def right_inverse(self, x):
        return x.abs() + 1, x / (x.abs() + 1)


class Double(nn.Module):
    def forward(self, x):
        return x * 2


layer = nn.Linear(3, 3)
P.register_parametrization(layer, "weight", Symmetric())
print(layer, layer.weight, type(layer), type(layer).__mro__[1].__name__)
a = torch.rand(3, 3)
layer.weight = a + a.T
print(torch.allclose(layer.weight, a + a.T), layer.parametrizations.weight.original)
P.register_parametrization(layer, "bias", Double())
print(layer.bias, list(layer.state_dict()), [name for name, _ in layer.named_parameters()])
print(P.is_parametrized(layer), P.is_parametrized(layer, "bias"), P.is_parametrized(layer, "q"))
tried(lambda: setattr(layer, "bias", torch.ones(3)))
layer(torch.ones(1, 3)).sum().backward()
print([p.grad for p in layer.parameters()])
with P.cached():
    print(layer.weight is layer.weight)
print(layer.weight is layer.weight)
P.register_parametrization(layer, "weight", Double())
print(layer, layer.weight)
twin = copy.deepcopy(layer)
print(torch.equal(twin.weight, layer.weight), type(twin).__name__, isinstance(twin, nn.Linear))
print(P.type_before_parametrizations(twin))
tried(lambda: pickle.dumps(layer))
print(P.remove_parametrizations(layer, "weight"), layer.weight)
print(P.remove_parametrizations(layer, "bias", leave_parametrized=False), layer.bias, type(layer))
tried(lambda: P.remove_parametrizations(layer, "bias"))
tried(lambda: P.register_parametrization(layer, "foo", Symmetric()))

layer = nn.Linear(2, 2)
P.register_parametrization(layer, "weight", Product())
print(layer.weight, list(layer.state_dict()))
layer.weight = torch.eye(2)
originals = layer.parametrizations.weight
print(layer.weight, originals.original0, originals.ntensors)
tried(lambda: P.remove_parametrizations(layer, "weight", leave_parametrized=False))
print(P.remove_parametrizations(layer, "weight").weight)


class OtherShape(nn.Module):
    def forward(self, x):
        return x[:1]


class OtherDtype(nn.Module):
    def forward(self, x):
        return x.double()


class NoTensor(nn.Module):
    def forward(self, x):
        return 3


class NoTensorBack(nn.Module):
    def forward(self, x):
        return x

    def right_inverse(self, x):
        return 3


for wrong in (OtherShape, OtherDtype, NoTensor, NoTensorBack):
    layer = nn.Linear(2, 2)
    tried(lambda: P.register_parametrization(layer, "weight", wrong()))
    P.register_parametrization(layer, "bias", Double())
    tried(lambda: P.register_parametrization(layer, "bias", wrong()))
tried(lambda: P.ParametrizationList([], torch.ones(1)))
layer = nn.Linear(2, 2)
print(P.register_parametrization(layer, "weight", OtherShape(), unsafe=True).weight)

one, other = nn.Linear(3, 3), nn.Linear(3, 3)
P.register_parametrization(one, "weight", Symmetric())
print(P.transfer_parametrizations_and_params(one, other))
print(other.parametrizations.weight.original is one.parametrizations.weight.original)

new = parametrizations.weight_norm(nn.Linear(3, 2))
print(new, list(new.state_dict()), new.weight.detach())
old = weight_norm(nn.Linear(3, 2))
print(list(old.state_dict()), new.load_state_dict(old.state_dict()))
print(new.parametrizations.weight.original0)

layer = parametrizations.spectral_norm(nn.Linear(4, 3))
print(layer, list(layer.state_dict()), layer.weight)
layer.eval()
print(layer.weight, layer.parametrizations.weight[0]._u)
layer.train()
optimizer = torch.optim.SGD(layer.parameters(), 0.1)
for _ in range(3):
    loss = layer(torch.ones(2, 4)).pow(2).sum()
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    print(f"{loss.item():.4f}")
conv = parametrizations.spectral_norm(nn.Conv2d(2, 3, 3), n_power_iterations=2)
print(conv.weight.flatten()[:4], parametrizations.spectral_norm(nn.Linear(2, 2), "bias").bias)
tried(lambda: parametrizations.spectral_norm(nn.ReLU()))
tried(lambda: parametrizations.spectral_norm(nn.Linear(2, 2), dim=5))
tried(lambda: parametrizations.spectral_norm(nn.Linear(2, 2), n_power_iterations=0))

layer = spectral_norm(nn.Linear(4, 3))
print(layer, list(layer.state_dict()), layer.state_dict()._metadata)
x = torch.ones(2, 4)
layer(x).sum().backward()
print(layer.weight, layer.weight_orig.grad)
(layer(x).sum() - layer(x * 2).sum()).backward()  # two calls, one backward
layer.eval()
print(layer(x))
tried(lambda: spectral_norm(layer))
remove_spectral_norm(layer)
print(layer.weight, layer(x), layer._forward_pre_hooks)
tried(lambda: remove_spectral_norm(layer))
tried(lambda: spectral_norm(nn.Linear(2, 2, bias=False), "bias"))
print(spectral_norm(nn.Conv2d(1, 2, 3), dim=1)(torch.ones(1, 1, 4, 4)).detach())
