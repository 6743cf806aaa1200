"""Modules put together: containers, sharing, freezing, counting, checkpoints as dictionaries."""

from collections import OrderedDict

import torch
import torch.nn as nn


class Residual(nn.Module):
    expansion = 1

    def __init__(self, channels, act=nn.ReLU):
        super().__init__()
        self.conv1 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn1 = nn.BatchNorm2d(channels)
        self.conv2 = nn.Conv2d(channels, channels, 3, padding=1, bias=False)
        self.bn2 = nn.BatchNorm2d(channels)
        self.act = act(inplace=True)

    def forward(self, x):
        out = self.act(self.bn1(self.conv1(x)))
        out = self.bn2(self.conv2(out))
        out += x
        return self.act(out)


class Net(nn.Module):
    def __init__(self, width=4, depth=2, classes=5):
        super().__init__()
        self.stem = nn.Sequential(
            OrderedDict([("conv", nn.Conv2d(3, width, 3, 2, 1)), ("act", nn.SiLU())])
        )
        self.layers = nn.ModuleList(Residual(width) for _ in range(depth))
        self.heads = nn.ModuleDict({"cls": nn.Linear(width, classes), "reg": nn.Linear(width, 1)})
        self.scale = nn.Parameter(torch.tensor(0.5))
        self.register_buffer("steps", torch.zeros((), dtype=torch.long))
        for m in self.modules():
            if isinstance(m, nn.Conv2d):
                nn.init.kaiming_normal_(m.weight, mode="fan_out", nonlinearity="relu")
            elif isinstance(m, (nn.BatchNorm2d, nn.GroupNorm)):
                nn.init.constant_(m.weight, 1)
                nn.init.constant_(m.bias, 0)

    def forward(self, x):
        if self.training:
            self.steps += 1
        x = self.stem(x)
        for layer in self.layers:
            x = layer(x)
        x = x.mean(dim=(2, 3)) * self.scale
        return {name: head(x) for name, head in self.heads.items()}


torch.manual_seed(0)
net = Net()
print(net)
out = net(torch.randn(2, 3, 8, 8))
print({k: tuple(v.shape) for k, v in out.items()}, net.steps)
for name, p in net.named_parameters():
    if name.startswith("layers.0") or "." not in name:
        print(name, tuple(p.shape), p.requires_grad)
print([n for n, _ in net.named_buffers()])
for p in net.stem.parameters():
    p.requires_grad = False
loss = out["cls"].sum() + out["reg"].sum()
loss.backward()
print([n for n, p in net.named_parameters() if p.grad is None])
params = filter(lambda p: p.requires_grad, net.parameters())
opt = torch.optim.SGD(params, lr=0.1, momentum=0.9, nesterov=True, weight_decay=1e-4)
opt.step()
checkpoint = {"epoch": 3, "model": net.state_dict(), "optimizer": opt.state_dict()}
print(list(checkpoint["model"])[:6], checkpoint["optimizer"]["param_groups"])
clone = Net()
clone.load_state_dict({"module." + k: v for k, v in net.state_dict().items()}, strict=False)
stripped = {k.replace("module.", ""): v for k, v in checkpoint["model"].items()}
print(clone.load_state_dict(stripped), clone.steps)
x = torch.randn(1, 3, 8, 8)
net.eval(), clone.eval()
with torch.no_grad():
    print(all(torch.equal(net(x)[k], clone(x)[k]) for k in ("cls", "reg")))
bad = dict(stripped)
bad.pop("scale")
bad["extra"] = torch.ones(1)
bad["heads.cls.weight"] = torch.ones(2, 2)
try:
    clone.load_state_dict(bad)
except RuntimeError as err:
    print(err)
try:
    net(torch.randn(1, 4, 8, 8))
except RuntimeError as err:
    print(err)
print(net.double().scale.dtype, net.float().half().scale.dtype, sum(1 for _ in net.modules()))
trunk = nn.Sequential(*list(net.children())[:1]).float()
print(trunk, trunk(x).shape, len(trunk), isinstance(trunk[0], nn.Module))
