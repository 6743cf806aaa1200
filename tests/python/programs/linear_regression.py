"""Linear regression by hand, by autograd, and by nn and optim."""

import numpy as np
import torch
from torch import nn

torch.manual_seed(1)
np.random.seed(1)
x = np.linspace(-1, 1, 50).reshape(-1, 1).astype("float32")
y = 3 * x + 1 + 0.1 * np.random.randn(50, 1).astype("float32")
X, Y = torch.from_numpy(x), torch.from_numpy(y)

w = torch.zeros(1, requires_grad=True)
b = torch.zeros(1, requires_grad=True)
for step in range(101):
    loss = ((X * w + b - Y) ** 2).mean()
    loss.backward()
    with torch.no_grad():
        w -= 0.1 * w.grad
        b -= 0.1 * b.grad
        w.grad.zero_()
        b.grad.zero_()
    if step % 25 == 0:
        print(f"step {step:3d} loss {loss.item():.5f} w {w.item():.4f} b {b.item():.4f}")

model = nn.Linear(1, 1)
print(model)
optimizer = torch.optim.SGD(model.parameters(), lr=0.1)
criterion = nn.MSELoss()
for epoch in range(60):
    out = model(X)
    loss = criterion(out, Y)
    optimizer.zero_grad()
    loss.backward()
    optimizer.step()
    if (epoch + 1) % 20 == 0:
        print(f"Epoch [{epoch + 1}/{60}], Loss: {loss.item():.4f}")
for name, param in model.named_parameters():
    print(name, param.data, param.grad.abs() < 1e-3, tuple(param.shape))

A = torch.cat([X, torch.ones_like(X)], dim=1)
normal = torch.inverse(A.t() @ A) @ A.t() @ Y if hasattr(torch, "inverse") else None
print(A.shape, (A.t() @ A), (A.t() @ Y).flatten())
print("r2 = %.4f" % (1 - ((model(X) - Y) ** 2).sum() / ((Y - Y.mean()) ** 2).sum()))
