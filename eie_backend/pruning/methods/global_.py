"""``global``: the largest weights of all layers with this method together stay."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from eie_backend.errors import RecipeError
from eie_backend.pruning.method import PruningMethod

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray


def _keep(
    weights: Mapping[str, NDArray[np.float32]], density: Mapping[str, float], _num_pe: int
) -> dict[str, NDArray[np.bool_]]:
    from eie_backend.pruning.masks import mark_largest, no_marks

    masks = {name: no_marks(values) for name, values in weights.items()}
    count = round(sum(density[name] * values.size for name, values in weights.items()))
    mark_largest([*weights.values()], [*masks.values()], count)
    if empty := [name for name, mask in masks.items() if weights[name].any() and not mask.any()]:
        raise RecipeError(
            f"recipe: method 'global' keeps no weight of {', '.join(empty)}: all larger ones are "
            "in other layers; raise the densities or give these layers method 'magnitude'"
        )
    return masks


METHOD = PruningMethod(
    name="global",
    meaning="the smallest weights of all layers together go",
    about="layers with this method and a density below 1 compete. Together they keep as many "
    "weights as their densities say, the largest of all; a layer that would lose all of them is an "
    "error.",
    keep=_keep,
    is_layerwise=False,
)
