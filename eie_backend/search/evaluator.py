"""`Evaluator`: the accuracy of a network with other weights, without recompiling it."""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Mapping
from typing import Any

import numpy as np
import tvm
from numpy.typing import ArrayLike, NDArray
from tvm import IRModule
from tvm_ffi import structural_hash

from eie_backend._versions import __version__
from eie_backend.errors import ModelError
from eie_backend.host.network import HostNetwork
from eie_backend.simulator.labels import check_count, check_labels
from eie_backend.simulator.not_finite import count, tell
from eie_backend.transform.attributes import with_attributes
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.host_layers import for_machine
from eie_backend.transform.inputs import as_array, batches, check_inputs, input_specs
from eie_backend.transform.layers import DenseLayer, as_tensor, dense_layers, is_host_function
from eie_backend.tuning.calibration import Data

Weights = Mapping[str, NDArray[np.float32]]
"""Weights (outputs, inputs) by layer."""

Metric = Callable[[NDArray[Any], NDArray[Any]], float]
"""Function of a model's first result (samples, ...) and the labels (samples, ...)."""


def top1(scores: NDArray[Any], labels: NDArray[Any]) -> float:
    """Return the share of samples whose largest score is at the label.

    Examples
    --------
    >>> top1(np.array([[0.1, 0.9], [0.8, 0.2]]), np.array([1, 1]))
    0.5
    """
    return float(np.mean(scores.argmax(axis=-1) == labels))


class Evaluator:
    """A network compiled for this CPU, with the weights of its layers as inputs.

    Parameters
    ----------
    mod : IRModule
        A Relax module with constant weights. Convolutions are computed directly, not by Winograd's
        algorithm, so that each has the weights that it has in the model.
    data : array or mapping of str to array
        Samples as for `calibrate`.
    labels : array_like, shape (samples,), integers
        The class of each sample; a custom `metric` may take other labels, one per sample.
    metric : callable, optional
        ``metric(scores, labels)`` of all samples; top-1 accuracy by default. Larger is better.

    Attributes
    ----------
    layers : tuple of DenseLayer
        The layers, in order of first use, without those that a recipe keeps on the host.
    calls : list of list of ndarray
        The inputs of each call of `main`.
    samples : int
        Number of labels.
    module : IRModule
        The module in dense form.

    Raises
    ------
    InputError
        If data or labels do not fit the model; all faults of one kind at once.
    ModelError
        If the module has no dense layers, or a result that top-1 accuracy cannot read.
    """

    def __init__(
        self, mod: IRModule, data: Data, labels: ArrayLike, metric: Metric | None = None
    ) -> None:
        normal = DenseForm()(with_attributes(mod, winograd="never"))
        specs = input_specs(normal)
        arrays = check_inputs(specs, data)
        tell(count({spec.name: array for spec, array in zip(specs, arrays, strict=True)}))
        self.calls = list(batches(arrays, specs))
        self._labels = as_array(labels)
        self._metric = metric or top1
        shape = _result_shape(normal)
        if metric is None and len(shape) != 2:
            raise ModelError(
                f"the model's first result has shape {shape}; top-1 accuracy takes "
                "(samples, classes): give a metric of your own"
            )
        leading = [a.shape[0] for a in arrays if a.ndim]
        # A call's result has one row per sample.
        self.samples = len(self.calls) * shape[0] if shape else max(leading, default=1)
        if metric is None:
            check_labels(self._labels, self.samples, (self.samples, shape[1]))
        else:
            check_count(self._labels, self.samples)
        self.module = normal
        self.layers = _own_layers(normal)
        weights = {f"{layer.name}_weights": layer.operand for layer in self.layers}
        self._network = HostNetwork(normal, weights=weights)

    def scores(self, weights: Weights) -> NDArray[Any]:
        """Return the model's first result for all samples; layers not in `weights` keep theirs."""
        given = [
            as_tensor(weights[layer.name].T) if layer.name in weights else layer.operand.value
            for layer in self.layers
        ]
        parts = []
        for call in self.calls:
            # Copy, because the next call reuses the memory.
            parts.append(self._network(*call, *given)[0].copy())
        return np.concatenate(parts) if parts[0].ndim else np.array(parts)

    def accuracy(self, weights: Weights) -> float:
        """Return the metric of the network with other weights; 0 to 1 for top-1 accuracy."""
        return self.judge(self.scores(weights))

    def judge(self, scores: NDArray[Any]) -> float:
        """Return the metric of results for all samples, computed here or elsewhere."""
        return float(self._metric(scores, self._labels))

    def digest(self, weights: Weights) -> str:
        """Return the SHA-256, as hex, of what the accuracy depends on when `weights` are changed.

        That is the network, those weights, samples, labels, the metric's name and eie's version.
        """
        found = hashlib.sha256(f"{__version__} {structural_hash(self.module)}".encode())
        for name, matrix in weights.items():
            found.update(name.encode())
            found.update(np.ascontiguousarray(matrix).data)
        for values in (*(value for call in self.calls for value in call), self._labels):
            found.update(f"{values.dtype}{values.shape}".encode())
            found.update(np.ascontiguousarray(values).tobytes())
        found.update(getattr(self._metric, "__qualname__", type(self._metric).__name__).encode())
        return found.hexdigest()


def _own_layers(mod: IRModule) -> tuple[DenseLayer, ...]:
    layers = tuple(
        layer
        for layer in for_machine(mod, dense_layers(mod))
        if all(is_host_function(use.function) for use in layer.uses)
    )
    if not layers:
        raise ModelError(
            "the model has no dense layer or convolution with constant weights; give one that has"
        )
    return layers


def _result_shape(mod: IRModule) -> tuple[int, ...]:
    """Return the shape of a module's first result."""
    result = mod["main"].ret_ty
    if isinstance(result, tvm.ir.TupleType):
        result = result.fields[0]
    return tuple(int(extent) for extent in result.shape.values)
