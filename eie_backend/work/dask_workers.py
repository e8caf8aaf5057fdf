"""`DaskWorkers`: the workers of a user's Dask cluster, for `working_with`."""

from __future__ import annotations

from concurrent.futures import CancelledError, Future
from contextlib import suppress
from typing import Any

from eie_backend._versions import __version__
from eie_backend.errors import ExtraError, WorkerError
from eie_backend.work.calls import Call, Item, Result

try:
    import distributed
except ImportError as error:
    raise ExtraError(
        "a Dask scheduler needs dask.distributed: pip install '.[cluster]' in eie's checkout"
    ) from error


class DaskWorkers:
    """The workers of a Dask scheduler.

    Parameters
    ----------
    address : str
        ``tcp://HOST:PORT`` of the scheduler.
    shared : object
        Object that is sent to each worker once.
    seconds : float
        Time limit to wait for the scheduler, and for its first worker.

    Raises
    ------
    WorkerError
        As for `working_with`.
    """

    lost: tuple[type[BaseException], ...] = (
        CancelledError,
        distributed.CancelledError,
        distributed.KilledWorker,
    )

    def __init__(self, address: str, shared: Any, seconds: float) -> None:
        self._address, self._shared, self._seconds = address, shared, seconds
        try:
            self._client = distributed.Client(address, timeout=seconds, set_as_default=False)
        except (OSError, ValueError) as error:
            raise WorkerError(
                f"{address}: no Dask scheduler answers: {error}; start one (dask scheduler) or "
                "correct the address"
            ) from error
        try:
            self._begin()
        except BaseException:
            self._client.close()
            raise

    def _begin(self) -> None:
        """Send the shared object, after checking that there are workers, all of this release."""
        try:
            self._client.wait_for_workers(1, timeout=self._seconds)
        except TimeoutError as error:
            raise WorkerError(
                f"{self._address}: has no workers; start some (dask worker {self._address})"
            ) from error
        found = self._client.run(_release, on_error="return")
        wrong = [
            f"{worker} has {release}"
            for worker, release in found.items()
            if str(release) != __version__
        ]
        if wrong:
            raise WorkerError(
                f"{self._address}: workers need eie-backend {__version__}, but "
                f"{'; '.join(wrong)}; install it there and start them again"
            )
        # Under a key of its own: Dask may still be releasing what a lost worker held, and would
        # release this, too; calls that read it would then wait for ever.
        (self._sent,) = self._client.scatter([self._shared], broadcast=True, hash=False)
        # Calls are impure: Dask must not merge equal calls.
        self._executor = self._client.get_executor(pure=False)

    @property
    def count(self) -> int:
        """Number of calls that the current workers can run concurrently, at least one."""
        cores: int = sum(self._client.ncores().values())
        return max(cores, 1)

    def submit(self, call: Call[Item, Result], item: Item) -> Future[Result]:
        """Submit a call."""
        future: Future[Result] = self._executor.submit(call, self._sent, item)
        return future

    def replace(self) -> None:
        """Send the shared object again after workers were lost; Dask itself replaces workers.

        Raises
        ------
        WorkerError
            If the scheduler is lost, too, or no worker returns.
        """
        if self._client.status != "running":
            raise WorkerError(
                f"{self._address}: the scheduler was lost; start it again and repeat the command: "
                "what was finished is kept"
            )
        self._executor.shutdown(wait=False)
        self._begin()

    def stop(self) -> None:
        """Cancel pending calls and disconnect from the cluster."""
        self._executor.shutdown(wait=False)
        with suppress(TimeoutError):  # of a slow machine; nothing waits for the cluster's answer
            self._client.close(timeout=5)


def _release() -> str:
    """Return the release of this package on a worker."""
    from eie_backend._versions import __version__

    return __version__
