"""The simulator's engines: three ways to execute one meaning.

============== ========================================================= ======================
engine         how                                                       gives
============== ========================================================= ======================
``functional`` values only                                               outputs, loads,
                                                                         saturations
``event``      cycles from a recurrence over (broadcast column, PE)      everything
``clock``      every unit stepped edge by edge; slow, and plainly right  everything
============== ========================================================= ======================

All three give the same bits; ``event`` and ``clock`` the same cycles, counters and account of
cycles, which ``functional`` leaves 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES


class CycleAccount(NamedTuple):
    """Where every cycle of every PE went; see ``docs/cycles.md``.

    Attributes
    ----------
    breakdown : mapping of str to ndarray, shape (P,), int64
        Edges of each PE by category; all together they are cycles x P.
    blocking : ndarray, shape (P,), int64
        Edges at which a broadcast was held back while this PE's queue was full.
    queue_occupancy : ndarray, shape (fifo_depth,), int64
        PE edges after which an activation queue held 0, 1, ... columns; likewise.
    """

    breakdown: Mapping[str, NDArray[np.int64]]
    blocking: NDArray[np.int64]
    queue_occupancy: NDArray[np.int64]


def read_account(words: Any, config: HardwareConfig) -> CycleAccount:
    """Return the account in the bytes that the runtime returns."""
    values = np.frombuffer(bytes(words), np.int64)
    per_pe, occupancy = np.split(values, [(len(CYCLE_CATEGORIES) + 1) * config.num_pe])
    *edges, blocking = per_pe.reshape(-1, config.num_pe)
    names = [category.name for category in CYCLE_CATEGORIES]
    return CycleAccount(dict(zip(names, edges, strict=True)), blocking, occupancy)
