"""The result of `retrain`: the model and a record of every step."""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from torch import nn

from eie_backend.compress.torch.layers import find_layers
from eie_backend.recipe import Recipe

if TYPE_CHECKING:
    from eie_backend.compress.report import CompressionReport


@dataclass(frozen=True)
class LayerState:
    """Statistics of a layer's weights after a step.

    Parameters
    ----------
    weights, nonzero : int
        Number of weights and of those that are not zero.
    bits, values : int or None
        Codebook bits, and number of different weights, zero included; None before weights are
        shared.
    drift : float
        Distance from the given model's weights, relative to their Euclidean norm.
    """

    weights: int
    nonzero: int
    bits: int | None
    values: int | None
    drift: float

    @property
    def density(self) -> float:
        """Fraction of weights that are not zero."""
        return self.nonzero / self.weights


@dataclass(frozen=True)
class RetrainingStep:
    """A step of retraining: "start", "prune 1", "prune 2", ..., "share".

    Parameters
    ----------
    name : str
        The step's name.
    accuracy_before, accuracy : float or None
        Accuracy by ``evaluate`` after pruning or sharing but before the step's training, and after
        training; None without ``evaluate``.
    losses : list of float
        Mean loss over the batches of every epoch.
    layers : dict of str to LayerState
        By the name of the layer, as `from_pytorch` gives it.
    seconds : float
        Time of the step, evaluation and checkpoints included. For an interrupted step, time whose
        results were lost does not count.
    """

    name: str
    accuracy_before: float | None
    accuracy: float | None
    losses: list[float]
    layers: dict[str, LayerState]
    seconds: float


@dataclass(frozen=True, eq=False)
class Result:
    """The compressed model with plain parameters, its recipe, and a record of every step."""

    model: nn.Module
    recipe: Recipe
    steps: list[RetrainingStep]

    def to_dict(self) -> dict[str, Any]:
        """Return recipe and steps as JSON-compatible data."""
        return {
            "recipe": json.loads(self.recipe.to_json()),
            "steps": [step_to_dict(step) for step in self.steps],
        }

    def report(self, samples: int) -> CompressionReport:
        """Return the report of the retrained network.

        Parameters
        ----------
        samples : int
            Number of samples over which ``evaluate`` measured the accuracies.

        Raises
        ------
        EncodingError
            If a layer's weights are no longer shared.
        """
        from eie_backend.compress.report import CompressionReport, ReportedStep
        from eie_backend.storage.accounting import measure

        bits = {name: layer.bits for name, layer in self.steps[-1].layers.items()}
        return CompressionReport(
            recipe=self.recipe,
            layers={
                layer.name: measure(layer.weight.numpy(), bits[layer.name])
                for layer in find_layers(self.model)
                if layer.name in bits
            },
            steps=tuple(
                ReportedStep(
                    step.name,
                    step.accuracy,
                    {name: layer.drift for name, layer in step.layers.items()},
                    step.accuracy_before,
                )
                for step in self.steps
            ),
            samples=samples,
        )


def step_to_dict(step: RetrainingStep) -> dict[str, Any]:
    """Return a step as JSON takes it, with the density of every layer."""
    document = asdict(step)
    for name, layer in step.layers.items():
        document["layers"][name]["density"] = layer.density
    return document


def step_from_dict(document: dict[str, Any]) -> RetrainingStep:
    """Return the step that `step_to_dict` turned into `document`."""
    layers = {
        name: LayerState(**{k: v for k, v in layer.items() if k != "density"})
        for name, layer in document["layers"].items()
    }
    return RetrainingStep(**{**document, "layers": layers})


def layer_state(
    weights: NDArray[np.float32], given: NDArray[np.float32], bits: int | None
) -> LayerState:
    """Return the state of a layer's weights, compared with those `given` at the start."""
    norm = float(np.linalg.norm(given))
    distance = float(np.linalg.norm(weights - given))
    return LayerState(
        weights=weights.size,
        nonzero=int(np.count_nonzero(weights)),
        bits=bits,
        values=None if bits is None else int(np.unique(np.append(weights, np.float32(0))).size),
        drift=distance / norm if norm else distance,
    )
