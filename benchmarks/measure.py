"""Times that can be compared, and memory."""

from __future__ import annotations

import ctypes
import hashlib
import statistics
import time
from collections.abc import Callable, Mapping
from threading import Thread


def medians_ms(
    calls: Mapping[str, Callable[[], object]],
    repetitions: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, float]:
    """Return each call's median milliseconds; they take turns, so other load meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(repetitions):
        for name, call in calls.items():
            start = clock()
            call()
            times[name].append(clock() - start)
    return {name: round(1e3 * statistics.median(of), 4) for name, of in times.items()}


def two_cores_speedup() -> float:
    """Return what two threads that share nothing gain over one: what this machine can give now.

    Near 2 if both cores are free; a batch cannot be expected to gain more.
    """
    data = bytes(1 << 24)

    def two() -> None:
        threads = [Thread(target=lambda: hashlib.sha256(data).digest()) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    times = medians_ms({"one": lambda: hashlib.sha256(data).digest(), "two": two}, 15)
    return round(2 * times["one"] / times["two"], 2)


class _MallInfo(ctypes.Structure):
    """The result of glibc's mallinfo2."""

    _names = "arena ordblks smblks hblks hblkhd usmblks fsmblks uordblks fordblks keepcost"
    _fields_ = tuple((name, ctypes.c_size_t) for name in _names.split())


def allocated_bytes() -> int:
    """Return the memory that the process holds from malloc, exactly; glibc only."""
    mallinfo = ctypes.CDLL(None).mallinfo2
    mallinfo.restype = _MallInfo
    info = mallinfo()
    return int(info.uordblks + info.hblkhd)
