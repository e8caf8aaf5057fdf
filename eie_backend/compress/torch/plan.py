"""`Plan`: a recipe applied to the layers of a model, checked before training starts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eie_backend.compress.densities import target_densities
from eie_backend.compress.prune import kept
from eie_backend.compress.share_weights import share
from eie_backend.compress.torch.layers import Layer
from eie_backend.compress.torch.training import Training
from eie_backend.errors import RecipeError
from eie_backend.recipe import Recipe, Schedule


@dataclass(frozen=True)
class Plan:
    """For each layer its density, schedule, method and codebook, and the steps of the run."""

    density: Mapping[str, float]
    schedule: Mapping[str, Schedule]
    method: Mapping[str, str]
    bits: Mapping[str, int]
    initialization: Mapping[str, str]
    num_pe: int
    rounds: int

    @property
    def steps(self) -> list[str]:
        """Names of the steps, in order."""
        return [*(f"prune {number}" for number in range(1, self.rounds + 1)), "share"]

    def masks(
        self, weights: Mapping[str, NDArray[np.float32]], progress: float
    ) -> dict[str, NDArray[np.bool_]]:
        """Return masks of the weights to keep after a number of rounds; zeros are not kept."""
        density = {
            name: schedule.density_at(progress, self.density[name])
            for name, schedule in self.schedule.items()
        }
        masks = kept(weights, density, self.method, self.num_pe)
        return {name: mask & (weights[name] != 0) for name, mask in masks.items()}

    def shared(self, name: str, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        """Return a layer's weights with at most ``2**bits - 1`` values that are not zero."""
        return share(weights, self.bits[name], self.initialization[name])


def make_plan(
    layers: Sequence[Layer],
    recipe: Recipe,
    training: Training,
    num_pe: int,
    known: Sequence[str] = (),
) -> Plan:
    """Return the plan of a run; `known` are the names of all layers, those on the host among them.

    Raises
    ------
    RecipeError
        If the recipe names unknown layers, keeps all on the host, leaves a layer empty, or reaches
        a layer's density only after the last round; the message names all such layers.
    """
    if not layers:
        raise RecipeError("recipe: all layers stay on the host; leave one to the machine")
    recipe = recipe.for_layers(layers)
    names = {layer.name: layer.names for layer in layers}
    weights = {layer.name: layer.matrix for layer in layers}
    density = target_densities(recipe, weights, names, known=known)
    schedules = {name: recipe.schedule_of(*called) for name, called in names.items()}
    needed = max(schedule.start + schedule.steps for schedule in schedules.values())
    rounds = needed if training.rounds is None else training.rounds
    late = [
        f"{layer.name} has density {density[layer.name]:.3g} only after round "
        f"{schedules[layer.name].start + schedules[layer.name].steps}"
        for layer in layers
        if schedules[layer.name].density_at(rounds, density[layer.name]) > density[layer.name]
        and layer.weight.count_nonzero() > round(density[layer.name] * layer.weight.numel())
    ]
    if late:
        raise RecipeError(
            f"recipe: {'; '.join(late)}, but Training.rounds is {rounds}: give more rounds or a "
            "shorter schedule"
        )
    return Plan(
        density=density,
        schedule=schedules,
        method={name: recipe.method_of(*called) for name, called in names.items()},
        bits={name: recipe.bits_of(*called) for name, called in names.items()},
        initialization={name: recipe.initialization_of(*called) for name, called in names.items()},
        num_pe=num_pe,
        rounds=rounds,
    )
