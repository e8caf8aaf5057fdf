"""`busy_cycles`: the cycles that PEs with finite queues take for the broadcast columns.

A PE takes its columns one after another, and column n waits until every PE has popped column
n - room. The last pop is therefore the longest path through a grid of columns and PEs:
along a PE it costs the entries of the columns, and a jump to another PE leaves ``room``
columns out and costs `REFILL_EDGES`. Nobody knows the mean of such a longest path in closed form;
two estimates of it lie on either side:

low
    Paths whose blocks between jumps have equal numbers of columns, with the number that is best on
    average. The machine's longest path is not shorter.
high
    The growth rate of the sum of exp(theta * length) over all paths, minimised over theta. By
    Jensen's inequality it is an upper bound of the mean of the longest path.

Both approximate the largest of P sums of n columns by the minimum over theta of
(h + n * log M(theta)) / theta. M is the moment generating function of a column, and h = z**2 / 2,
where z is the mean of the largest of P standard normals. Sums of many columns then have the normal
extreme.
"""

from __future__ import annotations

from collections.abc import Sequence
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from eie_backend.analytical.slices import Slice
from eie_backend.machine.timing import REFILL_EDGES

Grid = NDArray[np.float64]

STEPS: Grid = np.linspace(0.0, 1.0, 64)
LARGEST_THETA = 30.0
"""Largest theta; there the largest of P columns has an error of h / 30, at most 1/4 edge."""

NEWTON_STEPS = 4
SMALL = 1e-12
HUGE = 1e9
"""Replaces a moment that does not exist; its square must not overflow."""


def normal_extreme(count: int) -> float:
    """Return the mean of the largest of `count` standard normals (Blom, 1958).

    Examples
    --------
    >>> round(normal_extreme(64), 2)
    2.34
    """
    return NormalDist().inv_cdf((count - 0.375) / (count + 0.25))


def busy_cycles(
    slices: Sequence[tuple[int, Slice]], columns: int, room: int, scan: float
) -> tuple[float, float, float]:
    """Return low and high estimates of the edges from the first pop to the end of the last column.

    Parameters
    ----------
    slices : sequence of tuple of int and Slice
        Pairs of a number of PEs and their slice; slices with more rows first.
    columns : int
        Columns broadcast, at least 1.
    room : int
        Most columns that a queue holds.
    scan : float
        Mean edges from a broadcast to the next when no queue is full.

    Returns
    -------
    tuple of float
        Low, high, and the expected entries of a single column in the PE that has most.
    """
    counts = np.array([[float(count)] for count, _ in slices])
    total = int(counts.sum())
    # Take all PEs, and also those with more rows alone, which are slower over many columns.
    extremes = [normal_extreme(total), normal_extreme(slices[0][0])]
    h = np.array([[max(z * z / 2, SMALL)] for z in extremes[: len(slices)]])
    variance = max(SMALL, *(one.variance for _, one in slices))
    # Half the theta of the normal extreme of all columns; the optimum is never smaller.
    smallest = min(np.sqrt(h[0, 0] / (2 * columns * variance)), 1.0)
    theta = smallest * (LARGEST_THETA / smallest) ** STEPS
    each = _log_moments([one for _, one in slices], theta, room == 1)
    if len(slices) > 1:
        top = each.max(axis=0)
        mixed = top + np.log((counts / total * np.exp(each - top)).sum(axis=0))
        each = np.stack([mixed, each[0]])
    one_column = (h + each) / theta
    blocks = (columns + room) / (1 + room) * (one_column + REFILL_EDGES) - REFILL_EDGES
    low = np.maximum((h + columns * each) / theta, blocks).min(axis=1).max()
    growth = _growth(each, theta * scan, h + REFILL_EDGES * theta, room + 1)
    high = ((h + columns * growth) / theta).min(axis=1).max()
    # A queue of one column takes the next no sooner than so many edges after the last.
    least = REFILL_EDGES * (columns - 1) / room + 1
    return max(float(low), least), max(float(high), least), float(one_column.min(axis=1).max())


def _log_moments(slices: Sequence[Slice], theta: Grid, handshake: bool) -> Grid:
    """Return log E exp(theta * s), where s = max(L, 1), or max(L, 2) with a queue of one column.

    L has the mean and variance of a slice. Its distribution is binomial if the variance is below
    the mean, and negative binomial if above. P(L = 0) and P(L = 1) are those of the slice.
    """

    def column(values: Sequence[float]) -> Grid:
        return np.array(values)[:, None]

    share, trials = (
        column(values) for values in zip(*(one.binomial for one in slices), strict=True)
    )
    empty = column([one.empty for one in slices])
    growth = np.expm1(theta)
    inner = share * growth
    exists = inner > -1
    moments: Grid = np.where(exists, trials * np.log1p(np.where(exists, inner, 0.0)), HUGE)
    if handshake:
        single = column([one.single for one in slices])
        more = empty * np.expm1(2 * theta) + single * growth * (growth + 1)
    else:
        more = empty * growth
    moments += np.log1p(more * np.exp(-np.minimum(moments, 700.0)))
    return moments


def _growth(each: Grid, scan: Grid, jump: Grid, span: int) -> Grid:
    """Return x with (1 - exp(each - x)) (1 - exp(scan - x)) = exp(jump + each - span * x).

    The left side comes from the sums over columns of a PE and of the scan. The solver is Newton's
    method on the logarithm, which is concave, from below.
    """
    base: Grid = np.maximum(each, scan)
    level = jump + each - span * base
    start = np.exp(np.minimum(level, 50.0))
    x = np.maximum(np.maximum(start / (1 + span * start), level / span), SMALL)
    of_pe, of_scan = np.exp(each - base), np.exp(scan - base)
    for _ in range(NEWTON_STEPS):
        decay = np.exp(-x)
        pe, ccu = decay * of_pe, decay * of_scan
        value = np.log((1 - pe) * (1 - ccu)) - level + span * x
        slope = pe / (1 - pe) + ccu / (1 - ccu) + span
        x = np.maximum(x - value / slope, SMALL)
    base += x
    return base
