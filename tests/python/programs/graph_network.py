"""A graph network by index_add: normalised sums over edges, masks, sparse matrices."""

import torch
import torch.nn as nn
import torch.nn.functional as F

torch.manual_seed(0)
edge = torch.tensor([[0, 1, 2, 3, 4, 0, 2], [1, 2, 3, 4, 0, 2, 4]])
edge = torch.cat([edge, edge.flip(0)], 1)
N = 5


class GCNConv(nn.Module):
    def __init__(self, i, o):
        super().__init__()
        self.lin = nn.Linear(i, o, bias=False)
        self.bias = nn.Parameter(torch.zeros(o))
        self.reset_parameters()

    def reset_parameters(self):
        nn.init.xavier_uniform_(self.lin.weight)
        nn.init.zeros_(self.bias)

    def forward(self, x, e):
        r, c = torch.cat([e, torch.arange(x.size(0)).expand(2, -1)], 1)
        d = torch.zeros(x.size(0)).scatter_add_(0, c, torch.ones(c.size(0)))
        n = d.pow(-0.5)
        n[n == float("inf")] = 0
        return (
            torch.zeros(x.size(0), self.bias.numel()).index_add(
                0, c, self.lin(x)[r] * (n[r] * n[c]).unsqueeze(-1)
            )
            + self.bias
        )

    def extra_repr(self):
        return f"{self.lin.in_features} -> {self.lin.out_features}"


class GCN(nn.Module):
    def __init__(self):
        super().__init__()
        self.c1, self.c2 = GCNConv(3, 8), GCNConv(8, 2)

    def forward(self, x):
        return F.log_softmax(
            self.c2(F.dropout(F.relu(self.c1(x, edge)), 0.5, self.training), edge), dim=1
        )


m = GCN()
print(m)
x = torch.randn(N, 3)
y = torch.tensor([0, 0, 1, 1, 0])
mask = torch.tensor([True, False, True, True, False])
o = torch.optim.Adam(m.parameters(), 0.05, weight_decay=5e-4)
for e in range(6):
    m.train()
    o.zero_grad()
    loss = F.nll_loss(m(x)[mask], y[mask])
    loss.backward()
    o.step()
    print(e, f"{loss:.4f}")
m.eval()
p = m(x).argmax(dim=1)
print(p, (p[~mask] == y[~mask]).sum() / (~mask).sum())
A = torch.sparse_coo_tensor(edge, torch.ones(edge.size(1)), (N, N))
print(A, torch.sparse.mm(A, x))
print(A.to_dense().sum(0), A.coalesce().indices().shape)
z = torch.zeros(5, 2).scatter_reduce(
    0, edge[0].unsqueeze(1).expand(-1, 2), x[edge[1], :2], reduce="amax", include_self=False
)
print(z)
