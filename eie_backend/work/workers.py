"""`working_with`: run many calls on threads, processes or a Dask cluster, and yield the results.

All three are executors of `concurrent.futures`. Every call receives the shared object, which each
process or Dask worker gets once. A process that dies during a call is replaced.
"""

from __future__ import annotations

import multiprocessing.connection
import os
import signal
import threading
import warnings
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
from contextlib import contextmanager, suppress
from multiprocessing import resource_tracker
from multiprocessing.connection import Connection
from typing import Any, Protocol

from eie_backend.errors import TOLD, WorkerError
from eie_backend.machine.choices import LOCAL_SCHEDULER
from eie_backend.process.interrupts import held, leave
from eie_backend.work.calls import Call, Item, Result

AHEAD = 2
"""Calls submitted per worker, so that no worker is idle."""

MOST_DEATHS = 3
"""Most worker deaths in a row without a result before `completed` gives up."""

CONNECT_SECONDS = 20

_shared: Any = None


class Workers(Protocol):
    """An executor: its number of concurrent calls, and how to submit a call.

    `lost` are the exceptions of a call whose worker died.
    """

    lost: tuple[type[BaseException], ...]

    @property
    def count(self) -> int:
        """Number of calls that can run concurrently."""

    def submit(self, call: Call[Item, Result], item: Item) -> Future[Result]:
        """Submit a call with the shared object and an item."""

    def replace(self) -> None:
        """Replace workers after one died during a call, if possible."""


@contextmanager
def working_with(scheduler: str, count: int | None, shared: Any) -> Iterator[Workers]:
    """Start local workers, or connect to those of a cluster, and release them at the end.

    Parameters
    ----------
    scheduler : str
        ``"processes"``, ``"threads"``, or the address of a Dask scheduler, ``tcp://HOST:PORT`` or
        ``tls://HOST:PORT``.
    count : int, optional
        Number of local workers; by default one per core. It does not apply to a cluster.
    shared : object
        First argument of every call; it must be picklable, except with threads.

    Raises
    ------
    WorkerError
        If there is no such scheduler, or it cannot be reached, has no workers, or has workers with
        another release of this package.
    ExtraError
        If Dask is needed and not installed (extra ``cluster``).
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
    """Yield each item with its result, in the order of completion.

    Only a few items per worker are taken ahead, so `items` may be many or large.

    Raises
    ------
    WorkerError
        If workers die repeatedly during calls, or the cluster is lost.
    """
    source = iter(items)
    again: list[Item] = []
    pending: dict[Future[Result], Item] = {}
    deaths = 0
    while True:
        room = AHEAD * workers.count - len(pending)
        dead = False
        for item in _taken(again, source, max(room, 0)):
            try:
                pending[workers.submit(call, item)] = item
            except workers.lost:  # one has died since
                again.append(item)
                dead = True
                break
        if not pending and not dead:
            return
        done, _ = wait(pending, return_when=FIRST_COMPLETED)
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
    """Threads of this process, or child processes that end with this process."""

    lost: tuple[type[BaseException], ...] = (BrokenExecutor,)

    def __init__(self, threads: bool, count: int, shared: Any) -> None:
        self.count = count
        self._threads, self._shared = threads, shared
        self._alive: Connection | None = None
        self._executor = self._start()

    def submit(self, call: Call[Item, Result], item: Item) -> Future[Result]:
        """Submit a call."""
        if self._threads:
            return self._executor.submit(call, self._shared, item)
        with held():  # it may start a process
            return self._executor.submit(_with_shared, call, item)

    def replace(self) -> None:
        """Start new processes."""
        self.stop()
        self._executor = self._start()

    def stop(self) -> None:
        """Stop: threads after their current calls, processes at once."""
        self._executor.shutdown(wait=self._threads, cancel_futures=True)
        if self._alive is not None:
            self._alive.close()

    def _start(self) -> Executor:
        if self._threads:
            return ThreadPoolExecutor(self.count)
        # Do not fork: a fork copies locks of threads, including TVM's, in their current state.
        context = multiprocessing.get_context("spawn")
        _track_silently()
        watched, self._alive = context.Pipe(duplex=False)
        return ProcessPoolExecutor(
            self.count, context, initializer=_receive, initargs=(self._shared, watched)
        )


def _track_silently() -> None:
    """Start Python's process that removes semaphores; it tells of those that Ctrl-C leaves."""
    with held():
        kept = os.dup(2)
        null = os.open(os.devnull, os.O_WRONLY)
        try:
            os.dup2(null, 2)
            resource_tracker.ensure_running()
        finally:
            os.dup2(kept, 2)
            os.close(null)
            os.close(kept)


def _receive(shared: Any, alive: Connection) -> None:
    """Start a worker process: keep the shared object, and leave when `alive`'s other end closes.

    It closes when the work is done or interrupted, and when the parent process ends for any reason.
    """
    global _shared  # noqa: PLW0603
    _shared = shared
    # Who shares the work out tells of its inputs, once.
    for told in TOLD:
        warnings.simplefilter("ignore", told)

    # Ctrl-C was blocked when this process was started. What it starts, such as a linker, gets it.
    signal.signal(signal.SIGINT, lambda _number, _frame: None)
    signal.pthread_sigmask(signal.SIG_UNBLOCK, {signal.SIGINT})

    def watch() -> None:
        multiprocessing.connection.wait([alive])
        with suppress(ChildProcessError):  # a linker removes its own files when it ends
            os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOWAIT)
        leave(1)

    threading.Thread(target=watch, daemon=True).start()


def _with_shared(call: Call[Item, Result], item: Item) -> Result:
    return call(_shared, item)
