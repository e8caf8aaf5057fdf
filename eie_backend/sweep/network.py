"""`Network`: a sweep's model, with cycle and energy estimates of the analytical model."""

from __future__ import annotations

from collections.abc import Mapping
from functools import cached_property

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tvm import IRModule

from eie_backend.analytical import estimate
from eie_backend.compress.densities import target_densities
from eie_backend.config import HardwareConfig
from eie_backend.frontend.onnx import from_onnx
from eie_backend.machine.choices import Arithmetic
from eie_backend.recipe import Recipe
from eie_backend.search.costs import layer_inputs
from eie_backend.search.evaluator import Evaluator
from eie_backend.search.trials import share_of_matrix
from eie_backend.simulator.not_finite import count, tell
from eie_backend.transform.inputs import check_inputs, input_specs
from eie_backend.tuning.calibration import Data
from eie_backend.workloads.layer import LayerShape


class Network:
    """A model with its samples.

    Parameters
    ----------
    model : bytes
        An ONNX model.
    bind : mapping of str to int
        Values of dynamic dimensions.
    data, labels
        As for `Evaluator`.
    label : str
        What errors call the model.
    bind_values : mapping of str to array_like, optional
        Values of inputs that are constants.

    Attributes
    ----------
    module : IRModule
        The imported model.
    """

    def __init__(
        self,
        model: bytes,
        bind: Mapping[str, int],
        data: Data,
        labels: NDArray[np.generic],
        label: str = "model",
        bind_values: Mapping[str, ArrayLike] | None = None,
        *,
        verify: bool = True,
    ) -> None:
        self.module: IRModule = from_onnx(
            model, bind, bind_values=bind_values, samples=data, verify=verify, label=label
        )
        self._data, self._labels = data, labels

    def estimate(
        self, config: HardwareConfig, recipe: Recipe, arithmetic: Arithmetic
    ) -> tuple[float, float]:
        """Return cycles and picojoule per sample, from sizes and densities alone.

        Raises
        ------
        RecipeError
            If the recipe does not fit the model.
        """
        recipe = recipe.for_layers(self.evaluator.layers)
        known = [name for layer in self.evaluator.layers for name in layer.names[:2]]
        layers = [
            one for one in self.evaluator.layers if recipe.runs_on_of(*one.names) == "machine"
        ]
        weights = {layer.name: layer.weights for layer in layers}
        groups = {layer.name: layer.groups for layer in layers}
        names = {layer.name: layer.names for layer in layers}
        cycles = picojoules = 0.0
        for name, density in target_densities(recipe, weights, names, groups, known).items():
            present, active, vectors = self._shares[name]
            # A layer's original zeros stay at density 1, and pruning counts them first.
            share = min(share_of_matrix(density, groups[name]), present)
            outputs, inputs = weights[name].shape
            found = estimate(LayerShape(name, inputs, outputs, share, active), config, arithmetic)
            cycles += found.cycles * vectors
            picojoules += sum(found.energy_pj.values()) * vectors
        return cycles, picojoules

    def check(self) -> None:
        """Check that the samples fit the model.

        Raises
        ------
        InputError, ModelError
            As for `Evaluator`.
        """
        _ = self.evaluator

    def check_inputs(self, data: Data) -> None:
        """Check that other samples fit the model, and tell of values that are not finite.

        Workers calibrate with them, and tell nobody.

        Raises
        ------
        InputError
            If they do not.
        """
        specs = input_specs(self.module)
        arrays = check_inputs(specs, data)
        tell(count({spec.name: array for spec, array in zip(specs, arrays, strict=True)}))

    @cached_property
    def evaluator(self) -> Evaluator:
        """The model on this CPU, in float32."""
        return Evaluator(self.module, self._data, self._labels)

    @cached_property
    def _shares(self) -> dict[str, tuple[float, float, float]]:
        """For each layer, the densities of weights and inputs, and the input vectors per sample."""
        inputs = layer_inputs(self.evaluator)
        return {
            layer.name: (
                np.count_nonzero(layer.weights) / layer.weights.size,
                np.count_nonzero(inputs[layer.name][0]) / inputs[layer.name][0].size,
                inputs[layer.name][1],
            )
            for layer in self.evaluator.layers
        }
