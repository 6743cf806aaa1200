"""Indexing, reshaping and einsum, as notebooks try them out."""

import torch

x = torch.arange(24).reshape(2, 3, 4)
print(x)
print(x[0], x[:, 1], x[..., -1], x[0, 1:, ::2], x[1, [0, 2], [1, 3]], sep="\n")
print(x.permute(2, 0, 1).shape, x.transpose(0, 2).stride(), x.view(6, -1).shape, x.flatten(1).shape)
print(x.unsqueeze(0).shape, x[None, :, None].shape, x.squeeze().shape, x.movedim(0, -1).shape)
print(x.is_contiguous(), x.transpose(1, 2).is_contiguous(), x.transpose(1, 2).reshape(2, 12))
print(x > 11, x[x > 17], (x % 5 == 0).nonzero()[:4], torch.where(x > 20), sep="\n")
mask = torch.tensor([True, False, True])
print(x[:, mask].shape, x[:, mask][0])
y = x.clone().float()
y[y > 10] = -1
y[:, 0] = torch.tensor([0.5, 1.5, 2.5, 3.5])
y[1, ..., 0] *= 2
print(y)
print(
    y.sum(), y.sum(0).shape, y.mean((1, 2)), y.max(dim=2), y.argmax(), y.std(-1, keepdim=True).shape
)
print(torch.cat([x, x], 1).shape, torch.stack([x, x]).shape, [c.shape for c in x.chunk(2, dim=2)])
print([s.tolist() for s in torch.arange(7).split([2, 2, 3])], torch.arange(7).split(3))
a, b = torch.arange(3), torch.arange(4)
print(a[:, None] + b, (a.view(-1, 1) * b).shape, torch.meshgrid(a, b, indexing="ij")[0], sep="\n")
print(
    a.expand(2, 3), a.repeat(2), a.repeat(2, 2).shape, a.repeat_interleave(2), torch.tile(a, (2,))
)
print(torch.einsum("ij,jk->ik", torch.ones(2, 3), torch.ones(3, 2)))
print(torch.einsum("bij,bij->b", y, y), torch.einsum("ii", torch.eye(3)))
img = torch.arange(16.0).view(1, 1, 4, 4)
patches = img.unfold(2, 2, 2).unfold(3, 2, 2)
print(patches.shape, patches[0, 0, 1, 0])
print(img.reshape(1, 1, 2, 2, 2, 2).permute(0, 2, 4, 1, 3, 5).reshape(1, 4, 4)[0])
print(torch.tril(torch.ones(3, 3)), torch.triu(torch.ones(3, 3), 1), torch.eye(2), sep="\n")
print(
    torch.diag(torch.tensor([1, 2])), torch.arange(9).view(3, 3).diag(), x.diagonal(0, 0, 1).shape
)
v, i = torch.sort(torch.tensor([3, 1, 2]), descending=True)
print(v, i, torch.topk(torch.tensor([3.0, 1, 2]), 2), torch.tensor([3, 1, 2]).argsort(), sep="\n")
print(torch.unique(torch.tensor([1, 3, 3, 2]), return_counts=True))
print(torch.bincount(torch.tensor([0, 1, 1, 3])), torch.cumsum(torch.arange(4), 0))
idx = torch.tensor([[0, 2], [1, 0]])
src = torch.tensor([[1.0, 2, 3], [4, 5, 6]])
print(
    src.gather(1, idx),
    torch.zeros(2, 3).scatter_(1, idx, 1.0),
    src.index_select(1, torch.tensor([2, 0])),
)
print(
    torch.zeros(3).index_add_(0, torch.tensor([0, 2, 0]), torch.ones(3)),
    src.take(torch.tensor([0, 5])),
)
print(torch.nn.functional.one_hot(torch.tensor([0, 2]), 3), src.roll(1, 1), src.flip(1), src.t())
for wrong in [
    "x.view(5, 5)",
    "x[3]",
    "x @ x",
    "torch.cat([x, y[0]])",
    "x.reshape(-1, 7)",
    "x[[0, 5]]",
]:
    try:
        eval(wrong)
    except (RuntimeError, IndexError) as err:
        print(type(err).__name__, err)
