"""`SharingMethod`: a way to find the values that a layer's weights share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eie_backend.sharing.sorted_values import SortedValues


@dataclass(frozen=True)
class SharingMethod:
    """A sharing method; a file in `eie_backend.sharing.methods` defines each as `METHOD`.

    Attributes
    ----------
    name : str
        What recipes call it.
    about : str
        Where the values lie, in Markdown, for ``docs/compression.md``.
    values : callable
        ``values(ordered, count)`` returns `count` shared values in ascending order, float64, for a
        layer's non-zero weights `ordered`, at least `count` of them different. Each weight then
        becomes the nearest. What is random draws from `SEED`.
    """

    name: str
    about: str
    values: Callable[[SortedValues, int], NDArray[np.float64]]


SEED = 0
"""Seed of what is drawn, fixed so that equal weights give equal codebooks."""
