"""Random numbers: seeds, generators, states, shuffles; what is drawn is compared digit by digit."""

import torch
import torch.nn.functional as F

torch.manual_seed(0)
print(torch.rand(3), torch.randn(2, 3), torch.randint(0, 10, (5,)), torch.randperm(6), sep="\n")
print(torch.normal(0.0, 1.0, (3,)), torch.bernoulli(torch.full((4,), 0.5)), torch.randn(17)[-3:])
print(torch.multinomial(torch.tensor([0.1, 0.2, 0.7]), 4, replacement=True))
print(F.dropout(torch.ones(8), 0.5), torch.empty(3).uniform_(-1, 1), torch.empty(2).exponential_())
state = torch.get_rng_state()
a = torch.rand(2)
torch.set_rng_state(state)
print(torch.equal(a, torch.rand(2)), torch.initial_seed())
g = torch.Generator()
g.manual_seed(2147483647)
print(torch.rand(2, generator=g), torch.randperm(4, generator=g), g.initial_seed())
with torch.random.fork_rng():
    torch.manual_seed(99)
    print(torch.rand(1))
print(torch.rand(1), torch.rand(2, dtype=torch.float64), torch.randn(2, dtype=torch.float16))
print(torch.nn.Linear(3, 2).weight, torch.nn.Conv2d(1, 1, 2).bias, torch.nn.Embedding(2, 2).weight)
print(torch.nn.init.xavier_uniform_(torch.empty(2, 2)), torch.randint_like(torch.ones(3), 5))
print([b.tolist() for b in torch.utils.data.DataLoader(range(7), batch_size=3, shuffle=True)])
print([s.indices for s in torch.utils.data.random_split(range(5), [3, 2])])
