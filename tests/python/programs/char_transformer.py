"""A character-level transformer, as small GPTs are written: attention, sampling, checkpoints."""

import math
from dataclasses import dataclass

import torch
import torch.nn as nn
from torch.nn import functional as F

torch.manual_seed(1337)
text = "to be or not to be that is the question " * 12
chars = sorted(set(text))
stoi = {c: i for i, c in enumerate(chars)}
itos = {i: c for c, i in stoi.items()}
encode = lambda s: [stoi[c] for c in s]
decode = lambda ids: "".join(itos[i] for i in ids)
data = torch.tensor(encode(text), dtype=torch.long)
print(len(chars), data.shape, data.dtype, data[:12], decode(data[:12].tolist()))


@dataclass
class Config:
    block: int = 16
    vocab: int = len(chars)
    layers: int = 2
    heads: int = 4
    width: int = 32
    dropout: float = 0.1


class Attention(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.qkv = nn.Linear(c.width, 3 * c.width, bias=False)
        self.proj = nn.Linear(c.width, c.width)
        self.c = c
        mask = torch.tril(torch.ones(c.block, c.block)).view(1, 1, c.block, c.block)
        self.register_buffer("mask", mask, persistent=False)

    def forward(self, x, flash=True):
        B, T, C = x.shape
        q, k, v = self.qkv(x).split(C, dim=2)
        q, k, v = (t.view(B, T, self.c.heads, C // self.c.heads).transpose(1, 2) for t in (q, k, v))
        if flash:
            y = F.scaled_dot_product_attention(q, k, v, is_causal=True)
        else:
            att = (q @ k.transpose(-2, -1)) * (1.0 / math.sqrt(k.size(-1)))
            att = att.masked_fill(self.mask[:, :, :T, :T] == 0, float("-inf"))
            y = F.softmax(att, dim=-1) @ v
        return self.proj(y.transpose(1, 2).contiguous().view(B, T, C))


class Block(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.ln1, self.ln2 = nn.LayerNorm(c.width), nn.LayerNorm(c.width)
        self.attn = Attention(c)
        self.mlp = nn.ModuleDict(
            dict(
                up=nn.Linear(c.width, 4 * c.width),
                act=nn.GELU(approximate="tanh"),
                down=nn.Linear(4 * c.width, c.width),
            )
        )
        self.drop = nn.Dropout(c.dropout)

    def forward(self, x):
        x = x + self.drop(self.attn(self.ln1(x)))
        m = self.mlp
        return x + self.drop(m["down"](m["act"](m["up"](self.ln2(x)))))


class GPT(nn.Module):
    def __init__(self, c):
        super().__init__()
        self.c = c
        self.tok = nn.Embedding(c.vocab, c.width)
        self.pos = nn.Embedding(c.block, c.width)
        self.blocks = nn.ModuleList([Block(c) for _ in range(c.layers)])
        self.norm = nn.LayerNorm(c.width)
        self.head = nn.Linear(c.width, c.vocab, bias=False)
        self.tok.weight = self.head.weight
        self.apply(self._init_weights)

    def _init_weights(self, m):
        if isinstance(m, (nn.Linear, nn.Embedding)):
            torch.nn.init.normal_(m.weight, mean=0.0, std=0.02)
        if isinstance(m, nn.Linear) and m.bias is not None:
            torch.nn.init.zeros_(m.bias)

    def forward(self, idx, targets=None):
        B, T = idx.size()
        x = self.tok(idx) + self.pos(torch.arange(T, device=idx.device))
        for block in self.blocks:
            x = block(x)
        logits = self.head(self.norm(x))
        if targets is None:
            return logits, None
        return logits, F.cross_entropy(logits.view(-1, logits.size(-1)), targets.view(-1))

    @torch.no_grad()
    def generate(self, idx, n, temperature=1.0, top_k=None):
        for _ in range(n):
            logits, _ = self(idx[:, -self.c.block :])
            logits = logits[:, -1, :] / temperature
            if top_k is not None:
                v, _ = torch.topk(logits, min(top_k, logits.size(-1)))
                logits[logits < v[:, [-1]]] = -float("Inf")
            idx = torch.cat((idx, torch.multinomial(F.softmax(logits, dim=-1), 1)), dim=1)
        return idx


model = GPT(Config())
print(sum(p.numel() for p in model.parameters()), len(list(model.parameters())))
x = torch.randn(2, 16, 32)
model.eval()
a = model.blocks[0].attn
print(torch.allclose(a(x), a(x, flash=False), atol=1e-5))
decay = [p for p in model.parameters() if p.dim() >= 2]
rest = [p for p in model.parameters() if p.dim() < 2]
groups = [{"params": decay, "weight_decay": 0.1}, {"params": rest, "weight_decay": 0.0}]
optimizer = torch.optim.AdamW(groups, lr=3e-3, betas=(0.9, 0.95))
warmup, steps = 5, 60
lr_at = lambda s: (s + 1) / warmup if s < warmup else 0.5 * (1 + math.cos(math.pi * s / steps))
scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, lr_at)


def get_batch(n=8):
    ix = torch.randint(len(data) - 16, (n,))
    xb = torch.stack([data[i : i + 16] for i in ix])
    yb = torch.stack([data[i + 1 : i + 17] for i in ix])
    return xb, yb


model.train()
for step in range(steps):
    xb, yb = get_batch()
    if step == 0:
        print(xb.shape, yb[0])
    logits, loss = model(xb, yb)
    optimizer.zero_grad(set_to_none=True)
    loss.backward()
    norm = torch.nn.utils.clip_grad_norm_(model.parameters(), 1.0)
    optimizer.step()
    scheduler.step()
    if step % 20 == 0:
        print(f"{step:3d}: loss {loss.item():.2f}, lr {scheduler.get_last_lr()[0]:.5f}")
model.eval()
out = model.generate(torch.tensor([encode("to be")]), 8, top_k=1)
print(repr(decode(out[0].tolist())), out.shape)
print(model.generate(torch.zeros(3, 1, dtype=torch.long), 5, temperature=0.8, top_k=5).shape)
