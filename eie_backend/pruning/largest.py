"""`largest`: the weights of a matrix that magnitude pruning keeps."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eie_backend.machine.nonzeros import NonZeros, map_columns, nonzeros

SAMPLE = 1 << 18
"""Size of the sample from which the threshold is estimated."""

DEVIATIONS = 5
"""Half-width of the interval around the estimate to search, in standard deviations."""


def largest(weights: NDArray[np.float32], keep: int) -> NonZeros:
    """Return the `keep` non-zero weights of largest magnitude, or all if they are fewer.

    Parameters
    ----------
    weights : ndarray, shape (outputs, inputs), float32
        In any memory order; fastest where the transposed view is C-contiguous.
    keep : int
        Number of weights to keep. Of ties, the first in the order of rows and columns are kept.

    Examples
    --------
    >>> largest(np.array([[0.5, -3], [2, 1]], np.float32), 2).values.tolist()
    [2.0, -3.0]
    """
    smallest = _smallest_kept(weights, keep)
    found = nonzeros(weights, at_least=smallest)
    surplus = found.values.size - keep
    if surplus <= 0:
        return found
    rows, cols = weights.shape
    ties = np.flatnonzero(np.abs(found.values) == smallest)
    column, row = np.divmod(found.positions[ties].astype(np.int64), rows)
    last = ties[np.argsort(row * cols + column)[ties.size - surplus :]]
    return NonZeros(found.shape, np.delete(found.positions, last), np.delete(found.values, last))


def _smallest_kept(weights: NDArray[np.float32], keep: int) -> float:
    """Return the `keep`-th largest magnitude, exactly; for 0, a value above all magnitudes.

    A sample gives two magnitudes that bracket the result. The few weights between them are
    gathered, and the weights above them are counted.
    """
    if keep == 0:
        return np.inf
    flat = weights.ravel(order="K")
    sample = np.sort(np.abs(flat[:: flat.size // SAMPLE | 1]))
    share = keep / flat.size
    guess = (1 - share) * sample.size
    margin = DEVIATIONS * np.sqrt(share * (1 - share) * sample.size) + 1
    low, high = int(guess - margin), int(guess + margin)
    between, above = _count(
        weights,
        sample[low] if low > 0 else 0.0,
        sample[high] if high < sample.size else np.inf,
    )
    if not above < keep <= above + between.size:  # the sample was not representative
        between, above = _count(weights, 0.0, np.inf)
    place = between.size - (keep - above)
    between.partition(place)
    return float(between[place])


def _count(
    weights: NDArray[np.float32], low: float, high: float
) -> tuple[NDArray[np.float32], int]:
    """Return the magnitudes in [low, high), and the number of magnitudes >= `high`."""

    def look(_start: int, part: NDArray[np.float32]) -> tuple[NDArray[np.float32], int]:
        magnitudes = np.abs(part.reshape(-1))
        above = magnitudes >= high
        inside = magnitudes >= low
        inside ^= above
        return magnitudes[np.flatnonzero(inside)], int(np.count_nonzero(above))

    in_order = weights if weights.flags.f_contiguous else weights.T
    between, above = zip(*map_columns(look, in_order), strict=True)
    return np.concatenate(between), sum(above)
