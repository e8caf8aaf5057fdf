"""The simulator's engines: three ways to execute the same program.

============== ========================================================= ======================
engine         how                                                       gives
============== ========================================================= ======================
``functional`` values only                                               outputs, loads,
                                                                         saturations
``event``      cycles from a recurrence over (broadcast column, PE)      everything
``clock``      every unit stepped edge by edge; slow, the reference      everything
============== ========================================================= ======================

All three give the same outputs to the bit. ``event`` and ``clock`` give the same cycles, counters
and account of cycles; ``functional`` leaves these 0.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig
from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES


class CycleAccount(NamedTuple):
    """Account of every cycle of every PE; see ``docs/cycles.md``.

    Attributes
    ----------
    breakdown : mapping of str to ndarray, shape (P,), int64
        Edges of each PE by category; their total is cycles x P.
    blocking : ndarray, shape (P,), int64
        Edges at which a broadcast stalled while this PE's queue was full.
    queue_occupancy : ndarray, shape (queue_columns + 1,), int64
        PE edges after which an activation queue held 0, 1, ... columns; their total is cycles x P.
    """

    breakdown: Mapping[str, NDArray[np.int64]]
    blocking: NDArray[np.int64]
    queue_occupancy: NDArray[np.int64]


def read_account(words: Any, config: HardwareConfig) -> CycleAccount:
    """Decode the account from the bytes that the runtime returns."""
    values = np.frombuffer(bytes(words), np.int64)
    per_pe, occupancy = np.split(values, [(len(CYCLE_CATEGORIES) + 1) * config.num_pe])
    *edges, blocking = per_pe.reshape(-1, config.num_pe)
    names = [category.name for category in CYCLE_CATEGORIES]
    return CycleAccount(dict(zip(names, edges, strict=True)), blocking, occupancy)
