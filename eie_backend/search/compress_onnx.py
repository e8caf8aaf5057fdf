"""`OnnxCompression`: compress the weights of an ONNX model, with accuracies on labelled data."""

from __future__ import annotations

import warnings
from collections.abc import Iterable, Mapping
from os import PathLike

import numpy as np
from numpy.typing import ArrayLike, NDArray
from onnx import ModelProto, numpy_helper

from eie_backend.compress.densities import target_densities
from eie_backend.compress.guards import guard
from eie_backend.compress.prune import kept, masked
from eie_backend.compress.report import ReportedStep
from eie_backend.compress.share_weights import share
from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError, ModelWarning, RecipeError
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.floats import HALVES, as_float32
from eie_backend.frontend.onnx import from_onnx
from eie_backend.frontend.onnx_weights import matrices, onnx_layers, with_matrices
from eie_backend.recipe import Recipe
from eie_backend.search.evaluator import Evaluator
from eie_backend.search.trials import Trials, share_of_matrix
from eie_backend.storage.accounting import LayerStorage, measure
from eie_backend.transform.layers import DenseLayer, new_like
from eie_backend.tuning.calibration import Data

ON_HOST = "the recipe keeps it on the host"

Weights = dict[str, NDArray[np.float32]]


class OnnxCompression:
    """An ONNX model whose weights are compressed in place, in its initializers.

    Trials run on a module that is imported with weights already shared, so it has the form of the
    compressed model. Batch norms after a layer are not folded, and a convolution does not use
    Winograd products, because both would change its weights.

    Parameters
    ----------
    model : ModelProto
        The model; it is not changed.
    data, labels
        As for `Evaluator`.
    bind : mapping of str to int, optional
        As for `from_onnx`.
    config : HardwareConfig, optional
        The machine.
    method : str
        Pruning method of a search, which chooses layer by layer.
    cache : path, optional
        As for `Trials`.
    label : str
        What errors call the model.
    bind_values : mapping of str to array_like, optional
        As for `from_onnx`.

    Attributes
    ----------
    trials : Trials
        Trials of the network with the model's weights, for `search_trials`.
    unchanged : dict of str to str
        Layers that cannot be compressed in the model, and why.

    Raises
    ------
    ModelError
        If no layer can be compressed.
    """

    def __init__(
        self,
        model: ModelProto,
        data: Data,
        labels: ArrayLike,
        bind: Mapping[str, int] | None = None,
        config: HardwareConfig | None = None,
        method: str = "magnitude",
        cache: str | PathLike[str] | None = None,
        label: str = "model",
        bind_values: Mapping[str, ArrayLike] | None = None,
        *,
        verify: bool = True,
    ) -> None:
        config = config or HardwareConfig()
        self.model = _in_float32(model, label)
        self._found = onnx_layers(self.model)
        floats = matrices(self.model, self._found)
        shared = {name: share(values, config.codebook_bits) for name, values in floats.items()}

        def evaluator_with(names: Iterable[str], verify: bool) -> Evaluator:
            few = {name: shared[name] for name in names}
            template = with_matrices(self.model, self._found, few)
            imported = from_onnx(
                template, bind, bind_values=bind_values, samples=data, verify=verify, label=label
            )
            return Evaluator(imported, data, labels)

        evaluator = evaluator_with(shared, verify)
        own = [
            layer.name
            for layer in evaluator.layers
            if layer.name in shared and np.array_equal(layer.weights, shared[layer.name])
        ]
        if own and len(own) < len(shared):
            # Other layers keep their weights.
            evaluator = evaluator_with(own, verify=False)
        self.unchanged = {
            layer.name: "its weights are no initializer of its own, or something is folded into it"
            for layer in evaluator.layers
            if layer.name not in own
        }
        if not own:
            raise ModelError(
                f"{label}: no layer can be compressed: "
                + "; ".join(f"{name}: {why}" for name, why in self.unchanged.items())
                + "; export the model with the weights as initializers"
            )
        weights = {name: _as_inputs(values) for name, values in floats.items() if name in own}
        self.trials = Trials(evaluator, weights, cache, method, config)

    def apply(self, recipe: Recipe) -> tuple[ModelProto, list[ReportedStep]]:
        """Return the compressed model, and the steps with their accuracies.

        Raises
        ------
        RecipeError
            If the recipe names layers that do not exist, leaves one without weights, or keeps all
            on the host.
        GuardError
            If a step made zeros non-zero, or left too many different values.
        """
        trials = self.trials
        recipe = recipe.for_layers(trials.layers.values())
        known = [name for layer in trials.layers.values() for name in layer.names[:2]]
        layers = self._compressed(recipe)
        if not layers:
            raise RecipeError("recipe: all layers stay on the host; leave one to the machine")
        weights = {name: trials.weights[name] for name in layers}
        names = {name: layer.names for name, layer in layers.items()}
        groups = {name: layer.groups for name, layer in layers.items()}
        density = target_densities(recipe, weights, names, groups, known)
        method = {name: recipe.method_of(*called) for name, called in names.items()}
        bits = {name: recipe.bits_of(*called) for name, called in names.items()}
        shares = {name: share_of_matrix(value, groups[name]) for name, value in density.items()}
        masks = kept(weights, shares, method, trials.config.num_pe)
        pruned = {name: masked(weights[name], mask) for name, mask in masks.items()}
        shared = {
            name: share(values, bits[name], recipe.initialization_of(*names[name]))
            for name, values in pruned.items()
        }
        steps = [ReportedStep("float", trials.accuracy({}))]
        before, whole = weights, trials.weights
        for step, after, limits in (("prune", pruned, None), ("share", shared, bits)):
            drift = {row.layer: row.relative_error for row in guard(step, before, after, limits)}
            accuracy = trials.evaluator.accuracy({**whole, **after})
            steps.append(ReportedStep(step, accuracy, drift))
            before = after
        return with_matrices(self.model, self._found, shared), steps

    def weights(self, model: ModelProto) -> Weights:
        """Return the weights (outputs, inputs) of a model's layers that can be compressed."""
        found = matrices(model, self._found)
        return {name: found[name] for name in self.trials.layers}

    def left_out(self, recipe: Recipe) -> dict[str, str]:
        """Return the layers that are not compressed, and why; a recipe may keep some as they are.

        The recipe has the layers' own names.
        """
        own = self._compressed(recipe)
        kept_there = dict.fromkeys((n for n in self.trials.layers if n not in own), ON_HOST)
        return {**self.unchanged, **kept_there}

    def _compressed(self, recipe: Recipe) -> dict[str, DenseLayer]:
        """Return the layers that a recipe leaves to the machine."""
        return {
            name: layer
            for name, layer in self.trials.layers.items()
            if recipe.runs_on_of(*layer.names) == "machine"
        }

    def storage(self, model: ModelProto, recipe: Recipe) -> dict[str, LayerStorage]:
        """Return the storage of each compressed layer of a model, in the layout of its tensor."""
        tensors = {tensor.name: tensor for tensor in model.graph.initializer}
        recipe, sizes = recipe.for_layers(self.trials.layers.values()), {}
        layers = self._compressed(recipe)
        for layer in self._found:
            if layer.name in layers:
                names = layers[layer.name].names
                bias = tensors.get(layer.bias)
                sizes[layer.name] = measure(
                    numpy_helper.to_array(tensors[layer.tensor]),
                    recipe.bits_of(*names),
                    recipe.index_bits_of(*names),
                    None if bias is None else numpy_helper.to_array(bias),
                )
        return sizes


def _in_float32(model: ModelProto, label: str) -> ModelProto:
    """Return a model with weights as the machine has them; tell if they were in half precision."""
    if not any(tensor.data_type in HALVES for tensor in model.graph.initializer):
        return model
    copy = ModelProto()
    copy.CopyFrom(model)
    for note in as_float32(copy, Context()):
        warnings.warn(ModelWarning(f"{label}: {note}"), stacklevel=3)
    return copy


def _as_inputs(weights: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return weights in the memory order of the multiplication, which then needs no copy."""
    copied = new_like(weights)
    copied[...] = weights
    return copied
