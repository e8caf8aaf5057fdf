"""``linear``: k-means from evenly spaced values."""

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

    least, largest = ordered.values[0], ordered.values[-1]
    return settled(ordered, np.linspace(least, largest, count, dtype=np.float64))


METHOD = SharingMethod(
    name="linear",
    about="k-means, from values evenly between the least and the largest weight",
    values=_values,
)
