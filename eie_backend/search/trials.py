"""`Trials`: the accuracy of a network with its layers pruned and shared in some way."""

from __future__ import annotations

import json
from os import PathLike

import numpy as np
from numpy.typing import NDArray

from eie_backend.compress.findings import Setting, Trial
from eie_backend.compress.prune import kept, masked
from eie_backend.compress.share_weights import share
from eie_backend.config import HardwareConfig
from eie_backend.errors import RecipeError
from eie_backend.names.find import the_layer
from eie_backend.pruning.methods import LAYERWISE_METHODS, METHODS
from eie_backend.recipe import Recipe
from eie_backend.search.cache import Cache
from eie_backend.search.evaluator import Evaluator, Weights
from eie_backend.transform.layers import DenseLayer


class Trials:
    """Accuracies by setting, each computed once.

    Parameters
    ----------
    evaluator : Evaluator
        The network and its samples.
    weights : mapping of str to ndarray, optional
        Float weights (outputs, inputs) by layer, if not the evaluator's own layers.
    cache : path, optional
        Folder for a file with the accuracies, created with the first one. By default accuracies are
        kept only in memory.
    method : str
        Pruning method that chooses layer by layer, as in `Recipe`.
    config : HardwareConfig, optional
        The machine.

    Attributes
    ----------
    layers : mapping of str to DenseLayer
        The layers that settings may name, by these names or others that they have.
    """

    def __init__(
        self,
        evaluator: Evaluator,
        weights: Weights | None = None,
        cache: str | PathLike[str] | None = None,
        method: str = "magnitude",
        config: HardwareConfig | None = None,
    ) -> None:
        if method not in LAYERWISE_METHODS:
            raise RecipeError(
                f"method {method!r} cannot be tried layer by layer; use "
                f"{' or '.join(LAYERWISE_METHODS)}"
            )
        self.evaluator, self.method, self.config = evaluator, method, config or HardwareConfig()
        self.layers: dict[str, DenseLayer] = {
            layer.name: layer
            for layer in evaluator.layers
            if weights is None or layer.name in weights
        }
        self.weights: dict[str, NDArray[np.float32]] = {
            name: layer.weights if weights is None else weights[name]
            for name, layer in self.layers.items()
        }
        self._cache = Cache(cache, evaluator.digest(self.weights))
        self._made: dict[str, tuple[Setting, NDArray[np.float32]]] = {}

    def compressed(self, layer: str, setting: Setting) -> NDArray[np.float32]:
        """Return a layer's weights with a setting, shape (outputs, inputs)."""
        made = self._made.get(layer)
        if made is None or made[0] != setting:
            weights = self.weights[layer]
            density = share_of_matrix(setting.density, self.layers[layer].groups)
            alone = {layer: weights}, {layer: density}, {layer: self.method}
            pruned = masked(weights, kept(*alone, self.config.num_pe)[layer])
            made = setting, pruned if setting.bits is None else share(pruned, setting.bits)
            # Keep only the last one: consecutive trials differ in one layer.
            self._made[layer] = made
        return made[1]

    def accuracy(self, trial: Trial) -> float:
        """Return the network's accuracy with some layers compressed.

        Raises
        ------
        ConfigError
            If the trial names a layer that does not exist, or several by one name.
        """
        others = {name: layer.aliases for name, layer in self.layers.items()}
        trial = {the_layer(name, others): setting for name, setting in trial.items()}
        counts_pes = METHODS[self.method].counts_pes
        how = [self.method, self.config.num_pe if counts_pes else None]
        settings = {name: [s.density, s.bits] for name, s in trial.items()}
        key = json.dumps([how, settings], sort_keys=True)
        found = self._cache.get(key)
        if found is None:
            changed = {name: self.compressed(name, setting) for name, setting in trial.items()}
            found = self.evaluator.accuracy({**self.weights, **changed})
            self._cache.put(key, found)
        return found

    def keeps_one(self, layer: str, density: float) -> bool:
        """Return whether at least one weight of a layer is left at a density."""
        return round(density * self.weights[layer].size / self.layers[layer].groups) >= 1


def share_of_matrix(density: float, groups: int) -> float:
    """Return the non-zero fraction of a layer's matrix; with groups, most of it is always zero."""
    return density / groups if density < 1 else 1.0


def recipe_of(trial: Trial, method: str) -> Recipe:
    """Return the recipe with a trial's settings; all its layers must have `bits`."""
    return Recipe(
        density={name: setting.density for name, setting in trial.items()},
        bits={name: setting.bits for name, setting in trial.items() if setting.bits is not None},
        method=method,
    )
