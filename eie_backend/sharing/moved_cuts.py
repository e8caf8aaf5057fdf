"""`moved_cuts`: improve all cuts between clusters together, by small moves.

Lloyd's iteration moves a cut only to the middle of its two centroids, and stops in a local minimum.
Here each cut may move to several places around it, and dynamic programming finds the best
combination.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.sharing.sorted_values import Places, SortedValues, squared_error

REACH = 8
"""Places on either side of a cut that it may move to."""

MAX_ROUNDS = 16
"""Most rounds; Lloyd's iteration does the rest."""


def moved_cuts(values: SortedValues, cuts: Places) -> Places:
    """Return cuts of no larger squared error, 0 and n included.

    In the first round a cut may move by up to an eighth of a cluster, in coarse steps. In every
    further round the steps are a quarter as long.
    """
    apart = np.maximum((cuts[2:] - cuts[:-2]) // (16 * REACH), 1)
    for _ in range(MAX_ROUNDS):
        moved = _moved(values, cuts, apart)
        if np.array_equal(moved, cuts) and apart.max(initial=1) == 1:
            break
        cuts, apart = moved, np.maximum(apart // 4, 1)
    return cuts


def _moved(values: SortedValues, cuts: Places, apart: Places) -> Places:
    """Return the best cuts among ``cuts + apart * (-REACH..REACH)``, which stay in order."""
    last = values.values.size
    inner = cuts[1:-1, None] + apart[:, None] * np.arange(-REACH, REACH + 1)
    # The first and the last cut are fixed: all their places are the same.
    ends = np.zeros_like(inner, shape=(1, inner.shape[1]))
    places = np.concatenate([ends, np.clip(inner, 0, last), ends + last])
    sums, squares = (of.reshape(places.shape) for of in values.sums_to(places.ravel()))

    def difference(of: NDArray[Any]) -> NDArray[Any]:
        of_ranges: NDArray[Any] = of[1:, None, :] - of[:-1, :, None]  # (cluster, start, stop)
        return of_ranges

    size = difference(places)
    errors = squared_error(size, difference(sums), difference(squares))
    errors[size < 0] = np.inf
    best, choices = np.zeros(places.shape[1]), []
    for error in errors:
        totals = best[:, None] + error
        choices.append(totals.argmin(axis=0))
        best = totals.min(axis=0)
    chosen = [REACH]
    for choice in reversed(choices):
        chosen.append(int(choice[chosen[-1]]))
    found: Places = places[np.arange(len(places)), chosen[::-1]]
    return found
