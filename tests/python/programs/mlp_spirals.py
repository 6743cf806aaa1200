"""An MLP that separates spirals: a training loop with metrics, schedules and early stopping."""

import math

import torch
import torch.nn as nn
import torch.nn.functional as F
import torch.optim as optim
from torch.optim.lr_scheduler import StepLR

torch.manual_seed(42)


def spirals(n, classes):
    xs, ys = [], []
    for c in range(classes):
        r = torch.linspace(0.05, 1, n)
        t = torch.linspace(c * 4, (c + 1) * 4, n) + torch.randn(n) * 0.15
        xs.append(torch.stack([r * torch.sin(t), r * torch.cos(t)], dim=1))
        ys.append(torch.full((n,), c, dtype=torch.long))
    return torch.cat(xs), torch.cat(ys)


class MLP(nn.Module):
    def __init__(self, hidden=32, classes=3, p=0.1):
        super().__init__()
        self.fc1 = nn.Linear(2, hidden, bias=False)
        self.bn = nn.BatchNorm1d(hidden)
        self.fc2 = nn.Linear(hidden, hidden)
        self.drop = nn.Dropout(p)
        self.out = nn.Linear(hidden, classes)
        self._init()

    def _init(self):
        for m in self.modules():
            if isinstance(m, nn.Linear):
                nn.init.kaiming_normal_(m.weight, nonlinearity="relu")
                if m.bias is not None:
                    nn.init.zeros_(m.bias)

    def forward(self, x):
        x = F.relu(self.bn(self.fc1(x)))
        x = self.drop(F.gelu(self.fc2(x)))
        return self.out(x)


device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
X, y = spirals(60, 3)
order = torch.randperm(len(X))
X, y = X[order].to(device), y[order].to(device)
train_x, test_x = X[:144], X[144:]
train_y, test_y = y[:144], y[144:]
model = MLP().to(device)
print(model)
total = sum(p.numel() for p in model.parameters() if p.requires_grad)
print(f"{total:,} parameters")
optimizer = optim.Adam(model.parameters(), lr=1e-2, weight_decay=1e-4)
scheduler = StepLR(optimizer, step_size=10, gamma=0.5)
best, patience = math.inf, 0
for epoch in range(1, 31):
    model.train()
    running, correct = 0.0, 0
    for i in range(0, len(train_x), 24):
        xb, yb = train_x[i : i + 24], train_y[i : i + 24]
        optimizer.zero_grad()
        logits = model(xb)
        loss = F.cross_entropy(logits, yb)
        loss.backward()
        nn.utils.clip_grad_norm_(model.parameters(), 1.0)
        optimizer.step()
        running += loss.item() * xb.size(0)
        correct += (logits.argmax(1) == yb).sum().item()
    scheduler.step()
    model.eval()
    with torch.no_grad():
        logits = model(test_x)
        val = F.cross_entropy(logits, test_y).item()
        acc = (logits.max(1)[1] == test_y).float().mean()
    if epoch in (1, 2):
        print(
            f"epoch {epoch:2d} | loss {running / len(train_x):.3f} | acc {correct / len(train_x):.2f}"
            f" | val {val:.2f} | val acc {acc:.2f} | lr {scheduler.get_last_lr()[0]:.4g}"
        )
    best, patience = (val, 0) if val < best else (best, patience + 1)
conf = torch.zeros(3, 3, dtype=torch.int64)
for t, p in zip(test_y, logits.argmax(dim=1)):
    conf[t.long(), p.long()] += 1
print(conf.sum(), conf.sum(1))
print((conf.diag().float() / conf.sum(1)).shape)
