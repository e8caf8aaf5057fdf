"""`Costs`: the bytes and cycles of a network, layer by layer, before it is compiled."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from eie_backend.analytical import estimate
from eie_backend.compress.findings import Cost, Setting, Trial
from eie_backend.host.network import HostNetwork
from eie_backend.search.evaluator import Evaluator
from eie_backend.search.trials import Trials, share_of_matrix
from eie_backend.storage.accounting import measure
from eie_backend.transform.constraints import UNSHARED, Candidate, why_not
from eie_backend.transform.host_matmul import Observer
from eie_backend.transform.inputs import evenly
from eie_backend.tuning.scan_cycles import scan_cycles
from eie_backend.workloads.layer import LayerShape

FLOAT_BYTES = 4

ROWS = 256
"""Approximate number of inputs of a layer that are simulated."""

MARGIN = 1.3
"""Upper bound of the analytical model's cycles over simulated cycles. The measured ratio is below
1.2 for both LeNets with 16 and 64 PEs, all densities of the grid and both methods (a test). The
ratio has no such lower bound: the model knows only the number of non-zeros, not their places."""


class Costs:
    """Costs by setting, each computed once.

    Cycles are simulated on about `ROWS` inputs of each layer, taken from the uncompressed network;
    `profile` of the compiled network gives the final number. Layers that the machine cannot run
    have no cycles.

    Parameters
    ----------
    trials : Trials
        The network, its compressed weights and the machine.
    """

    def __init__(self, trials: Trials) -> None:
        self._trials, self._config = trials, trials.config
        inputs = layer_inputs(trials.evaluator)
        self._inputs = {
            name: inputs[name]
            for name, layer in trials.layers.items()
            if why_not(Candidate(name, layer.uses[0].binding.value, self._config), UNSHARED) is None
        }
        self._present = {
            name: np.count_nonzero(trials.weights[name]) / trials.weights[name].size
            for name in self._inputs
        }
        self._bytes: dict[tuple[str, Setting], float] = {}
        self._cycles: dict[tuple[str, float], float] = {}

    def of(self, layer: str, setting: Setting) -> Cost:
        """Return the cost of a layer."""
        return Cost(self._bytes_of(layer, setting), self._cycles_of(layer, setting))

    def total(self, trial: Trial) -> Cost:
        """Return the cost of all layers that trials may name; float32 without a setting."""
        found = [self.of(name, trial.get(name, Setting())) for name in self._trials.layers]
        return Cost(sum(cost.bytes for cost in found), sum(cost.cycles for cost in found))

    def least_cycles(self, trial: Trial) -> float:
        """Return a lower bound of a trial's cycles, from densities alone, without compressing."""
        return sum(self._modelled(name, setting) for name, setting in trial.items()) / MARGIN

    def _modelled(self, layer: str, setting: Setting) -> float:
        if layer not in self._inputs:
            return 0.0
        x, vectors = self._inputs[layer]
        outputs, inputs = self._trials.weights[layer].shape
        density = share_of_matrix(setting.density, self._trials.layers[layer].groups)
        active = np.count_nonzero(x) / x.size
        # A layer's original zeros stay at density 1, and pruning counts them first.
        density = min(density, self._present[layer])
        shape = LayerShape(layer, inputs, outputs, density, active)
        return estimate(shape, self._config).cycles * vectors

    def _bytes_of(self, layer: str, setting: Setting) -> float:
        if setting.bits is None:
            return float(FLOAT_BYTES * self._trials.weights[layer].size)
        key = layer, setting
        if key not in self._bytes:
            stored = measure(self._trials.compressed(layer, setting), setting.bits)
            self._bytes[key] = sum(stored.stored_bits.values()) / 8
        return self._bytes[key]

    def _cycles_of(self, layer: str, setting: Setting) -> float:
        """Return cycles per sample; they depend on which weights are zero, not on codebook bits."""
        key = layer, setting.density
        if layer not in self._inputs:
            return 0.0
        if key not in self._cycles:
            x, vectors = self._inputs[layer]
            kept = self._trials.compressed(layer, setting) != 0
            cycles = scan_cycles(kept.view(np.uint8), _ZERO_AND_ONE, x, self._config)
            self._cycles[key] = cycles / len(x) * vectors
        return self._cycles[key]


_ZERO_AND_ONE = np.array([0, 1], np.float32)


def layer_inputs(evaluator: Evaluator) -> dict[str, tuple[NDArray[np.float32], float]]:
    """Run a network on this CPU and return the inputs of its layers.

    Returns
    -------
    mapping of str to tuple of ndarray, shape (rows, inputs), float32, and float
        For each layer about `ROWS` rows, and the number of rows per sample.
    """
    uses = [(layer, use) for layer in evaluator.layers for use in layer.uses]
    of_call: list[list[NDArray[np.float32]]] = [[] for _ in uses]

    def observer(columns: int, values: list[NDArray[np.float32]]) -> Observer:
        return lambda x: values.append(x.reshape(-1, columns).copy())

    observers = {
        use.binding.var: observer(layer.weights.shape[1], values)
        for (layer, use), values in zip(uses, of_call, strict=True)
    }
    network = HostNetwork(evaluator.module, observers)
    rng = np.random.default_rng(0)
    calls = evenly(evaluator.calls, ROWS)
    seen: dict[str, list[NDArray[np.float32]]] = {layer.name: [] for layer in evaluator.layers}
    rows = dict.fromkeys(seen, 0)
    for call in calls:
        network(*call)
        for (layer, _), values in zip(uses, of_call, strict=True):
            x = np.concatenate(values)
            values.clear()
            rows[layer.name] += len(x)
            # Choose rows at random: a convolution's rows follow the same pattern in each image.
            share = min(-(-ROWS // (len(calls) * len(layer.uses))), len(x))
            seen[layer.name].append(x[rng.choice(len(x), share, replace=False)])
    samples = evaluator.samples / len(evaluator.calls) * len(calls)
    return {name: (np.concatenate(seen[name]), rows[name] / samples) for name in seen}
