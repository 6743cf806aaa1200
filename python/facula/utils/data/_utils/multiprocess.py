"""The main process's side of worker processes.

Every worker has a pipe for indices and a pipe for batches, and answers its tasks in order; a worker
that dies takes no lock with it, and the end of its pipe tells. Tasks go round the workers in turn.
"""

import multiprocessing
import os
import signal
from collections import deque
from multiprocessing import connection

from facula._utils import ExceptionWrapper
from facula.utils.data._utils import worker
from facula.utils.data.dataloader import _BaseDataLoaderIter


class _Job:
    """What all workers of an iterator have in common."""

    def __init__(self, it, loader):
        self.kind = it._dataset_kind
        self.dataset = it._dataset
        self.auto_collation = it._auto_collation
        self.collate_fn = it._collate_fn
        self.drop_last = it._drop_last
        self.base_seed = it._base_seed
        self.num_workers = it._num_workers
        self.init_fn = loader.worker_init_fn


class _Worker:
    def __init__(self, context, job, number):
        self.active = True  # it may get tasks
        theirs, self.indices = context.Pipe(duplex=False)
        self.results, their_results = context.Pipe(duplex=False)
        forked = context.get_start_method() == "fork"
        parent_ends = [self.indices, self.results] if forked else []
        self.process = context.Process(
            target=worker.worker_loop,
            args=(job, number, theirs, their_results, parent_ends),
            daemon=True,
        )
        self.process.start()
        theirs.close()
        their_results.close()

    def send(self, message):
        try:
            self.indices.send(message)
        except OSError:
            pass  # dead: reported when its answer is waited for

    def death(self):
        """Why there will be no more answers."""
        self.process.join()
        pid, code = self.process.pid, self.process.exitcode
        if code >= 0:
            return RuntimeError(f"DataLoader worker (pid(s) {pid}) exited unexpectedly")
        text = f"DataLoader worker (pid {pid}) is killed by signal: {signal.strsignal(-code)}. "
        if -code == signal.SIGBUS:
            text += (
                "It is possible that dataloader's workers are out of shared memory. Please try to "
                "raise your shared memory limit."
            )
        return RuntimeError(text)


class _MultiProcessingDataLoaderIter(_BaseDataLoaderIter):
    def __init__(self, loader):
        super().__init__(loader)
        self._owner = os.getpid()
        self._workers = []
        self._prefetch_factor = loader.prefetch_factor
        self._in_order = loader.in_order
        context = loader.multiprocessing_context or multiprocessing.get_context()
        job = _Job(self, loader)
        for i in range(self._num_workers):
            self._workers.append(_Worker(context, job, i))
        self._reset(loader, first_iter=True)

    def _reset(self, loader, first_iter=False):
        if not first_iter:
            super()._reset(loader)
            for w in self._workers:
                w.send(worker.Resume())
            for w in self._workers:  # what an iteration broken off has left behind is dropped
                while not isinstance(self._answer([w])[1], worker.Resume):
                    pass
        self._pending = deque()  # for each task without an answer, in order, its worker
        self._turn = 0
        self._exhausted = False
        for w in self._workers:
            w.active = True
        for _ in range(self._prefetch_factor * self._num_workers):
            self._give_task()

    def _give_task(self, to=None):
        """Send the next indices to worker `to`, or to the next one in turn."""
        if self._exhausted or not any(w.active for w in self._workers):
            return
        try:
            index = self._next_index()
        except StopIteration:
            self._exhausted = True
            return
        while to is None or not to.active:
            to = self._workers[self._turn % self._num_workers]
            self._turn += 1
        self._pending.append(to)
        to.send(index)

    def _answer(self, workers):
        """The first of `workers` to answer, and its answer."""
        timeout = self._timeout if self._timeout > 0 else None
        ready = connection.wait([w.results for w in workers], timeout)
        if not ready:
            raise RuntimeError(f"DataLoader timed out after {self._timeout} seconds")
        w = next(w for w in workers if w.results is ready[0])
        try:
            return w, w.results.recv()
        except (EOFError, ConnectionResetError):
            error = w.death()
        self._shutdown_workers()
        raise error

    def _next_data(self):
        while self._pending:
            first = [self._pending[0]] if self._in_order else list(dict.fromkeys(self._pending))
            w, data = self._answer(first)
            if isinstance(data, worker.Ended):
                # An iterable data set has ended; the worker's other tasks come to nothing.
                w.active = False
                self._pending = deque(p for p in self._pending if p is not w)
                self._give_task()
                continue
            self._pending.remove(w)
            self._give_task(None if self._in_order else w)
            if isinstance(data, ExceptionWrapper):
                data.reraise()
            return data
        if not self._persistent_workers:
            self._shutdown_workers()
        raise StopIteration

    def _shutdown_workers(self):
        workers, self._workers = self._workers, []
        if os.getpid() != self._owner:
            return  # a forked copy of this object: the workers are not its children
        self._pending = deque()
        for w in workers:
            w.send(None)
            w.indices.close()
            w.results.close()
        for w in workers:
            w.process.join(timeout=5)
            if w.process.is_alive():
                w.process.terminate()
                w.process.join()

    def __del__(self):
        if getattr(self, "_workers", None):
            self._shutdown_workers()
