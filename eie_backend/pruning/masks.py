"""`mark_largest`: the weights of largest magnitude of one or several matrices, as masks."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray


def mark_largest(
    weights: Sequence[NDArray[np.float32]], masks: Sequence[NDArray[np.bool_]], count: int
) -> None:
    """Set `masks` at the `count` largest magnitudes of all `weights`; of ties, at the first."""
    spare = sum(values.size for values in weights) - count
    if spare <= 0 or count == 0:
        for mask in masks:
            mask[...] = count > 0
        return
    magnitudes = np.concatenate([np.abs(values).ravel(order="K") for values in weights])
    magnitudes.partition(spare)
    smallest = magnitudes[spare]
    del magnitudes
    for values, mask in zip(weights, masks, strict=True):
        np.greater(np.abs(values), smallest, out=mask)
    missing = count - sum(np.count_nonzero(mask) for mask in masks)
    for values, mask in zip(weights, masks, strict=True):
        ties = np.flatnonzero(np.abs(values) == smallest)[:missing]
        mask[np.unravel_index(ties, mask.shape)] = True
        missing -= ties.size


def no_marks(weights: NDArray[np.float32]) -> NDArray[np.bool_]:
    """Return a mask of a matrix, in its memory order, that is set nowhere."""
    return np.zeros_like(weights, bool)
