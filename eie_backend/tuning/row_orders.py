"""Candidate orders of a layer's outputs that may balance the load of the PEs."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import HardwareConfig

WINDOW_QUEUES = 4
"""Broadcasts per window in which work is balanced, in queue lengths; a full queue stalls."""


def row_orders(
    stored: NDArray[np.bool_], activity: NDArray[np.float32], config: HardwareConfig
) -> Mapping[str, NDArray[np.int64]]:
    """Return candidate orders by name; each balances a different measure of work.

    Parameters
    ----------
    stored : ndarray, shape (outputs, inputs), bool
        True where the layer has a weight; inputs in the order in which they are broadcast.
    activity : ndarray, shape (inputs,), float32
        Fraction of samples in which each input is not zero.
    config : HardwareConfig
        The machine.

    Returns
    -------
    mapping of str to ndarray, shape (outputs,), int64
        ``weights`` counts every weight once. ``windows`` weighs a weight by how often its input is
        broadcast, and balances each window of `WINDOW_QUEUES` queue lengths separately.

    Notes
    -----
    **Source**: design choice.
    """
    before = np.cumsum(activity) - activity
    window = (before // (WINDOW_QUEUES * config.fifo_depth)).astype(np.int64)
    starts = np.flatnonzero(np.diff(window, prepend=-1))
    spans = zip(starts, [*starts[1:], len(activity)], strict=True)
    # One window at a time: the whole layer as float32 would double a large model's memory.
    work = np.stack([stored[:, a:b] @ activity[a:b] for a, b in spans], axis=1)
    count = np.count_nonzero(stored, axis=1).astype(np.float32)
    return {"weights": spread(count[:, None], config), "windows": spread(work, config)}


def spread(work: NDArray[np.float32], config: HardwareConfig) -> NDArray[np.int64]:
    """Return an order of rows that gives the PEs of each output block similar sums of work.

    Rows are placed in order of decreasing work, each in the PE whose load has the smallest scalar
    product with the row's work: the greedy step for the sum of squares of all loads. With one
    column of work this is longest-processing-time-first scheduling. Heavy rows come first in a PE,
    so that long runs of zeros come last in a column, where they need no padding.

    Parameters
    ----------
    work : ndarray, shape (rows, parts), float32
        Work of each row, in parts that are balanced separately.
    config : HardwareConfig
        The machine; its number of PEs and registers determines which rows a PE holds.

    Examples
    --------
    >>> two_pes = HardwareConfig(num_pe=2)
    >>> work = np.array([[9], [1], [8], [2]], np.float32)  # 17 and 3
    >>> order = spread(work, two_pes)
    >>> work[order].ravel().tolist()  # 9 + 1 and 8 + 2
    [9.0, 8.0, 1.0, 2.0]
    """
    block, within = np.divmod(np.arange(len(work)), config.block_values)
    _, owner = np.unique(block * config.num_pe + within % config.num_pe, return_inverse=True)
    places = [np.flatnonzero(owner == one).tolist() for one in range(owner.max() + 1)]
    load = np.zeros((len(places), work.shape[1]), np.float32)
    taken = np.zeros(len(places), np.int64)
    full = np.zeros(len(places), np.float32)
    order = np.empty(len(work), np.int64)
    for row in np.argsort(-work.sum(axis=1), kind="stable"):
        pe = int(np.argmin(load @ work[row] + full))
        order[places[pe][taken[pe]]] = row
        load[pe] += work[row]
        taken[pe] += 1
        if taken[pe] == len(places[pe]):
            full[pe] = np.inf
    return order
