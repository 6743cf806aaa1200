"""A GAN with a gradient penalty: two optimizers, detach, autograd.grad with create_graph."""

import torch
import torch.autograd as autograd
import torch.nn as nn
from torch.autograd import Variable

torch.manual_seed(3)


def weights_init(m):
    classname = m.__class__.__name__
    if classname.find("Linear") != -1:
        m.weight.data.normal_(0.0, 0.2)
        m.bias.data.fill_(0)


class Generator(nn.Module):
    def __init__(self):
        super().__init__()

        def block(i, o, normalize=True):
            layers = [nn.Linear(i, o)]
            if normalize:
                layers.append(nn.BatchNorm1d(o, 0.8))
            layers.append(nn.LeakyReLU(0.2, inplace=True))
            return layers

        self.model = nn.Sequential(*block(4, 16, normalize=False), *block(16, 16), nn.Linear(16, 2))

    def forward(self, z):
        return self.model(z)


G = Generator()
D = nn.Sequential(nn.Linear(2, 16), nn.LeakyReLU(0.2), nn.Linear(16, 1))
G.apply(weights_init)
D.apply(weights_init)
print(G)
opt_g = torch.optim.Adam(G.parameters(), lr=0.005, betas=(0.5, 0.9))
opt_d = torch.optim.Adam(D.parameters(), lr=0.005, betas=(0.5, 0.9))


def gradient_penalty(real, fake):
    alpha = torch.rand(real.size(0), 1)
    x = Variable(alpha * real + (1 - alpha) * fake, requires_grad=True)
    d = D(x)
    ones = torch.ones_like(d)
    gradients = autograd.grad(
        outputs=d,
        inputs=x,
        grad_outputs=ones,
        create_graph=True,
        retain_graph=True,
        only_inputs=True,
    )[0]
    return ((gradients.view(gradients.size(0), -1).norm(2, dim=1) - 1) ** 2).mean()


real = torch.randn(32, 2) * 0.3 + torch.tensor([2.0, -1.0])
for step in range(20):
    z = torch.randn(32, 4)
    fake = G(z).detach()
    loss_d = D(fake).mean() - D(real).mean() + 10 * gradient_penalty(real, fake)
    opt_d.zero_grad()
    loss_d.backward()
    opt_d.step()
    if step % 2 == 0:
        for p in D.parameters():
            p.requires_grad_(False)
        loss_g = -D(G(z)).mean()
        opt_g.zero_grad()
        loss_g.backward()
        opt_g.step()
        for p in D.parameters():
            p.requires_grad_(True)
    if step % 5 == 0:
        print("[%d] D %.3f G %.3f" % (step, loss_d.item(), loss_g.item()))
labels = torch.cat([torch.ones(3, 1), torch.zeros(3, 1)])
bce = nn.BCEWithLogitsLoss()(D(torch.cat([real[:3], fake[:3]])), labels)
print(bce.shape, bce.grad_fn is not None, D(real).shape)
