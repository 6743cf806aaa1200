"""What a worker process runs.

It reads indices from one pipe and writes a batch to another for each, until it reads None or its
parent is gone. Batches leave through a thread, so that the next one is fetched meanwhile.
"""

import random
import sys

import facula as torch

_worker_info = None


class WorkerInfo:
    """What `get_worker_info` tells: id, num_workers, seed, dataset."""

    __initialized = False

    def __init__(self, **kwargs):
        for key, value in kwargs.items():
            setattr(self, key, value)
        self.__keys = tuple(kwargs)
        self.__initialized = True

    def __setattr__(self, key, value):
        if self.__initialized:
            raise RuntimeError(f"Cannot assign attributes to {type(self).__name__} objects")
        super().__setattr__(key, value)

    def __repr__(self):
        return "WorkerInfo({})".format(", ".join(f"{k}={getattr(self, k)}" for k in self.__keys))


def get_worker_info():
    """The WorkerInfo of the worker this runs in, None in the main process."""
    return _worker_info


class Resume:
    """Asks a worker to begin its data set anew, and is its answer."""


class Ended:
    """Says that a worker's iterable data set has ended. More tasks are answered the same way."""


def seed_worker(seed, base_seed, worker_id):
    """Seed every generator of this process that may be drawn from."""
    random.seed(seed)
    torch.manual_seed(seed)
    numpy = sys.modules.get("numpy")
    if numpy is not None:
        entropy = [worker_id, base_seed & 0xFFFFFFFF, base_seed >> 32, 0]
        numpy.random.seed(numpy.random.SeedSequence(entropy).generate_state(4))


class _Sender:
    """Writes to a pipe from a thread. What cannot be pickled has the error sent in its place."""

    def __init__(self, connection, where):
        import queue
        import threading

        self.connection = connection
        self.where = where
        self.queue = queue.SimpleQueue()
        self.thread = threading.Thread(target=self._run, daemon=True)
        self.thread.start()

    def put(self, value):
        from multiprocessing.reduction import ForkingPickler

        from facula._utils import ExceptionWrapper

        try:
            data = bytes(ForkingPickler.dumps(value))
        except Exception:
            data = bytes(ForkingPickler.dumps(ExceptionWrapper(where=self.where)))
        self.queue.put(data)

    def _run(self):
        while True:
            data = self.queue.get()
            if data is None:
                return
            try:
                self.connection.send_bytes(data)
            except OSError:
                return  # nobody reads any more

    def close(self):
        self.queue.put(None)
        self.thread.join()


def worker_loop(job, worker_id, indices, results, parent_ends):
    """Fetch batches until told to stop; `job` says which, of what, and how."""
    from multiprocessing import connection, parent_process

    for end in parent_ends:  # inherited by fork; open here, they would keep the pipes alive
        end.close()
    where = f"in DataLoader worker process {worker_id}"
    sender = _Sender(results, where)
    fetcher, failure = _begin(job, worker_id, where)
    wakers = [indices, parent_process().sentinel]
    try:
        while indices in connection.wait(wakers):  # else the parent is gone
            message = indices.recv()
            if message is None:
                sender.close()
                return
            if isinstance(message, Resume):
                fetcher, failure = _fetcher(job, where)
                sender.put(message)
            elif failure is not None:
                sender.put(failure)
            else:
                sender.put(_fetch(fetcher, message, job, where))
    except (KeyboardInterrupt, EOFError):
        pass  # the main process has been interrupted as well, or has closed the pipe


def _begin(job, worker_id, where):
    """Set the process up; gives a fetcher, or what went wrong."""
    from facula._utils import ExceptionWrapper

    global _worker_info
    torch.set_num_threads(1)
    seed = job.base_seed + worker_id
    seed_worker(seed, job.base_seed, worker_id)
    _worker_info = WorkerInfo(
        id=worker_id, num_workers=job.num_workers, seed=seed, dataset=job.dataset
    )
    try:
        if job.init_fn is not None:
            job.init_fn(worker_id)
    except Exception:
        return None, ExceptionWrapper(where=where)
    return _fetcher(job, where)


def _fetcher(job, where):
    from facula._utils import ExceptionWrapper
    from facula.utils.data.dataloader import _DatasetKind

    try:
        return (
            _DatasetKind.create_fetcher(
                job.kind, job.dataset, job.auto_collation, job.collate_fn, job.drop_last
            ),
            None,
        )
    except Exception:
        return None, ExceptionWrapper(where=where)


def _fetch(fetcher, index, job, where):
    from facula._utils import ExceptionWrapper
    from facula.utils.data.dataloader import _DatasetKind

    try:
        return fetcher.fetch(index)
    except StopIteration:
        if job.kind == _DatasetKind.Iterable:
            return Ended()
        return ExceptionWrapper(where=where)
    except Exception:
        return ExceptionWrapper(where=where)
