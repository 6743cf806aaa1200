"""Loading of data: samplers, splits, collation, worker processes and their errors."""

import itertools
import time

import torch
from torch.utils.data import (
    BatchSampler,
    ChainDataset,
    ConcatDataset,
    DataLoader,
    Dataset,
    IterableDataset,
    RandomSampler,
    SequentialSampler,
    StackDataset,
    Subset,
    SubsetRandomSampler,
    TensorDataset,
    WeightedRandomSampler,
    default_collate,
    get_worker_info,
    random_split,
)


def tried(f):
    try:
        print(f())
    except Exception as e:
        lines = str(e).splitlines()
        print(type(e).__name__, lines[0], lines[-1])


class Named(Dataset):
    def __len__(self):
        return 10

    def __getitem__(self, i):
        return {"x": torch.full((2,), float(i)), "y": i, "name": f"n{i}", "pair": (i, i / 2)}


class Faulty(Dataset):
    def __len__(self):
        return 4

    def __getitem__(self, i):
        if i == 2:
            raise ValueError("bad item", i)
        return i


class Slow(Dataset):
    def __len__(self):
        return 2

    def __getitem__(self, i):
        time.sleep(30)


class Stream(IterableDataset):
    def __iter__(self):
        info = get_worker_info()
        return iter(range(7) if info is None else range(info.id, 8, info.num_workers))


def main():
    torch.manual_seed(0)
    data = Named()
    for batch in DataLoader(data, batch_size=4, shuffle=True):
        print(batch)
    for batch in DataLoader(data, 3, drop_last=True, collate_fn=lambda b: [s["y"] for s in b]):
        print(batch)
    generator = torch.Generator().manual_seed(7)
    parts = random_split(data, [0.6, 0.2, 0.2], generator=generator)
    print([part.indices for part in parts])
    print(list(WeightedRandomSampler([0.1, 0.9, 0.5], 8)))
    print(list(BatchSampler(SequentialSampler(range(7)), 3, False)), list(RandomSampler(range(5))))
    print(list(SubsetRandomSampler([3, 1, 4])))
    print(list(RandomSampler(range(3), replacement=True, num_samples=5)))
    pairs = TensorDataset(torch.arange(6).view(3, 2), torch.tensor([0, 1, 2]))
    print(pairs[1], pairs[0:2], ConcatDataset([pairs, pairs])[-1], Subset(pairs, [2, 0])[0])
    print(StackDataset(a=pairs, b=pairs)[0])
    print([batch.tolist() for batch in DataLoader(Stream(), batch_size=3)])
    print(list(ChainDataset([Stream(), Stream()])))
    print(list(itertools.islice(itertools.cycle(DataLoader(range(3))), 5)))
    print(default_collate([(1, "a"), (2.5, "b")]), default_collate([[1, 2], [3, 4]]))

    print(sorted(int(i) for batch in DataLoader(Stream(), 2, num_workers=2) for i in batch))
    options = {"num_workers": 2, "persistent_workers": True, "prefetch_factor": 2}
    for batch in DataLoader(data, batch_size=4, shuffle=True, **options):
        print(batch["y"], batch["name"])
    iterator = iter(DataLoader(range(5), batch_size=2, num_workers=2))
    print(next(iterator))
    del iterator
    for workers in (0, 1):
        tried(lambda: list(DataLoader(Faulty(), batch_size=2, num_workers=workers)))
    tried(lambda: next(iter(DataLoader(Slow(), num_workers=1, timeout=0.5))))

    sampler = RandomSampler(data)
    tried(lambda: DataLoader(data, batch_size=0))
    tried(lambda: DataLoader(data, shuffle=True, sampler=sampler))
    tried(lambda: DataLoader(data, 2, batch_sampler=BatchSampler(sampler, 2, True)))
    tried(lambda: DataLoader(Stream(), shuffle=True))
    tried(lambda: DataLoader(data, num_workers=-1))
    tried(lambda: DataLoader(data, prefetch_factor=2))
    tried(lambda: DataLoader(data, timeout=-1))
    tried(lambda: random_split(data, [3, 3]))
    tried(lambda: random_split(data, [0.5, 0.6]))
    tried(lambda: TensorDataset(torch.ones(2), torch.ones(3)))
    tried(lambda: WeightedRandomSampler([1.0], 0))
    tried(lambda: RandomSampler([], replacement=3))
    tried(lambda: next(iter(DataLoader([torch.ones(2), torch.ones(3)], batch_size=2))))
    tried(lambda: next(iter(DataLoader([object(), object()], batch_size=2))))
    tried(lambda: default_collate([{"a": 1}, {"a": 2}]))
    tried(lambda: default_collate([]))


if __name__ == "__main__":
    main()
