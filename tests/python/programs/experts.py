"""A mixture of experts: routing by topk, one_hot, where and index_add_."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)


class MoE(nn.Module):
    def __init__(self, d, n, k):
        super().__init__()
        self.k = k
        self.gate = nn.Linear(d, n, bias=False)
        self.experts = nn.ModuleList(
            nn.Sequential(nn.Linear(d, 4 * d), nn.GELU(approximate="tanh"), nn.Linear(4 * d, d))
            for _ in range(n)
        )

    def forward(self, x):
        sh = x.shape
        x = x.reshape(-1, sh[-1])
        lg = self.gate(x)
        w, sel = torch.topk(F.softmax(lg, 1, dtype=torch.float), self.k, dim=-1)
        w = (w / w.sum(-1, keepdim=True)).to(x.dtype)
        out = torch.zeros_like(x)
        hot = F.one_hot(sel, len(self.experts)).permute(2, 1, 0)
        for e, ex in enumerate(self.experts):
            j, t = torch.where(hot[e])
            if t.numel() == 0:
                continue
            out.index_add_(0, t, ex(x[t]) * w[t, j, None])
        load = hot.float().sum((1, 2))
        aux = (load / load.sum() * F.softmax(lg, -1).mean(0)).sum() * len(self.experts)
        return out.view(sh), aux


m = MoE(6, 4, 2)
print(m)
x = torch.randn(3, 4, 6)
o = torch.optim.RMSprop(m.parameters(), 1e-3)
for _ in range(4):
    y, a = m(x)
    loss = (y - x).square().mean() + 0.01 * a
    o.zero_grad()
    loss.backward()
    o.step()
    print("%.5f %.4f" % (loss.item(), a.item()))
print([p.grad.norm().item().__round__(4) for p in m.experts[0].parameters()])
