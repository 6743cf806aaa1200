"""From indices to a batch."""

import facula as torch
from facula.utils.data._utils.collate import default_collate
from facula.utils.data.dataset import TensorDataset


class _Fetcher:
    def __init__(self, dataset, auto_collation, collate_fn, drop_last):
        self.dataset = dataset
        self.auto_collation = auto_collation
        self.collate_fn = collate_fn
        self.drop_last = drop_last


class _IterableDatasetFetcher(_Fetcher):
    def __init__(self, dataset, auto_collation, collate_fn, drop_last):
        super().__init__(dataset, auto_collation, collate_fn, drop_last)
        self.dataset_iter = iter(dataset)
        self.ended = False

    def fetch(self, index):
        if self.ended:
            raise StopIteration
        if not self.auto_collation:
            return self.collate_fn(next(self.dataset_iter))
        batch = []
        for _ in index:
            try:
                batch.append(next(self.dataset_iter))
            except StopIteration:
                self.ended = True
                break
        if len(batch) == 0 or (self.drop_last and len(batch) < len(index)):
            raise StopIteration
        return self.collate_fn(batch)


class _MapDatasetFetcher(_Fetcher):
    def fetch(self, index):
        dataset = self.dataset
        if not self.auto_collation:
            return self.collate_fn(dataset[index])
        if type(dataset) is TensorDataset and self.collate_fn is default_collate:
            rows = _rows(dataset.tensors, index)
            if rows is not None:
                return rows
        if getattr(dataset, "__getitems__", None):
            return self.collate_fn(dataset.__getitems__(index))
        return self.collate_fn([dataset[i] for i in index])


def _rows(tensors, index):
    """Rows gathered at once: what picking them one by one and stacking would give.

    None where it would not: gradients would take another way, sparse rows are refused.
    """
    if not all(type(i) is int for i in index):
        return None
    for t in tensors:
        if type(t) is not torch.Tensor or t.requires_grad or t.layout is not torch.strided:
            return None
    index = torch.tensor(index)
    return [t[index] for t in tensors]
