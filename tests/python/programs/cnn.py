"""A small convolutional network on drawn shapes: Dataset, DataLoader, state_dict, evaluation."""

import copy

import torch
from torch import nn
from torch.utils.data import DataLoader, Dataset, random_split

torch.manual_seed(0)


class Shapes(Dataset):
    """Squares, crosses and stripes on a noisy ground."""

    classes = ["square", "cross", "stripes"]

    def __init__(self, n=96, size=12, transform=None):
        self.images = torch.zeros(n, 1, size, size)
        self.labels = torch.arange(n) % 3
        self.transform = transform
        for i, k in enumerate(self.labels):
            a = int(torch.randint(1, 4, (1,)))
            if k == 0:
                self.images[i, :, a : a + 6, a : a + 6] = 1
            elif k == 1:
                self.images[i, :, a + 3, :] = 1
                self.images[i, :, :, a + 3] = 1
            else:
                self.images[i, :, a::3] = 1
        self.images += 0.2 * torch.randn_like(self.images)

    def __len__(self):
        return len(self.labels)

    def __getitem__(self, i):
        x = self.images[i]
        return (self.transform(x) if self.transform else x), self.labels[i]


class CNN(nn.Module):
    def __init__(self):
        super().__init__()
        self.features = nn.Sequential(
            nn.Conv2d(1, 8, kernel_size=3, padding=1),
            nn.BatchNorm2d(8),
            nn.ReLU(inplace=True),
            nn.MaxPool2d(2),
            nn.Conv2d(8, 16, 3, padding=1),
            nn.ReLU(inplace=True),
            nn.AdaptiveAvgPool2d((3, 3)),
        )
        self.classifier = nn.Sequential(nn.Flatten(), nn.Linear(16 * 9, 3))

    def forward(self, x):
        return self.classifier(self.features(x))


data = Shapes(transform=lambda x: (x - 0.5) / 0.5)
train, test = random_split(data, [72, 24], generator=torch.Generator().manual_seed(3))
print(len(data), len(train), len(test), train.indices[:6], data[0][0].shape, data[0][1])
loaders = {
    "train": DataLoader(train, batch_size=16, shuffle=True, num_workers=0, drop_last=False),
    "val": DataLoader(test, batch_size=24),
}
net = CNN()
print(net)
for name, child in net.named_children():
    print(name, sum(p.numel() for p in child.parameters()))
criterion = nn.CrossEntropyLoss()
optimizer = torch.optim.SGD(net.parameters(), lr=0.05, momentum=0.9)
best_acc, best = 0.0, copy.deepcopy(net.state_dict())
for epoch in range(4):
    for phase in ["train", "val"]:
        net.train(phase == "train")
        loss_sum, hits, seen = 0.0, 0, 0
        for inputs, labels in loaders[phase]:
            optimizer.zero_grad()
            with torch.set_grad_enabled(phase == "train"):
                outputs = net(inputs)
                _, preds = torch.max(outputs, 1)
                loss = criterion(outputs, labels)
                if phase == "train":
                    loss.backward()
                    optimizer.step()
            loss_sum += loss.item() * inputs.size(0)
            hits += torch.sum(preds == labels.data)
            seen += len(labels)
        acc = hits.double() / seen
        print(f"{epoch} {phase} Loss: {loss_sum / seen:.3f} Acc: {acc:.3f}")
        if phase == "val" and acc > best_acc:
            best_acc, best = acc, copy.deepcopy(net.state_dict())
other = CNN()
print(other.load_state_dict(best))
for key, value in other.state_dict().items():
    print(f"{key:32s} {str(tuple(value.shape)):16s} {value.dtype}")
other.eval()
x, y = next(iter(loaders["val"]))
print(x.shape, y, other(x).argmax(1) == y)
maps = {}
handle = other.features[0].register_forward_hook(
    lambda module, inputs, output: maps.update(first=output.detach())
)
other(x[:1])
handle.remove()
print(maps["first"].shape, maps["first"].requires_grad)
