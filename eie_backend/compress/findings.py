"""Results of trials and searches as plain data: settings, costs, tables and the search result."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import NamedTuple

from eie_backend.machine.choices import Objective
from eie_backend.recipe import Recipe


@dataclass(frozen=True)
class Setting:
    """Compression of one layer: its density, and its codebook bits (None: weights not shared)."""

    density: float = 1.0
    bits: int | None = None


Trial = Mapping[str, Setting]
"""Settings by layer; other layers are unchanged."""


class Cost(NamedTuple):
    """Bytes of the weights in a ``.eiez`` file, and the machine's cycles per sample."""

    bytes: float
    cycles: float


@dataclass(frozen=True)
class Point:
    """Settings of all layers, with the accuracy and the cost of the network."""

    trial: Trial
    accuracy: float
    cost: Cost


@dataclass(frozen=True)
class Sensitivity:
    """Accuracies with one layer compressed and all others unchanged.

    Attributes
    ----------
    accuracy : float
        Accuracy of the uncompressed network.
    densities : mapping of str to mapping of float to float
        Accuracy by layer and density, weights not shared.
    bits : mapping of str to mapping of int to float
        Accuracy by layer and bits, weights not pruned.
    """

    accuracy: float
    densities: Mapping[str, Mapping[float, float]]
    bits: Mapping[str, Mapping[int, float]]

    def loss(self, layer: str, setting: Setting) -> float:
        """Return the accuracy that a setting is expected to cost, at least 0.

        It is the largest loss of any setting on the grid that removes at most as much; losses by
        density and by bits add up.
        """
        pruned = [a for d, a in self.densities[layer].items() if d >= setting.density]
        shared = [
            a for b, a in self.bits[layer].items() if setting.bits is not None and b >= setting.bits
        ]
        worst = [min([self.accuracy, *found]) for found in (pruned, shared)]
        return sum(self.accuracy - accuracy for accuracy in worst)


@dataclass(frozen=True)
class SearchResult:
    """The result of `search`.

    Attributes
    ----------
    recipe : Recipe
        The cheapest recipe within the budget.
    best : Point
        Its settings, accuracy and cost.
    dense : Point
        The uncompressed network, in float32.
    points : tuple of Point
        All tried points with all layers compressed, in order, the best included.
    sensitivity : Sensitivity
        The sensitivity table that guided the search.
    objective : str
        The minimised value.
    least_accuracy : float
        The lowest accuracy within the budget.
    """

    recipe: Recipe
    best: Point
    dense: Point
    points: tuple[Point, ...]
    sensitivity: Sensitivity
    objective: Objective
    least_accuracy: float
