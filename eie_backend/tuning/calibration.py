"""`calibrate`: measure the value ranges that the fixed-point formats must represent."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import ArrayLike, NDArray
from tvm import IRModule, relax

from eie_backend.errors import ModelError
from eie_backend.host.network import HostNetwork
from eie_backend.machine.epilogue import Applied
from eie_backend.machine.formats import LayerRange
from eie_backend.simulator.not_finite import count, tell
from eie_backend.transform.attributes import with_attributes
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.epilogues import epilogue_of
from eie_backend.transform.given import check_module
from eie_backend.transform.host_matmul import Observer
from eie_backend.transform.inputs import batches, check_inputs, input_specs
from eie_backend.transform.layers import DenseLayer, LayerUse, bias_of, bindings, dense_layers

Data = ArrayLike | Mapping[str, ArrayLike]

SAMPLES = "samples"
"""Note of formats that were chosen by sample inputs."""

ROWS = 4096
"""Inputs of a layer that are looked at together: those of a convolution may be many."""


def calibrate(mod: IRModule, data: Data) -> IRModule:
    """Run a module on sample data and record the largest magnitudes around every dense layer.

    Parameters
    ----------
    mod : IRModule
        A Relax module with constant weights, already compressed.
    data : array or mapping of str to array
        Samples for each input by name, or for the only input; float32, the leading dimension a
        multiple of the module's.

    Returns
    -------
    IRModule
        The module in dense form, with a `LayerRange` for each layer among its attributes.

    Raises
    ------
    InputError
        If the data does not fit the module's inputs.
    ModelError
        If the module has no function ``main``, or the inputs of a layer are NaN or infinite.

    Notes
    -----
    **Source**: design choice; the EIE paper gives no format of its 16-bit numbers. The module runs
    on TVM's LLVM backend, with NumPy's matrix product.
    """
    check_module(mod, "calibrate")
    dense = DenseForm()(mod)
    return calibrate_dense(dense, dense_layers(dense), data)


def calibrate_dense(mod: IRModule, layers: Sequence[DenseLayer], data: Data) -> IRModule:
    """Like `calibrate`, for a module in dense form whose layers are known."""
    check_module(mod, "calibrate")
    if has_branches(mod):
        raise ModelError("calibrate: `main` has control flow; calibrate its branches apart")
    seen = Ranges(layers)
    network = HostNetwork(mod, seen.observers)
    specs = input_specs(mod)
    arrays = check_inputs(specs, data)
    for batch in batches(arrays, specs):
        network(*batch)
    ranges = {name: LayerRange(*found) for name, found in seen.found.items()}
    faults = [name for name, found in seen.found.items() if not np.isfinite(found).all()]
    if faults:
        raise ModelError(
            f"calibrate: {', '.join(faults)}: NaN or infinite activations; check the data"
        )
    # What reaches no layer, as a mask of infinities may, widens no format.
    tell(count({spec.name: array for spec, array in zip(specs, arrays, strict=True)}))
    return with_attributes(mod, calibration=ranges, formats=SAMPLES)


def has_branches(mod: IRModule) -> bool:
    """Return whether a module decides while it runs what it computes."""
    return any(isinstance(binding.value, relax.If) for binding, _ in bindings(mod))


class Ranges:
    """Largest magnitudes around layers, widened by all that a `HostNetwork` computes.

    Parameters
    ----------
    layers : sequence of DenseLayer
        The layers of a module in dense form.
    finite : bool
        Leave out inputs of a layer that are NaN or infinite.

    Attributes
    ----------
    found : mapping of str to tuple of float
        The fields of a `LayerRange`, by layer.
    outputs : mapping of str to int
        How many results of each layer were seen.
    observers : mapping of relax.Var to callable
        For the network.
    """

    def __init__(self, layers: Sequence[DenseLayer], *, finite: bool = False) -> None:
        self._finite = finite
        self.found = {layer.name: (0.0,) * len(fields(LayerRange)) for layer in layers}
        self.outputs = dict.fromkeys(self.found, 0)
        self.observers = {
            use.binding.var: self._observer(layer, use) for layer in layers for use in layer.uses
        }

    def _observer(self, layer: DenseLayer, use: LayerUse) -> Observer:
        bias, ending = bias_of(use)[0], epilogue_of(use)

        def widen(values: NDArray[np.float32]) -> None:
            rows = values.reshape(-1, layer.weights.shape[1])
            if self._finite:
                rows = rows[np.isfinite(rows).all(1)]
            self.outputs[layer.name] += len(rows) * len(layer.weights)
            for first in range(0, len(rows), ROWS):
                with np.errstate(invalid="ignore", over="ignore"):  # the caller looks at it
                    seen = _magnitudes(layer.weights, bias, ending, rows[first : first + ROWS])
                # np.maximum, unlike max, keeps a NaN.
                both = np.maximum(self.found[layer.name], seen)
                self.found[layer.name] = tuple(map(float, both))

        return widen


def _magnitudes(
    weights: NDArray[np.float32],
    bias: NDArray[np.float32] | None,
    ending: Applied,
    x: NDArray[np.float32],
) -> tuple[float, ...]:
    """Return the fields of a `LayerRange` for a layer's inputs `x` (samples, inputs)."""
    positive, negative = np.zeros((1, 1), np.float32), np.zeros((1, 1), np.float32)
    for factors in (np.maximum(x, 0), np.maximum(-x, 0)):
        if factors.any():
            positive = positive + factors @ np.maximum(weights, 0).T
            negative = negative + factors @ np.maximum(-weights, 0).T
        positive, negative = negative, positive  # negative inputs swap signs
    start = np.zeros(1, np.float32) if bias is None else bias
    product = positive - negative
    total = product + start
    # In any order of summation, a partial sum lies between the sum of all negative products and
    # the sum of all positive ones.
    partial = np.maximum(positive, negative) + np.abs(start)
    seen = (x, partial, product, total, ending.of_floats(total))
    return tuple(float(np.abs(values).max(initial=0.0)) for values in seen)
