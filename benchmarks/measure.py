"""Times that can be compared, and memory."""

from __future__ import annotations

import ctypes
import statistics
import time
from collections.abc import Callable, Mapping


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
