"""``magnitude``: the largest weights of each layer stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from eie_backend.pruning.method import PruningMethod

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    from eie_backend.machine.nonzeros import NonZeros


def _keep(
    weights: Mapping[str, NDArray[np.float32]], density: Mapping[str, float], _num_pe: int
) -> dict[str, NDArray[np.bool_]]:
    from eie_backend.pruning.masks import mark_largest, no_marks

    masks = {name: no_marks(values) for name, values in weights.items()}
    for name, values in weights.items():
        mark_largest([values], [masks[name]], round(density[name] * values.size))
    return masks


def _stays(weights: NDArray[np.float32], density: float) -> NonZeros | None:
    from eie_backend.pruning.largest import largest

    keep = round(density * weights.size)
    if keep >= weights.size:
        return None
    found = largest(weights, keep)
    return None if found.values.size < keep else found  # all others are already zero


METHOD = PruningMethod(
    name="magnitude",
    meaning="the smallest weights of each layer go",
    about="the largest of the layer. **Source**: Learning both Weights and Connections (Han et "
    "al., NIPS 2015).",
    keep=_keep,
    stays=_stays,
)
