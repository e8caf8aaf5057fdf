"""Times that can be compared, and memory."""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Mapping
from pathlib import Path


def medians_ms(calls: Mapping[str, Callable[[], object]], repetitions: int) -> dict[str, float]:
    """Return each call's median milliseconds; they take turns, so other load meets all alike."""
    times: dict[str, list[float]] = {name: [] for name in calls}
    for call in calls.values():
        call()
    for _ in range(repetitions):
        for name, call in calls.items():
            start = time.perf_counter()
            call()
            times[name].append(time.perf_counter() - start)
    return {name: round(1e3 * statistics.median(of), 4) for name, of in times.items()}


def resident_bytes() -> int:
    """Return the memory that the process occupies."""
    pages = int(Path("/proc/self/statm").read_text("ascii").split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")
