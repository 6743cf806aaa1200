"""utils.data: data sets, samplers, collation, loaders."""

import collections
import os
import random

SCENARIOS = []


def scenario(f):
    SCENARIOS.append(f)
    return f


def tried(f):
    try:
        return f()
    except Exception as e:
        return f"{type(e).__name__}: {e}"


NT = collections.namedtuple("NT", "a b")


class Kinds:
    """Data sets of both kinds, made for a package."""

    def __init__(self, T):
        D = T.utils.data

        class Plain(D.Dataset):
            pass

        class It(D.IterableDataset):
            def __init__(self, n=10):
                self.n = n

            def __iter__(self):
                return iter(range(self.n))

        class Long(It):
            def __len__(self):
                return 3

        class Batched(D.Dataset):
            def __getitems__(self, indices):
                return [-i for i in indices]

            def __len__(self):
                return 5

        self.Plain, self.It, self.Long, self.Batched = Plain, It, Long, Batched


def names(T, env):
    return {
        "D": T.utils.data,
        "K": Kinds(T),
        "S": env["seeded"],
        "Gen": lambda seed: T.Generator().manual_seed(seed),
    }


EXPRESSIONS = """
K.Plain()[0]
len(K.Plain())
(D.TensorDataset(o(3)) + D.TensorDataset(o(2)*2))[4]
D.TensorDataset(o(2), o(3))
D.TensorDataset(o(2), o(2,3))[0]
D.TensorDataset(o(2))[5]
D.TensorDataset(o(3))[0:2]
len(D.TensorDataset(o(3)))
K.It()[0]
D.IterableDataset()
list(K.It(2) + K.It(3))
len(D.ChainDataset([K.Long(), K.It()]))
len(D.ChainDataset([K.Long(), K.Long()]))
list(D.ChainDataset([3]))
D.ConcatDataset([])
D.ConcatDataset([K.It()])
D.ConcatDataset([D.TensorDataset(o(2))])[5]
D.ConcatDataset([D.TensorDataset(o(2))])[-3]
D.ConcatDataset([[1, 2], [3, 4, 5]])[-1]
[D.ConcatDataset([[1, 2], [3, 4, 5]])[i] for i in range(5)]
D.ConcatDataset([[1, 2], [3, 4, 5]]).cumulative_sizes
D.ConcatDataset([[1, 2], [3, 4, 5]]).cummulative_sizes
(lambda s: (s[0], len(s), s.__getitems__([0, 1])))(D.Subset(range(5), [3, 1]))
D.Subset(D.TensorDataset(T.arange(5)), [3, 1])[[0, 1]]
D.Subset(range(5), [3, 1])[5]
D.StackDataset(D.TensorDataset(o(2)), [5, 6])[0]
D.StackDataset(a=D.TensorDataset(o(2)), b=[5, 6])[0]
D.StackDataset(o(2), a=[1, 2])
D.StackDataset()
D.StackDataset([1], [1, 2])
D.StackDataset(D.TensorDataset(o(2)), [5, 6]).__getitems__([0, 1])
D.StackDataset(a=[1, 2], b=K.Batched()) and 0
D.StackDataset(a=[1, 2, 3, 4, 5], b=K.Batched()).__getitems__([0, 3])
len(D.StackDataset([1, 2]))
S(lambda: [s.indices for s in D.random_split(range(10), [3, 7])])
S(lambda: [s.indices for s in D.random_split(range(10), [.3, .3, .4])])
D.random_split(range(10), [3, 6])
D.random_split(range(10), [.3, .8])
D.random_split(range(2), [-.1, 1.1])
[s.indices for s in D.random_split(range(10), [3, 7], generator=Gen(3))]
[s.indices for s in D.random_split(range(10), [3, 7], Gen(3))]
[len(s) for s in D.random_split(range(11), [.5, .5])]
[len(s) for s in D.random_split(range(1), [.1, .9])]
S(lambda: list(D.RandomSampler(range(5))))
S(lambda: list(D.RandomSampler(range(5), True)))
S(lambda: list(D.RandomSampler(range(5), True, 100)))
S(lambda: list(D.RandomSampler(range(5), num_samples=12)))
(lambda g: (list(D.RandomSampler(range(5), generator=g)), T.rand(1, generator=g)))(Gen(1))
(lambda g: (list(D.RandomSampler(range(5), True, 40, g)), T.rand(1, generator=g)))(Gen(1))
D.RandomSampler(range(0))
D.RandomSampler(range(5), num_samples=0)
D.RandomSampler(range(5), replacement=3)
D.RandomSampler(range(5), num_samples=-2)
len(D.RandomSampler(range(5))), len(D.RandomSampler(range(5), num_samples=12))
list(D.SequentialSampler(range(3))), len(D.SequentialSampler(range(3)))
list(D.SubsetRandomSampler([4, 5, 6], Gen(0))), len(D.SubsetRandomSampler([1]))
S(lambda: list(D.WeightedRandomSampler([.1, .9], 5)))
S(lambda: list(D.WeightedRandomSampler([.1, .9, .5], 2, False)))
D.WeightedRandomSampler([.1], -1)
D.WeightedRandomSampler([.1], True)
D.WeightedRandomSampler([.1], 1, replacement=3)
D.WeightedRandomSampler([[.1]], 1)
list(D.WeightedRandomSampler([.1, .9], 3, False))
len(D.WeightedRandomSampler([.1, .9], 5))
list(D.BatchSampler(range(5), 2, False)), list(D.BatchSampler(range(5), 2, True))
len(D.BatchSampler(range(5), 2, True)), len(D.BatchSampler(range(5), 2, False))
D.BatchSampler(range(5), 0, True)
D.BatchSampler(range(5), 2, 3)
D.BatchSampler(range(5), True, True)
D.BatchSampler(range(5), 2.5, True)
iter(D.Sampler())
len(D.Sampler())
[list(D.DistributedSampler(range(10), 3, r)) for r in range(3)]
[list(D.DistributedSampler(range(10), 3, r, drop_last=True)) for r in range(3)]
[list(D.DistributedSampler(range(2), 5, r, shuffle=False)) for r in range(5)]
(lambda s: (s.set_epoch(3), list(s), len(s)))(D.DistributedSampler(range(10), 2, 1, seed=4))
D.DistributedSampler(range(10), 3, 3)
D.Dataset[int] is not None, D.DataLoader[int] is not None, D.Sampler[int] is not None
D.get_worker_info()
""".strip().split("\n")
_BATCHES = """
[o(2), o(2)] | [o(2), o(3)] | [1, 2] | [1.5, 2] | ['a', 'b'] | [b'a', b'b'] | [{'a': 1}, {'a': 2}]
| [(1, 2.), (3, 4.)] | [[1, 2], [3, 4]] | [C.NT(1, 2), C.NT(3, 4)] | [(1,), (1, 2)] | [None, None]
| [] | [C.collections.OrderedDict(a=1), C.collections.OrderedDict(a=2)] | [True, False] | [{1, 2}]
| [range(2), range(3, 5)] | [{'a': 1}, {'b': 2}] | [C.collections.defaultdict(int, a=1)] * 2
| [T.tensor(1), T.tensor(2)] | 3 | [object] | [{'a': [1, (2., 'x')]}] * 2 | [P(o(1)), P(o(1))]
| [N.ones(2), N.ones(2)] | [N.float32(1), N.float32(2)] | [N.array(1), N.array(2)]
| [N.array(['a'])] | [N.array([1], dtype=object)]
| [N.int64(3)] | [N.float16(1)] | [N.bool_(True)] | [(N.ones(1), 1)]
"""
_NUMPY = "(lambda N: T.utils.data.{}({}))(__import__('numpy'))"
EXPRESSIONS += [
    _NUMPY.format(f, e.strip())
    for f in ("default_collate", "default_convert")
    for e in _BATCHES.split("|")
]
EXPRESSIONS += """
list(D.DataLoader(range(4)))
list(D.DataLoader(range(10), 3))
list(D.DataLoader(range(10), 3, drop_last=True))
len(D.DataLoader(range(10), 3)), len(D.DataLoader(range(10), 3, drop_last=True))
S(lambda: list(D.DataLoader(range(10), 4, shuffle=True)))
S(lambda: list(D.DataLoader(range(10), 4)))
S(lambda: list(D.DataLoader(range(10), 4, shuffle=True, generator=Gen(5))))
S(lambda: [list(D.DataLoader(range(6), 4, shuffle=True)) for _ in range(2)])
list(D.DataLoader(range(4), None))
list(D.DataLoader(range(9), None, shuffle=True, generator=Gen(5)))
list(D.DataLoader(range(9), batch_sampler=[[1, 2], [3]]))
list(D.DataLoader(range(9), 4, collate_fn=lambda b: b))
list(D.DataLoader(range(9), 4, sampler=[5, 6]))
list(D.DataLoader(K.Batched(), 2))
list(D.DataLoader(D.TensorDataset(rand(5, 2), T.arange(5)), 2))
list(D.DataLoader(D.TensorDataset(rand(5, 2), T.arange(5)), 2, sampler=[4, -1, 0]))
list(D.DataLoader(D.TensorDataset(rand(5, 2)), 2, sampler=[4, 7]))
list(D.DataLoader(D.TensorDataset(rand(5, 2)), None))
list(D.DataLoader(D.Subset(D.TensorDataset(T.arange(9)), [8, 1, 5]), 2))
list(D.DataLoader(K.It(), 4))
list(D.DataLoader(K.It(), 4, drop_last=True))
list(D.DataLoader(K.It(3), None))
len(D.DataLoader(K.It()))
len(D.DataLoader(K.Long(), 2)), len(D.DataLoader(K.Long(), 2, drop_last=True))
len(D.DataLoader(K.Long(), None))
D.DataLoader([1], num_workers=-1)
D.DataLoader([1], timeout=-1)
D.DataLoader([1], prefetch_factor=2)
D.DataLoader([1], num_workers=1, prefetch_factor=-2)
D.DataLoader([1], persistent_workers=True)
D.DataLoader(K.It(), shuffle=True)
D.DataLoader(K.It(), sampler=[1])
D.DataLoader(K.It(), batch_sampler=[1])
D.DataLoader(K.It(), shuffle=False) and 0
D.DataLoader([1], sampler=[1], shuffle=True)
D.DataLoader([1], 2, batch_sampler=[[1]])
D.DataLoader([1], shuffle=True, batch_sampler=[[1]])
D.DataLoader([1], None, drop_last=True)
D.DataLoader([1], 0)
D.DataLoader([1], batch_size='x')
D.DataLoader([1], multiprocessing_context='fork')
D.DataLoader([1], num_workers=1, multiprocessing_context='xx')
D.DataLoader([1], num_workers=1, multiprocessing_context=3)
D.DataLoader([], shuffle=True)
list(D.DataLoader([]))
list(D.DataLoader(3))
list(D.DataLoader([1, 2], pin_memory=True))
setattr(D.DataLoader([1]), 'batch_size', 3)
setattr(D.DataLoader([1]), 'sampler', 3)
setattr(D.DataLoader([1]), 'dataset', 3)
setattr(D.DataLoader([1]), 'foo', 3)
(lambda d: [d.batch_size, d.drop_last, d.num_workers, d.prefetch_factor])(D.DataLoader([1]))
(lambda i: (type(i), len(i), next(i), i.foo))(iter(D.DataLoader([1, 2])))
sorted(k for k in vars(D.DataLoader([1])))
""".strip().split("\n")


# ---- worker processes -------------------------------------------------------------------------


def first_and_last(text):
    text = str(text)
    lines = text.strip().split("\n")
    return [lines[0], lines[1] if len(lines) > 1 else "", lines[-1]]


class Info:
    """Tells what a worker knows and what it draws."""

    def __init__(self, T):
        self.T = T

    def __len__(self):
        return 5

    def __getitem__(self, i):
        w = self.T.utils.data.get_worker_info()
        seed = self.T.initial_seed()
        out = [w.id, w.num_workers, w.seed, seed, random.random(), self.T.rand(1).item(), i]
        return out + [self.T.get_num_threads(), type(w.dataset).__name__]


class Failing:
    def __init__(self, error):
        self.error = error

    def __len__(self):
        return 4

    def __getitem__(self, i):
        if i == 2:
            raise self.error
        return i


class Two(Exception):
    def __init__(self, a, b):
        super().__init__(a, b)


class Exiting(Failing):
    def __getitem__(self, i):
        os._exit(3)


def twice(x):
    return [x, x]


@scenario
def workers(T):
    D = T.utils.data
    K = Kinds(T)
    L = D.DataLoader
    out = [list(L(range(10), 4, num_workers=2)), list(L(K.It(5), 2, num_workers=2))]
    T.manual_seed(0)
    out += [list(L(Info(T), None, num_workers=2)), T.rand(1)]
    T.manual_seed(0)
    out += [list(L(range(10), 4, shuffle=True, num_workers=2)), T.rand(1)]
    out += [list(L(range(5), 2, num_workers=1, collate_fn=twice, prefetch_factor=1))]
    out += [sorted(b.tolist() for b in L(range(10), 4, num_workers=2, in_order=False))]
    d = L(range(6), 2, num_workers=2, persistent_workers=True)
    out += [list(d), list(d), next(iter(d)), list(d)]
    d = L(K.It(3), 2, num_workers=2, persistent_workers=True)
    out += [list(d), list(d)]
    d = L(D.TensorDataset(T.arange(12).view(6, 2), T.arange(6)), 4, num_workers=1)
    out += [list(d), type(iter(d)).__name__, len(iter(d)), D.get_worker_info()]
    return out


@scenario
def workers_fail(T):
    D = T.utils.data
    L = D.DataLoader
    out = []
    for error in (ValueError("bad"), KeyError("k"), Two(1, 2), StopIteration()):
        out.append(first_and_last(tried(lambda: list(L(Failing(error), 2, num_workers=2)))))

    def bad_init(i):
        raise RuntimeError("init")

    out.append(first_and_last(tried(lambda: list(L([1], num_workers=1, worker_init_fn=bad_init)))))
    died = tried(lambda: list(L(Exiting(None), 2, num_workers=1)))
    out.append("".join(c for c in died if not c.isdigit()))
    return out
