"""``density``: k-means from the weights' quantiles."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eie_backend.sharing.method import SharingMethod

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eie_backend.sharing.sorted_values import SortedValues


def _values(ordered: SortedValues, count: int) -> NDArray[np.float64]:
    import numpy as np

    from eie_backend.sharing.kmeans import settled

    middles = (2 * np.arange(count) + 1) * ordered.values.size // (2 * count)
    return settled(ordered, ordered.values[middles].astype(np.float64))


METHOD = SharingMethod(
    name="density",
    about="k-means, from values evenly in number of weights, at quantiles",
    values=_values,
)
