"""Tables, summaries and f-strings, as scripts print them."""

import torch
from torch import nn

torch.set_printoptions(precision=3)
print(torch.tensor([1.23456, 1e-5, 1e5]), torch.tensor([1e10, 1.0]), torch.randn(0))
torch.set_printoptions(profile="default")
print(torch.arange(2000).view(40, 50))
print(torch.zeros(1001), torch.eye(3, dtype=torch.int8), torch.tensor(3.0), torch.tensor([[True]]))
print(
    torch.tensor([float("nan"), float("inf"), -1.0]), torch.tensor([1 + 2j]), torch.ones(2).half()
)
print(f"{torch.tensor(1.005):.2f} {torch.tensor(42):5d} {torch.tensor([1, 2])}")
print("%s | %r | %.1e" % (torch.tensor(2), torch.tensor(2.5), torch.tensor(12345.678)))
print(f"{torch.tensor(0.12345):>10.3f}|{torch.tensor([0.5])}|{torch.tensor(7):03d}|{torch.float32}")
print([torch.tensor(1), torch.tensor(2.0)], {"a": torch.ones(1)}, (torch.zeros(1, 1),))


def summary(model, x):
    print("-" * 60)
    print(f"{'Layer (type)':>22}  {'Output Shape':>20} {'Param #':>12}")
    print("=" * 60)
    rows, hooks = [], []

    def register(module):
        def hook(module, inputs, output):
            n = sum(torch.prod(torch.LongTensor(list(p.size()))) for p in module.parameters())
            name = str(module.__class__).split(".")[-1].split("'")[0]
            rows.append((f"{name}-{len(rows) + 1}", list(output.size()), int(n)))

        if not isinstance(module, nn.Sequential):
            hooks.append(module.register_forward_hook(hook))

    model.apply(register)
    model(x)
    for h in hooks:
        h.remove()
    for name, shape, n in rows:
        print(f"{name:>22}  {str(shape):>20} {n:>12,}")
    total = sum(p.numel() for p in model.parameters())
    trainable = sum(p.numel() for p in model.parameters() if p.requires_grad)
    print("=" * 60)
    print(f"Total params: {total:,}\nTrainable params: {trainable:,}")


net = nn.Sequential(
    nn.Conv2d(3, 6, 5), nn.ReLU(), nn.MaxPool2d(2), nn.Flatten(), nn.Linear(6 * 14 * 14, 10)
)
for p in net[0].parameters():
    p.requires_grad = False
summary(net, torch.zeros(2, 3, 32, 32))
print(net, net[0].weight.requires_grad, repr(net[4]), sep="\n")
x = torch.ones(2, 2, requires_grad=True)
y = x + 2
z = y * y * 3
print(x, y, z, z.mean(), z.detach(), x.data, sep="\n")
print(x.grad_fn, y.grad_fn is not None, x.is_leaf, z.mean().dtype, z.device, z.layout, z.type())
print(torch.Size([2, 3]), x.shape, x.size(), x.size(0), x.ndim, x.numel(), x.element_size())
print(
    torch.finfo(torch.float32).eps, torch.iinfo(torch.int16).max, torch.float16, torch.device("cpu")
)
torch.set_printoptions(sci_mode=True)
print(torch.tensor([0.001, 1000.0]))
torch.set_printoptions(sci_mode=False, linewidth=40, edgeitems=2, threshold=5)
print(torch.arange(30.0).view(3, 10))
