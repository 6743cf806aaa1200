"""A tour of tensors and automatic differentiation: each snippet with the lines it prints.

    python -m facula examples/python/tour.py

The snippets are plain PyTorch and print the same under PyTorch itself (`python tour.py`). Where a
snippet prints other lines than are written here, the tour says so and fails.
"""

import contextlib
import io
import sys

# (title, what is run, what it prints)
SNIPPETS = [
    (
        "A tensor from data",
        """
import torch
print(torch.tensor([[0.1, 1.2], [2.2, 3.1], [4.9, 5.2]]))
print(torch.tensor([1, 2, 3], dtype=torch.float64, device="cpu", requires_grad=True))
""",
        """
tensor([[0.1000, 1.2000],
        [2.2000, 3.1000],
        [4.9000, 5.2000]])
tensor([1., 2., 3.], dtype=torch.float64, requires_grad=True)
""",
    ),
    (
        "Tensors from values",
        """
print(torch.zeros(2, 3))
print(torch.ones(2, dtype=torch.int32))
print(torch.full((2, 2), 3.14))
print(torch.arange(0, 10, step=2))
print(torch.eye(2, 3))
print(torch.zeros(2, 2, layout=torch.sparse_coo))
out = torch.empty(4)
print(torch.zeros(4, out=out) is out)
""",
        """
tensor([[0., 0., 0.],
        [0., 0., 0.]])
tensor([1, 1], dtype=torch.int32)
tensor([[3.1400, 3.1400],
        [3.1400, 3.1400]])
tensor([0, 2, 4, 6, 8])
tensor([[1., 0., 0.],
        [0., 1., 0.]])
tensor(indices=tensor([], size=(2, 0)),
       values=tensor([], size=(0,)),
       size=(2, 2), nnz=0, layout=torch.sparse_coo)
True
""",
    ),
    (
        "Tensors from distributions: the same numbers for the same seed",
        """
generator = torch.manual_seed(0)
print(torch.rand(3))
print(torch.randn(3))
print(torch.randint(0, 10, (5,)))
print(torch.randperm(6))
print(torch.normal(mean=torch.zeros(2), std=torch.ones(2)))
print(torch.bernoulli(torch.full((4,), 0.5)))
print(torch.multinomial(torch.tensor([1.0, 2.0, 3.0]), 2))
print(torch.rand_like(torch.zeros(2)).shape)
""",
        """
tensor([0.4963, 0.7682, 0.0885])
tensor([0.3643, 0.1344, 0.1642])
tensor([6, 6, 9, 8, 6])
tensor([0, 4, 1, 3, 2, 5])
tensor([ 0.3058, -1.3740])
tensor([0., 0., 1., 1.])
tensor([2, 1])
torch.Size([2])
""",
    ),
    (
        "Changing a tensor's shape",
        """
x = torch.arange(6)
print(torch.reshape(x, (2, 3)))
print(x.view(3, 2))
print(torch.transpose(x.view(2, 3), 0, 1))
print(torch.squeeze(torch.zeros(1, 2, 1)).shape, torch.squeeze(torch.zeros(1, 2, 1), dim=0).shape)
print(torch.unsqueeze(x, 0).shape)
""",
        """
tensor([[0, 1, 2],
        [3, 4, 5]])
tensor([[0, 1],
        [2, 3],
        [4, 5]])
tensor([[0, 3],
        [1, 4],
        [2, 5]])
torch.Size([2]) torch.Size([2, 1])
torch.Size([1, 6])
""",
    ),
    (
        "Joining and cutting",
        """
a, b = torch.zeros(2, 2), torch.ones(2, 2)
print(torch.cat((a, b), dim=0))
print(torch.stack((a, b), dim=0).shape)
print(torch.split(torch.arange(5), 2, dim=0))
print(torch.split(torch.arange(5), [1, 4]))
""",
        """
tensor([[0., 0.],
        [0., 0.],
        [1., 1.],
        [1., 1.]])
torch.Size([2, 2, 2])
(tensor([0, 1]), tensor([2, 3]), tensor([4]))
(tensor([0]), tensor([1, 2, 3, 4]))
""",
    ),
    (
        "From NumPy, sharing memory",
        """
import numpy as np
import torch
a = np.array([1, 2, 3])
t = torch.from_numpy(a)
print(t)
t[0] = 10
print(a)
a[1] = 20
print(t)
""",
        """
tensor([1, 2, 3])
[10  2  3]
tensor([10, 20,  3])
""",
    ),
    (
        "To NumPy",
        """
t = torch.tensor([2, 4, 6, 8])
print(t)
n = t.numpy()
print(repr(n))
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
print(t.to(device).cpu().numpy())
""",
        """
tensor([2, 4, 6, 8])
array([2, 4, 6, 8])
[2 4 6 8]
""",
    ),
    (
        "Results with a gradient leave it behind first",
        """
class MyModule(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor(0.5))

    def forward(self, x):
        return x * self.scale

output = MyModule()(torch.tensor([2.0, 4.0, 6.0]))
print(output)
try:
    output.numpy()
except RuntimeError as error:
    print(error)
print(output.cpu().detach().numpy())
""",
        """
tensor([1., 2., 3.], grad_fn=<MulBackward0>)
Can't call numpy() on Tensor that requires grad. Use tensor.detach().numpy() instead.
[1. 2. 3.]
""",
    ),
    (
        "Gradients",
        """
w = torch.tensor([1.], requires_grad=True)
x = torch.tensor([2.], requires_grad=True)
a = torch.add(w, x)
b = torch.add(w, 1)
y = torch.mul(a, b)  # y = (w + x) * (w + 1)
print(str(y.grad_fn).split(" object")[0] + ">")
y.backward()
print(x.grad)  # w + 1
print(w.grad)  # 2 w + x + 1
""",
        """
<MulBackward0>
tensor([2.])
tensor([5.])
""",
    ),
    (
        "No gradients",
        """
x = torch.randn(3, requires_grad=True)
print(x.requires_grad)
print((x ** 2).requires_grad)
with torch.no_grad():
    print((x ** 2).requires_grad)
""",
        """
True
True
False
""",
    ),
    (
        "Without a GPU, asking for one is an error",
        """
if not torch.cuda.is_available():
    try:
        torch.tensor([2, 4, 6, 8]).cuda()
    except AssertionError as error:
        print(error)
""",
        """
Torch not compiled with CUDA enabled
""",
    ),
]


def main():
    failures = 0
    namespace = {"__name__": "tour"}
    for number, (title, source, expected) in enumerate(SNIPPETS, 1):
        source, expected = source.strip("\n"), expected.strip("\n")
        print(f"\n{number}. {title}\n")
        for line in source.splitlines():
            print(f"    {line}".rstrip())
        printed = io.StringIO()
        with contextlib.redirect_stdout(printed):
            exec(compile(source, f"<snippet {number}>", "exec"), namespace)
        text = printed.getvalue().rstrip("\n")
        print()
        print(text)
        if text != expected:
            failures += 1
            print(f"\n-- expected:\n{expected}")
    if failures:
        sys.exit(f"{failures} of {len(SNIPPETS)} snippets printed something else")


if __name__ == "__main__":
    main()
