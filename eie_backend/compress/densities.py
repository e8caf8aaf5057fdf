"""`target_densities`: the fraction of each layer's weights that a recipe keeps."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eie_backend.compress.prune import density_of_quality, deviation
from eie_backend.errors import RecipeError
from eie_backend.files.spool import release
from eie_backend.recipe import Recipe


def target_densities(
    recipe: Recipe,
    weights: Mapping[str, NDArray[np.float32]],
    names: Mapping[str, tuple[str, ...]],
    groups: Mapping[str, int] | None = None,
    known: Sequence[str] = (),
) -> dict[str, float]:
    """Return the density of each layer, computed from its quality threshold if it has one.

    Parameters
    ----------
    recipe : Recipe
        Densities and qualities by name or pattern.
    weights : mapping of str to ndarray, shape (outputs, inputs), float32
        By layer name.
    names : mapping of str to tuple of str
        Names of each layer in a recipe: its name, its name in the model, its kind.
    groups : mapping of str to int, optional
        Groups of convolutions. Only one in `groups` of their matrix elements is a weight; the zeros
        between groups do not count.
    known : sequence of str
        Names of layers that the recipe may also name: those on the host.

    Returns
    -------
    dict of str to float
        Fraction in (0, 1] of the weights that count.

    Raises
    ------
    RecipeError
        If the recipe names layers that do not exist, gives one both a density and a quality, or
        leaves one without weights; all faults at once.
    """
    groups = groups or {}
    densities = {}
    faults = list(_unknown(recipe, names, known))
    for layer, values in weights.items():
        count = values.size // groups.get(layer, 1)
        density = recipe.density_of(*names[layer])
        quality = recipe.quality_of(*names[layer])
        if quality is not None and density < 1:
            faults.append(f"{layer} has both density {density} and quality {quality}: give one")
        elif quality is not None:
            density = density_of_quality(values, quality, groups.get(layer, 1))
            if density == 0:
                most = np.abs(values).max() / deviation(values, groups.get(layer, 1))
                faults.append(
                    f"{layer}: quality {quality} keeps none of {count} weights; give at most "
                    f"{np.floor(100 * most) / 100:.2f}"
                )
        elif count and round(density * count) == 0:
            faults.append(
                f"{layer}: density {density} keeps none of {count} weights; give at least "
                f"{1 / count:.2g}"
            )
        release(values)
        densities[layer] = density
    if faults:
        raise RecipeError(f"recipe: {'; '.join(faults)}")
    return densities


def _unknown(
    recipe: Recipe, names: Mapping[str, tuple[str, ...]], known: Sequence[str]
) -> Iterator[str]:
    own = [name for called in names.values() for name in called[:2]]
    if unused := recipe.unused_patterns([*dict.fromkeys([*own, *known])]):
        others = (name for name in known if name not in own)
        layers = dict.fromkeys([*(called[1] for called in names.values()), *others])
        yield (
            f"no layer is called {', '.join(map(repr, unused))}; the layers are "
            f"{', '.join(layers) or 'none'}"
        )
