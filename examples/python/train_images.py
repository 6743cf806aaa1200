"""Trains a small network on real images and draws what it learned.

    python -m facula examples/python/train_images.py [FOLDER] [options]

Without FOLDER: a convolutional network on the 1,797 handwritten digits that scikit-learn brings,
a fifth held out. Where Fashion-MNIST lies on the machine (Debian's dataset-fashion-mnist) or
FOLDER holds its four idx files: a perceptron with 128 hidden units on its 60,000 pictures.

The program is plain PyTorch; under PyTorch itself it runs as `python train_images.py`. It writes
images.png, the loss curve and some predictions, into the folder that --out names.
"""

import argparse
import gzip
import os
import pathlib
import struct
import sys

import numpy as np
import torch
import torch.nn.functional as F
from torch import nn
from torch.utils.data import DataLoader, TensorDataset
from tqdm import tqdm

CLOTHES = ["T-shirt", "trousers", "pullover", "dress", "coat", "sandal", "shirt", "sneaker", "bag",
           "boot"]  # fmt: skip


def read_idx(path):
    """The array in an idx file, gzipped or not: a magic number, the sizes, then bytes."""
    with (gzip.open if path.suffix == ".gz" else open)(path, "rb") as file:
        data = file.read()
    zero, kind, ndim = struct.unpack_from(">HBB", data)
    if zero != 0 or kind != 8 or len(data) < 4 + 4 * ndim:
        raise ValueError(f"{path} is not an idx file of bytes")
    shape = struct.unpack_from(f">{ndim}I", data, 4)
    if len(data) != 4 + 4 * ndim + int(np.prod(shape)):
        raise ValueError(f"{path} is cut short or too long for its shape {shape}")
    return np.frombuffer(data, np.uint8, offset=4 + 4 * ndim).reshape(shape)


def find_idx(folder, name):
    for suffix in ("", ".gz"):
        path = folder / (name + suffix)
        if path.is_file():
            return path
    return None


def fashion_folder(given):
    """The folder with Fashion-MNIST's idx files, or None where there is none."""
    if given is not None:
        folder = pathlib.Path(given)
        if find_idx(folder, "train-images-idx3-ubyte") is None:
            sys.exit(f"no train-images-idx3-ubyte in {folder}")
        return folder
    shares = os.environ.get("XDG_DATA_DIRS") or os.pathsep.join(["/usr/local/share", "/usr/share"])
    for share in shares.split(os.pathsep):
        folder = pathlib.Path(share) / "datasets" / "fashion-mnist"
        if find_idx(folder, "train-images-idx3-ubyte") is not None:
            return folder
    return None


def load_fashion(folder):
    parts = []
    for part in ("train", "t10k"):
        images = read_idx(find_idx(folder, part + "-images-idx3-ubyte"))
        labels = read_idx(find_idx(folder, part + "-labels-idx1-ubyte"))
        x = torch.from_numpy(images.copy()).unsqueeze(1).float().div_(255)
        if not parts:
            mean, deviation = x.mean(0), x.std(0) + 0.1  # some pixels hardly vary
        x = x.sub_(mean).div_(deviation)
        parts.append(TensorDataset(x, torch.from_numpy(labels.astype(np.int64))))
    return parts


def load_digits():
    from sklearn.datasets import load_digits

    digits = load_digits()
    x = torch.from_numpy(digits.images.astype(np.float32)).unsqueeze(1) / 16  # (1797, 1, 8, 8)
    y = torch.from_numpy(digits.target.astype(np.int64))
    order = torch.randperm(len(x))
    held_out = len(x) // 5
    test, train = order[:held_out], order[held_out:]
    return [TensorDataset(x[train], y[train]), TensorDataset(x[test], y[test])]


class Convolutional(nn.Module):
    """Two convolutions with batch normalisation, a pooling step, two linear layers."""

    def __init__(self):
        super().__init__()
        self.first = nn.Conv2d(1, 16, 3, padding=1)
        self.norm1 = nn.BatchNorm2d(16)
        self.second = nn.Conv2d(16, 32, 3, padding=1)
        self.norm2 = nn.BatchNorm2d(32)
        self.hidden = nn.Linear(32 * 4 * 4, 64)
        self.dropout = nn.Dropout(0.25)
        self.out = nn.Linear(64, 10)

    def forward(self, x):  # x is (N, 1, 8, 8)
        x = F.relu(self.norm1(self.first(x)))
        x = F.max_pool2d(F.relu(self.norm2(self.second(x))), 2)
        x = F.relu(self.hidden(torch.flatten(x, 1)))
        return self.out(self.dropout(x))


class Perceptron(nn.Module):
    """One hidden layer of 128 units."""

    def __init__(self):
        super().__init__()
        self.hidden = nn.Linear(28 * 28, 128)
        self.out = nn.Linear(128, 10)

    def forward(self, x):  # x is (N, 1, 28, 28)
        return self.out(F.relu(self.hidden(torch.flatten(x, 1))))


def rise_and_fall(steps, warm_up=0.2):
    """Factors of the learning rate: evenly from zero to one, and back to zero."""
    return lambda k: min(k / (warm_up * steps), (1 - k / steps) / (1 - warm_up))


def train_epoch(model, loader, optimizer, scheduler, label, losses):
    model.train()
    total = correct = seen = 0
    bar = tqdm(loader, desc=label, leave=False, ncols=80)
    for x, y in bar:
        optimizer.zero_grad()
        scores = model(x)
        loss = F.cross_entropy(scores, y)
        loss.backward()
        optimizer.step()
        scheduler.step()
        losses.append(loss.item())
        total += losses[-1] * len(y)
        correct += (scores.argmax(1) == y).sum().item()
        seen += len(y)
        bar.set_postfix(loss=f"{total / seen:.4f}")
    return total / seen, correct / seen


@torch.no_grad()
def evaluate(model, data):
    model.eval()
    guesses = [model(x).argmax(1) for x, _ in DataLoader(data, batch_size=1000)]
    guesses = torch.cat(guesses)
    return guesses, (guesses == data.tensors[1]).float().mean().item()


def draw(path, losses, data, guesses, names):
    import matplotlib

    matplotlib.use("Agg")
    from matplotlib import pyplot

    figure = pyplot.figure(figsize=(11, 4.5), layout="constrained")
    left, right = figure.subfigures(1, 2, width_ratios=[1, 1.2])
    axes = left.subplots()
    axes.plot(losses, color="0.75", linewidth=0.8, label="each step")
    width = max(1, len(losses) // 50)
    smooth = np.convolve(losses, np.ones(width) / width, mode="valid")
    axes.plot(np.arange(len(smooth)) + width // 2, smooth, color="tab:blue", label="moving mean")
    axes.set(xlabel="step", ylabel="cross entropy", yscale="log", title="training loss")
    axes.legend()
    images, labels = data.tensors
    wrong = torch.nonzero(guesses != labels).flatten()[:6]
    right_ones = torch.nonzero(guesses == labels).flatten()[: 18 - len(wrong)]
    chosen = torch.cat([right_ones, wrong]).tolist()
    right.suptitle("held-out images: prediction (truth, where it differs)")
    for place, i in zip(right.subplots(3, 6).flat, chosen):
        guess, truth = guesses[i].item(), labels[i].item()
        place.imshow(images[i, 0].numpy(), cmap="gray_r")
        place.set_title(
            names[guess] if guess == truth else f"{names[guess]} ({names[truth]})",
            color="black" if guess == truth else "tab:red",
            fontsize=8,
        )
        place.axis("off")
    path.parent.mkdir(parents=True, exist_ok=True)
    figure.savefig(path, dpi=110)


def arguments():
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("folder", nargs="?", help="folder with Fashion-MNIST's idx files")
    parser.add_argument("--digits", action="store_true", help="digits, whatever the machine has")
    parser.add_argument("--epochs", type=int, help="15 for digits, 3 for Fashion-MNIST")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--require", type=float, help="fail below this percentage")
    parser.add_argument("--out", default=pathlib.Path(__file__).parent.parent / "out")
    return parser.parse_args()


def main():
    args = arguments()
    torch.manual_seed(args.seed)
    folder = None if args.digits else fashion_folder(args.folder)
    if folder is not None:
        title, names, epochs, bar = f"Fashion-MNIST from {folder}", CLOTHES, args.epochs or 3, 88.0
        train, test = load_fashion(folder)
        model = Perceptron()
        optimizer = torch.optim.AdamW(model.parameters(), lr=4e-3)
    else:
        title, names, epochs, bar = "scikit-learn's digits", "0123456789", args.epochs or 15, 97.0
        train, test = load_digits()
        model = Convolutional()
        optimizer = torch.optim.AdamW(model.parameters(), lr=3e-3, weight_decay=0.01)
    parameters = sum(p.numel() for p in model.parameters())
    print(f"{title}: {len(train)} images to learn from, {len(test)} held out")
    print(f"{type(model).__name__}, {parameters:,} parameters, torch {torch.__version__}")
    loader = DataLoader(train, batch_size=64, shuffle=True)
    factors = rise_and_fall(epochs * len(loader)) if folder is not None else lambda k: 1
    scheduler = torch.optim.lr_scheduler.LambdaLR(optimizer, factors)
    losses = []
    for epoch in range(1, epochs + 1):
        loss, accuracy = train_epoch(
            model, loader, optimizer, scheduler, f"epoch {epoch}/{epochs}", losses
        )
        guesses, held_out = evaluate(model, test)
        print(
            f"epoch {epoch:2}  loss {loss:.4f}  accuracy {accuracy:7.2%}  held out {held_out:7.2%}"
        )
    path = pathlib.Path(args.out) / "images.png"
    draw(path, losses, test, guesses, names)
    print(f"wrote {path}")
    required = bar if args.require is None else args.require
    if 100 * held_out < required:
        sys.exit(f"held-out accuracy {held_out:.2%} is below {required:g} %")


if __name__ == "__main__":
    main()
