"""``best``: k-means from the best clusters of a histogram, within 0.1 % of the least error."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eie_backend.sharing.method import SharingMethod

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eie_backend.sharing.sorted_values import SortedValues


def _values(ordered: SortedValues, count: int) -> NDArray[np.float64]:
    from eie_backend.sharing.best_cuts import best_cuts
    from eie_backend.sharing.kmeans import settled
    from eie_backend.sharing.moved_cuts import moved_cuts

    return settled(ordered, ordered.means(moved_cuts(ordered, best_cuts(ordered, count))))


METHOD = SharingMethod(
    name="best",
    about="k-means, from the best clusters of a histogram, whose limits then moved among the "
    "weights",
    values=_values,
)
