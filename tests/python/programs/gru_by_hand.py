"""A recurrent network written out with linear layers: sequences, packing by masks, teacher forcing."""

import random
import string

import torch
import torch.nn as nn
import torch.nn.functional as F
from torch.nn.utils.rnn import pad_sequence

random.seed(1)
torch.manual_seed(1)
letters = string.ascii_lowercase
names = {
    "vowel": ["aia", "eou", "ioe", "uaae", "oi"],
    "consonant": ["bcd", "fgh", "jkl", "mnpq", "rt"],
}
categories = list(names)


def line_to_tensor(line):
    tensor = torch.zeros(len(line), len(letters))
    for i, c in enumerate(line):
        tensor[i][letters.index(c)] = 1
    return tensor


class GRUCell(nn.Module):
    def __init__(self, n_in, n_hidden):
        super().__init__()
        self.ih = nn.Linear(n_in, 3 * n_hidden)
        self.hh = nn.Linear(n_hidden, 3 * n_hidden)

    def forward(self, x, h):
        xr, xz, xn = self.ih(x).chunk(3, dim=-1)
        hr, hz, hn = self.hh(h).chunk(3, dim=-1)
        r, z = torch.sigmoid(xr + hr), torch.sigmoid(xz + hz)
        n = torch.tanh(xn + r * hn)
        return (1 - z) * n + z * h


class Classifier(nn.Module):
    def __init__(self, hidden=12):
        super().__init__()
        self.cell = GRUCell(len(letters), hidden)
        self.out = nn.Linear(hidden, len(categories))
        self.hidden = hidden

    def forward(self, x, lengths):
        h = x.new_zeros(x.size(0), self.hidden)
        for t in range(x.size(1)):
            new = self.cell(x[:, t], h)
            keep = (t < lengths).unsqueeze(1)
            h = torch.where(keep, new, h)
        return F.log_softmax(self.out(h), dim=1)


model = Classifier()
print(model)
lines = [(n, c) for c, ns in enumerate(names.values()) for n in ns]
random.shuffle(lines)
batch = pad_sequence([line_to_tensor(n) for n, _ in lines], batch_first=True)
lengths = torch.tensor([len(n) for n, _ in lines])
target = torch.tensor([c for _, c in lines])
print(batch.shape, lengths, target, batch.sum((1, 2)) == lengths)
optimizer = torch.optim.RMSprop(model.parameters(), lr=0.02)
for epoch in range(25):
    model.zero_grad()
    output = model(batch, lengths)
    loss = F.nll_loss(output, target)
    loss.backward()
    optimizer.step()
    if epoch % 8 == 0:
        top_v, top_i = output.topk(1)
        print(
            "%d %.3f %s" % (epoch, loss, (top_i.squeeze(1) == target).float().mean().item() >= 0.4)
        )
guess = model(batch, lengths).exp()
print((guess.argmax(1) == target).all(), guess.sum(1).detach().numpy().round(3))
for name in model.state_dict():
    print(name, model.state_dict()[name].shape)
