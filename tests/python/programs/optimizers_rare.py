"""Adafactor, SparseAdam, and averages of weights along training."""

import torch
import torch.nn as nn
from torch.optim import SGD, Adafactor, SparseAdam, swa_utils

torch.manual_seed(0)


def tried(f):
    try:
        print(f())
    except Exception as e:
        print(type(e).__name__, e)


# A table of which each step touches a few rows.
table = nn.Embedding(6, 3, sparse=True)
optimizer = SparseAdam(table.parameters(), lr=0.1)
print(optimizer)
rows = [1, 2, 1, 4]
for _ in range(4):
    grad = table.weight.detach()[rows] * 2
    table.weight.grad = torch.sparse_coo_tensor([rows], grad, (6, 3))
    optimizer.step()
print(table.weight, optimizer.state_dict())
one, two = torch.ones(1), torch.ones(2)
tried(lambda: SparseAdam([one], lr=0))
tried(lambda: SparseAdam([one], eps=0))
tried(lambda: SparseAdam([one], betas=(1, 2)))
tried(lambda: SparseAdam([one, one.to(torch.complex64)]))
tried(lambda: SparseAdam([torch.eye(2).to_sparse()]))
dense = torch.ones(2, requires_grad=True)
dense.sum().backward()
tried(lambda: SparseAdam([dense]).step())

net = nn.Sequential(nn.Linear(4, 5), nn.Tanh(), nn.Linear(5, 2))
x, y = torch.randn(8, 4), torch.randn(8, 2)
for options in (
    {},
    {"weight_decay": 0.1, "lr": 0.05},
    {"maximize": True, "d": 2.0, "eps": (1e-6, 0.01)},
    {"beta2_decay": -0.5, "lr": torch.tensor(0.03)},
):
    optimizer = Adafactor(net.parameters(), **options)
    print(optimizer)
    for _ in range(3):
        optimizer.zero_grad()
        loss = (net(x) - y).pow(2).mean()
        loss.backward()
        optimizer.step()
        print(f"{loss.item():.4f}")
state = optimizer.state_dict()["state"]
print(state[0]["row_var"].shape, state[0]["col_var"].shape, state[0]["step"], list(state[1]))
for options in (
    {"lr": -1},
    {"beta2_decay": 1},
    {"eps": (-1, 1)},
    {"eps": (None, -1)},
    {"d": 0.5},
    {"weight_decay": -1},
    {"lr": two},
):
    tried(lambda: Adafactor(net.parameters(), **options))


def groups():
    return SGD([{"params": net[0].parameters()}, {"params": net[2].parameters(), "lr": 0.3}], 0.1)


for options in ({}, {"anneal_strategy": "linear", "anneal_epochs": 3}, {"anneal_epochs": 0}):
    optimizer = groups()
    scheduler = swa_utils.SWALR(optimizer, swa_lr=[0.05, 0.01], **options)
    print(scheduler.state_dict())
    for _ in range(6):
        optimizer.step()
        scheduler.step()
        print([round(lr, 6) for lr in scheduler.get_last_lr()])
tried(lambda: swa_utils.SWALR(groups(), 0.1, anneal_strategy="x"))
tried(lambda: swa_utils.SWALR(groups(), 0.1, anneal_epochs=-1))
tried(lambda: swa_utils.SWALR(groups(), [0.1]))
tried(lambda: swa_utils.get_ema_avg_fn(2))
tried(lambda: swa_utils.get_ema_multi_avg_fn(-1))
tried(lambda: swa_utils.AveragedModel(net, avg_fn=max, multi_avg_fn=max))

normed = nn.Sequential(nn.Linear(4, 3), nn.BatchNorm1d(3))
for options in (
    {},
    {"avg_fn": swa_utils.get_ema_avg_fn(0.9)},
    {"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.9)},
    {"multi_avg_fn": swa_utils.get_swa_multi_avg_fn()},
    {"multi_avg_fn": swa_utils.get_ema_multi_avg_fn(0.9), "use_buffers": True},
    {"avg_fn": lambda mean, p, n: 0.5 * mean + 0.5 * p, "use_buffers": True},
):
    mean = swa_utils.AveragedModel(normed, **options)
    for i in range(3):
        normed(x)
        with torch.no_grad():
            for p in normed.parameters():
                p.add_(0.1 * i)
        mean.update_parameters(normed)
    print(mean.n_averaged, mean.state_dict())
swa_utils.update_bn([x, (x * 2, y)], normed)
print(normed[1].running_mean, normed[1].momentum, normed.training, mean(x).shape)
swa_utils.update_bn([x], net)
