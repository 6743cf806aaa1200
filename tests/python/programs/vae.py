"""A variational autoencoder: reparameterisation, two losses, sampling."""

import torch
import torch.utils.data
from torch import nn, optim
from torch.nn import functional as F

torch.manual_seed(7)
base = (torch.rand(4, 36) > 0.5).float()
data = base[torch.randint(0, 4, (64,))]
data = torch.where(torch.rand_like(data) < 0.05, 1 - data, data)
loader = torch.utils.data.DataLoader(
    torch.utils.data.TensorDataset(data), batch_size=16, shuffle=True
)


class VAE(nn.Module):
    def __init__(self):
        super().__init__()
        self.fc1 = nn.Linear(36, 24)
        self.fc21 = nn.Linear(24, 3)
        self.fc22 = nn.Linear(24, 3)
        self.fc3 = nn.Linear(3, 24)
        self.fc4 = nn.Linear(24, 36)

    def encode(self, x):
        h1 = F.relu(self.fc1(x))
        return self.fc21(h1), self.fc22(h1)

    def reparameterize(self, mu, logvar):
        std = torch.exp(0.5 * logvar)
        eps = torch.randn_like(std)
        return mu + eps * std

    def decode(self, z):
        return torch.sigmoid(self.fc4(F.relu(self.fc3(z))))

    def forward(self, x):
        mu, logvar = self.encode(x.view(-1, 36))
        return self.decode(self.reparameterize(mu, logvar)), mu, logvar


def loss_function(recon_x, x, mu, logvar):
    BCE = F.binary_cross_entropy(recon_x, x.view(-1, 36), reduction="sum")
    KLD = -0.5 * torch.sum(1 + logvar - mu.pow(2) - logvar.exp())
    return BCE + KLD, BCE.detach(), KLD.detach()


model = VAE()
optimizer = optim.Adam(model.parameters(), lr=1e-2)
for epoch in range(1, 11):
    model.train()
    train_loss = 0
    for batch_idx, (x,) in enumerate(loader):
        optimizer.zero_grad()
        recon, mu, logvar = model(x)
        loss, bce, kld = loss_function(recon, x, mu, logvar)
        loss.backward()
        train_loss += loss.item()
        optimizer.step()
        if epoch == 1:
            print(
                f"Train Epoch: {epoch} [{batch_idx * len(x)}/{len(loader.dataset)} ({100.0 * batch_idx / len(loader):.0f}%)]\tLoss: {loss.item() / len(x):.3f}"
            )
    if epoch % 5 == 0:
        print(f"====> Epoch: {epoch} Average loss: {train_loss / len(loader.dataset):.2f}")
model.eval()
with torch.no_grad():
    sample = model.decode(torch.randn(5, 3))
    print(sample.shape, sample.min() >= 0, sample.max() <= 1, sample.requires_grad)
    z, _ = model.encode(base)
    print(z.shape, (model.decode(z).round() == base).float().mean(1) > 0.6)
