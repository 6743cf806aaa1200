"""Every statement of the text that facula was asked for by, and each row of its tables."""

import numpy as np
import torch

# tensors made from data
print(torch.tensor([[0.1, 1.2], [2.2, 3.1], [4.9, 5.2]]))
print(torch.tensor([1, 2], dtype=None, device=None, requires_grad=False, pin_memory=False))
print(torch.tensor(np.array([1.5, 2.5]), dtype=torch.float32, device="cpu", requires_grad=True))

# from values
size = (2, 3)
print(torch.zeros(size), torch.ones(size), torch.full(size, 7), torch.zeros(2, 3))
print(torch.arange(start=0, end=5, step=1), torch.arange(0, 1, 0.25), torch.eye(n=2))
print(torch.eye(2, 3), torch.full(size=(2,), fill_value=0.5))
print(
    torch.zeros(*size, out=None, dtype=None, layout=torch.strided, device=None, requires_grad=False)
)
sparse = torch.zeros(2, 3, layout=torch.sparse_coo)
print(sparse, sparse.to_dense())
out = torch.empty(0)
print(
    torch.zeros(2, 2, out=out) is out, out, torch.zeros(2, dtype=torch.int32, requires_grad=False)
)
print(torch.zeros((3, 224, 224)).shape)

# from distributions
torch.manual_seed(0)
print(torch.rand(2, 3), torch.randn(2, 3), torch.randint(0, 10, (2, 3)), torch.randperm(5))
print(torch.normal(0.0, 1.0, (4,)), torch.normal(torch.arange(3.0), torch.ones(3)))
print(torch.bernoulli(torch.full((4,), 0.5)), torch.multinomial(torch.ones(4), 2))
like = torch.empty(3)
print(torch.rand_like(like), torch.randn_like(like), torch.randint_like(like, 5))

# changed in shape
t = torch.arange(6.0)
print(torch.reshape(t, (2, 3)), t.view(3, 2), t.view((2, 3)).view(-1), sep="\n")
print(torch.transpose(t.view(2, 3), dim0=0, dim1=1), torch.unsqueeze(t, dim=0).shape)
print(torch.squeeze(torch.ones(1, 2, 1)).shape, torch.squeeze(torch.ones(1, 2, 1), dim=0).shape)

# put together and split
a, b = torch.ones(2, 2), torch.zeros(2, 2)
print(
    torch.cat([a, b], dim=0), torch.cat((a, b), dim=1, out=None), torch.stack([a, b], dim=0).shape
)
print(torch.split(torch.arange(5), 2, dim=0), torch.split(torch.arange(5), [1, 4], dim=0))
print(torch.split(tensor=torch.arange(4), split_size_or_sections=2, dim=0))

# between NumPy and tensors
a = np.array([1, 2, 3], dtype=np.int32)
t = torch.from_numpy(a)
print(t)
a[0] = 10
t[1] = 20
print(a, t)
a = torch.tensor([2, 4, 6, 8])
print(a)
device = torch.device("cuda" if torch.cuda.is_available() else "cpu")
b = a.to(device)
print(b)
c = b.cpu()
print(c)
if not torch.cuda.is_available():
    for move in (a.cuda, lambda: a.cuda(device=1), lambda: a.to("cuda")):
        try:
            move()
        except (AssertionError, RuntimeError) as err:
            print(type(err).__name__)
t = torch.tensor([2, 4, 6, 8])
print(t)
n = t.numpy()
print(n, repr(n), n.dtype)


class MyModule(torch.nn.Module):
    def __init__(self):
        super().__init__()
        self.scale = torch.nn.Parameter(torch.tensor([0.5]))

    def forward(self, x):
        return x * self.scale


my_module = MyModule()
output = my_module(torch.tensor([2, 4, 6]))
print(output)
try:
    output.numpy()
except RuntimeError as err:
    print(err)
b = output.cpu().detach().numpy()
print(b)
try:
    torch.nn.Linear(3, 1)(torch.tensor([2, 4, 6]))
except RuntimeError as err:
    print(err)

# autograd
w = torch.tensor([1.0], requires_grad=True)
x = torch.tensor([2.0], requires_grad=True)
a = torch.add(w, x)
b = torch.add(w, 1)
y = torch.mul(a, b)
print(str(y.grad_fn).split(" at ")[0])
y.backward()
print(x.grad)
print(w.grad)

x = torch.randn(3, requires_grad=True)
print(x.requires_grad)
print((x**2).requires_grad)
with torch.no_grad():
    print((x**2).requires_grad)
