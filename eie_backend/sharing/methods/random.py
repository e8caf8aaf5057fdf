"""``random``: k-means from weights that are drawn."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eie_backend.sharing.method import SEED, SharingMethod

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eie_backend.sharing.sorted_values import SortedValues


def _values(ordered: SortedValues, count: int) -> NDArray[np.float64]:
    import numpy as np

    from eie_backend.sharing.kmeans import settled

    first = np.append(True, ordered.values[1:] != ordered.values[:-1])
    drawn = np.random.default_rng(SEED).choice(np.flatnonzero(first), count, replace=False)
    return settled(ordered, ordered.values[np.sort(drawn)].astype(np.float64))


METHOD = SharingMethod(
    name="random",
    about="k-means, from different weights, drawn with a fixed seed",
    values=_values,
)
