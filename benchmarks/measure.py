"""Measurement of time (of calls that take turns), memory and energy."""

from __future__ import annotations

import ctypes
import hashlib
import os
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from threading import Thread
from typing import NamedTuple

import numpy as np

RAPL = Path("/sys/class/powercap/intel-rapl:0/energy_uj")
"""Linux's counter of a processor's microjoules, often readable only by the superuser."""


class Timing(NamedTuple):
    """Milliseconds of a repeated call: the median and the two quartiles around it."""

    median: float
    low: float
    high: float
    repetitions: int

    @classmethod
    def of(cls, seconds: Sequence[float]) -> Timing:
        """Return the timing of repetitions; with one repetition, all three numbers are equal."""
        low, median, high = (_rounded(1e3 * q) for q in np.quantile(seconds, (0.25, 0.5, 0.75)))
        return cls(median, low, high, len(seconds))

    def per(self, calls: int) -> Timing:
        """Return the time per part of a call with `calls` equal parts."""
        return Timing(*(_rounded(ms / calls) for ms in self[:3]), self.repetitions)


def timings(
    calls: Mapping[str, Callable[[], object]],
    repetitions: int,
    clock: Callable[[], float] = time.perf_counter,
) -> dict[str, Timing]:
    """Time each call; the calls take turns, so that other load affects all equally."""
    seconds: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(repetitions):
        for name, call in calls.items():
            start = clock()
            call()
            seconds[name].append(clock() - start)
    return {name: Timing.of(of) for name, of in seconds.items()}


def sharing_nothing() -> dict[str, Callable[[], object]]:
    """Return work for one thread, and for two threads that each do as much and share nothing."""
    data = bytes(1 << 24)

    def one() -> None:
        hashlib.sha256(data).digest()

    def two() -> None:
        threads = [Thread(target=one) for _ in range(2)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()

    return {"one alone": one, "two alone": two}


def two_cores_speedup(times: Mapping[str, Timing] | None = None) -> float:
    """Return the speedup of two threads that share nothing: the current limit on this computer.

    It is near 2 if both cores are free. `times` are those of `sharing_nothing`, if it took turns
    with the calls to compare with.
    """
    found = times or timings(sharing_nothing(), 15)
    return round(2 * found["one alone"].median / found["two alone"].median, 2)


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


def resident_bytes(field: str) -> int:
    """Return a field of this process's status in bytes: VmRSS, or VmHWM, the most so far."""
    lines = Path("/proc/self/status").read_text("utf-8").splitlines()
    return next(1024 * int(line.split()[1]) for line in lines if line.startswith(field))


def joules(call: Callable[[], object], counter: Path = RAPL, seconds: float = 1.0) -> float | None:
    """Return the processor's energy per call, or None where it cannot be read."""
    if not os.access(counter, os.R_OK):
        return None
    before, start, count = int(counter.read_text()), time.perf_counter(), 0
    while not count or time.perf_counter() - start < seconds:
        call()
        count += 1
    used = int(counter.read_text()) - before
    return used / 1e6 / count if used > 0 else None  # the counter may wrap around


def _rounded(number: float) -> float:
    """Round to four significant digits, the precision of the clocks."""
    return float(f"{number:.4g}")
