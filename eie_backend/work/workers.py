"""`working_with`: many calls on threads, on processes or on a Dask cluster, results as they come.

All three are executors of `concurrent.futures`. Every call gets what all calls share, which is sent
to a process or to a Dask worker once. A process that ends under its work is replaced.
"""

from __future__ import annotations

import multiprocessing.connection
import os
import signal
import threading
from collections.abc import Iterable, Iterator
from concurrent.futures import (
    FIRST_COMPLETED,
    BrokenExecutor,
    Executor,
    Future,
    ProcessPoolExecutor,
    ThreadPoolExecutor,
    wait,
)
from contextlib import contextmanager
from multiprocessing.connection import Connection
from typing import Any, Protocol

from eie_backend.errors import WorkerError
from eie_backend.machine.choices import LOCAL_SCHEDULER
from eie_backend.work.calls import Call, Item, Result

AHEAD = 2
"""Calls that wait for each worker, so that it is never idle."""

MOST_DEATHS = 3
"""Workers that may end in a row without a result before the work is given up."""

CONNECT_SECONDS = 20

_shared: Any = None


class Workers(Protocol):
    """Whoever works: how many at a time, and how to hand over a call.

    `lost` are the exceptions of a call whose worker has gone.
    """

    lost: tuple[type[BaseException], ...]

    @property
    def count(self) -> int:
        """Calls that can run at the same time."""

    def submit(self, call: Call[Item, Result], item: Item) -> Future[Result]:
        """Hand over a call with the shared object and an item."""

    def replace(self) -> None:
        """Start again after a worker ended under its work, if that can be done."""


@contextmanager
def working_with(scheduler: str, count: int | None, shared: Any) -> Iterator[Workers]:
    """Start local workers, or connect to a cluster's, and let them go at the end.

    Parameters
    ----------
    scheduler : str
        ``"processes"``, ``"threads"``, or the address of a Dask scheduler, ``tcp://HOST:PORT`` or
        ``tls://HOST:PORT``.
    count : int, optional
        How many; by default one per core. A cluster has what it has.
    shared : object
        First argument of every call; it can be pickled unless threads do the work.

    Raises
    ------
    WorkerError
        If there is no such scheduler, or it cannot be reached, has no workers, or has workers with
        another release of this package.
    ExtraError
        If Dask is asked for and not installed (extra ``cluster``).
    """
    if count is not None and count < 1:
        raise WorkerError(f"workers = {count}; give at least 1, or none for one per core")
    if "://" in scheduler:
        from eie_backend.work.dask_workers import DaskWorkers

        if count is not None:
            raise WorkerError(f"workers = {count}: {scheduler} has its own; leave the number out")
        workers: DaskWorkers | LocalWorkers = DaskWorkers(scheduler, shared, CONNECT_SECONDS)
    elif scheduler in LOCAL_SCHEDULER.values:
        workers = LocalWorkers(scheduler == "threads", count or os.cpu_count() or 1, shared)
    else:
        raise WorkerError(
            f"scheduler {scheduler!r} is unknown; give processes, threads, or the address of a "
            "Dask scheduler such as tcp://127.0.0.1:8786"
        )
    try:
        yield workers
    finally:
        workers.stop()


def completed(
    workers: Workers, call: Call[Item, Result], items: Iterable[Item]
) -> Iterator[tuple[Item, Result]]:
    """Yield each item with its result, in the order in which they are done.

    A few items per worker are taken ahead, so `items` may be many or large.

    Raises
    ------
    WorkerError
        If workers end under their work again and again, or the cluster is lost.
    """
    source = iter(items)
    again: list[Item] = []
    pending: dict[Future[Result], Item] = {}
    deaths = 0
    while True:
        room = AHEAD * workers.count - len(pending)
        for item in _taken(again, source, max(room, 0)):
            pending[workers.submit(call, item)] = item
        if not pending:
            return
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
        dead = False
        for future in done:
            item = pending.pop(future)
            try:
                result = future.result()
            except workers.lost:
                again.append(item)
                dead = True
                continue
            deaths = 0
            yield item, result
        if dead:
            deaths += 1
            if deaths > MOST_DEATHS:
                raise WorkerError(
                    f"{deaths} workers ended in a row without a result: killed, or out of memory; "
                    "give them more memory or take fewer; what was finished is kept"
                )
            again.extend(pending.values())
            pending.clear()
            workers.replace()


def _taken(again: list[Item], source: Iterator[Item], room: int) -> Iterator[Item]:
    for _ in range(room):
        if again:
            yield again.pop()
        else:
            try:
                yield next(source)
            except StopIteration:
                return


class LocalWorkers:
    """Threads of this process, or processes of this machine that end when this one does."""

    lost: tuple[type[BaseException], ...] = (BrokenExecutor,)

    def __init__(self, threads: bool, count: int, shared: Any) -> None:
        self.count = count
        self._threads, self._shared = threads, shared
        self._alive: Connection | None = None
        self._executor = self._start()

    def submit(self, call: Call[Item, Result], item: Item) -> Future[Result]:
        """Hand over a call."""
        if self._threads:
            return self._executor.submit(call, self._shared, item)
        return self._executor.submit(_with_shared, call, item)

    def replace(self) -> None:
        """Start new processes."""
        self.stop()
        self._executor = self._start()

    def stop(self) -> None:
        """End: threads when their calls have, processes at once."""
        self._executor.shutdown(wait=self._threads, cancel_futures=True)
        if self._alive is not None:
            self._alive.close()

    def _start(self) -> Executor:
        if self._threads:
            return ThreadPoolExecutor(self.count)
        # A fork would copy the threads' locks, TVM's among them, in whatever state they are.
        context = multiprocessing.get_context("spawn")
        watched, self._alive = context.Pipe(duplex=False)
        return ProcessPoolExecutor(
            self.count, context, initializer=_receive, initargs=(self._shared, watched)
        )


def _receive(shared: Any, alive: Connection) -> None:
    """Begin a worker process: keep what is shared, and end when the other end of `alive` is closed.

    That is when the work is over or was interrupted, or when the process that started this one is
    gone, however it went.
    """
    global _shared  # noqa: PLW0603
    _shared = shared
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # a Ctrl-C is for the one that started this one

    def watch() -> None:
        multiprocessing.connection.wait([alive])
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()


def _with_shared(call: Call[Item, Result], item: Item) -> Result:
    return call(_shared, item)
