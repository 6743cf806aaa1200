"""Between NumPy and tensors: shared memory, dtypes, mixed arithmetic, batches from arrays."""

import numpy as np
import torch

rng = np.random.RandomState(0)
a = rng.rand(3, 4)
t = torch.from_numpy(a)
t[0, 0] = 9
print(a[0, 0], t.dtype, t.shape, t.numpy() is a, np.shares_memory(t.numpy(), a))
a *= 2
print(t[0, 0], torch.tensor(a)[0, 0], torch.as_tensor(a).data_ptr() == t.data_ptr())
for dtype in (np.float32, np.int64, np.uint8, np.bool_, np.float16, np.complex64):
    arr = np.zeros(2, dtype)
    print(dtype.__name__, torch.from_numpy(arr).dtype, torch.tensor(arr).numpy().dtype)
f = torch.ones(2, 2)
print(np.mean(f.numpy()), np.asarray(f).sum(), np.exp(f.numpy()).round(2), f.numpy().T.shape)
print(torch.from_numpy(np.arange(6).reshape(2, 3).T).stride(), f.tolist(), f.numpy().tolist())
x = torch.randn(3, requires_grad=True)
try:
    x.numpy()
except RuntimeError as err:
    print(err)
print(x.detach().numpy().shape, x.detach().cpu().numpy().dtype, np.array(x.detach()).shape)
mean, std = np.array([0.5, 0.25]), np.array([0.1, 0.2])
batch = torch.arange(8, dtype=torch.float32).view(2, 2, 2)
m, s = (torch.as_tensor(v, dtype=torch.float32)[None, :, None] for v in (mean, std))
print((batch - m) / s)
print(np.int64(3) * torch.ones(2), torch.ones(2) * np.float32(0.5), torch.ones(2) + np.float64(1))
print(torch.zeros(tuple(np.array([2, 1]))).shape, torch.arange(np.int64(3)), batch[np.int64(0), 0])
idx = np.array([1, 0])
print(batch[idx].shape, batch[:, idx][0], batch[torch.from_numpy(idx > 0)].shape)
labels = np.array([0, 2, 1])
print(torch.nn.functional.one_hot(torch.LongTensor(labels), 3), torch.LongTensor([1, 2]).numpy())
print(torch.FloatTensor([[1, 2], [3, 4]]), torch.Tensor(np.ones(2)), torch.tensor(np.float64(1.5)))
data = [(rng.rand(2).astype("float32"), i % 2) for i in range(5)]
loader = torch.utils.data.DataLoader(data, batch_size=2)
for xb, yb in loader:
    print(xb.dtype, tuple(xb.shape), yb)
print(np.concatenate([f.numpy(), np.zeros((1, 2), "f")]).shape, np.stack([f, f]).shape)
print(float(np.abs(torch.sin(torch.ones(2)).numpy() - np.sin(np.ones(2))).max()) < 1e-6)
print(np.array_equal(torch.arange(3).numpy(), np.arange(3)), np.allclose(f, 1), 2 in np.array(t))
