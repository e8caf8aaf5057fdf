"""`balance`: choose the order of every layer's outputs by simulated cycles."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
import tvm
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.target import Target

from eie_backend.codegen.external import machine_code
from eie_backend.codegen.library import programs
from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError
from eie_backend.host.returning import returning
from eie_backend.lower.lower_to_tir import CompositeLayer, composite_layer
from eie_backend.machine.choices import BALANCE, Arithmetic, BalanceMode
from eie_backend.machine.codebook import bias_codes, codebook_of, codes_of
from eie_backend.machine.numerics import quantize, value_bits
from eie_backend.machine.target import config_of
from eie_backend.simulator.unrecorded import untold
from eie_backend.transform.attributes import attributes, with_attributes
from eie_backend.transform.balance_rows import BalanceRows, Order, movable_layers, order_sources
from eie_backend.transform.inputs import batches, check_inputs, evenly, input_specs
from eie_backend.transform.layers import DenseLayer, constant_array, layers_of
from eie_backend.transform.partition import Partition, is_eie_function
from eie_backend.tuning.calibration import Data
from eie_backend.tuning.row_orders import row_orders
from eie_backend.tuning.scan_cycles import scan_cycles

SAMPLES = 64
"""Maximum number of inputs that are simulated per layer."""


def balance(mod: IRModule, target: Target, mode: str, data: Data | None = None) -> IRModule:
    """Reorder the outputs of the machine's layers so that they take fewer cycles.

    For each layer in turn, the order with the fewest cycles is chosen. The cycles of a layer and
    of the layers that read its outputs count together, so a module never gets slower on the
    simulated inputs.

    Parameters
    ----------
    mod : IRModule
        A prepared module: compressed, calibrated, with the attributes of code generation.
    target : Target
        The machine.
    mode : {"off", "on", "auto"}
        "auto" leaves a layer as it is unless another order is faster; "on" takes the best other
        order; "off" changes nothing.
    data : array or mapping of str to array, optional
        Samples as for `calibrate`; at most `SAMPLES` inputs of a layer are simulated, evenly
        chosen. Without data, one input without zeros.

    Returns
    -------
    IRModule
        The module with the attribute ``eie.balance``, as JSON: the mode, and for each layer the
        name of its order, the number of simulated samples, and their cycles before and after. The
        attribute ``eie.orders`` has the orders themselves, by layer, for whoever compares values.

    Raises
    ------
    ModelError
        If the mode is unknown.
    InputError
        If the data does not fit the module's inputs.
    """
    chosen = BALANCE.checked(mode, ModelError)
    if chosen == "off":
        return mod
    noted = with_attributes(mod, machine=config_of(target))
    return balance_layers(noted, layers_of(noted), chosen, data)


def balance_layers(
    mod: IRModule, layers: Sequence[DenseLayer], mode: BalanceMode, data: Data | None = None
) -> IRModule:
    """Like `balance`, for a module with its machine as an attribute, whose layers are known."""
    if mode == "off":
        return mod
    scans = _Scans.of(mod, layers, data)
    orders: dict[str, Order] = {}
    table = {}
    movable = movable_layers(layers)
    for name, x in scans.inputs.items():
        chosen = "off"
        if name in movable:
            chosen, order = scans.choose(name, orders, keep=mode == "auto")
            if chosen != "off":
                orders[name] = order
        table[name] = {"order": chosen, "samples": len(x), "cycles_off": scans.cycles(name, {})}
    for name, row in table.items():
        row["cycles"] = scans.cycles(name, orders)
    balanced: IRModule = BalanceRows(orders)(mod)
    noted = with_attributes(balanced, balance=json.dumps({"mode": mode, "layers": table}))
    told = {name: order.tolist() for name, order in orders.items()}
    return with_attributes(noted, orders=json.dumps(told)) if told else noted


@dataclass(frozen=True, eq=False)
class _Scans:
    """The machine's layers by name, in program order, with the data flow between them.

    `codes` (outputs, inputs), `codebooks` and `biases` (outputs,) are those of code generation;
    `biases` exist only with bias columns. `inputs` (samples, inputs) is the input of each layer,
    and `sources` names the layer whose output order applies to that input.
    """

    codes: Mapping[str, NDArray[np.uint8]]
    codebooks: Mapping[str, NDArray[np.float32]]
    biases: Mapping[str, NDArray[np.float32]]
    inputs: Mapping[str, NDArray[np.float32]]
    sources: Mapping[str, str]
    config: HardwareConfig

    @classmethod
    def of(cls, mod: IRModule, layers: Sequence[DenseLayer], data: Data | None) -> _Scans:
        noted = attributes(mod)
        assert noted.machine is not None
        partitioned = Partition(noted.machine)(mod)
        placed = machine_layers(partitioned, mod, layers)
        weights = {layer.name: constant_array(layer.weights).T for layer in placed}
        codebooks = {name: codebook_of(values) for name, values in weights.items()}
        column = noted.bias == "column"
        return cls(
            {name: codes_of(values, codebooks[name]) for name, values in weights.items()},
            codebooks,
            {layer.name: layer.bias for layer in placed if column and layer.bias is not None},
            observe(mod, layers, data) if data is not None else _ones(placed),
            order_sources(layers),
            noted.machine,
        )

    def choose(self, name: str, orders: Mapping[str, Order], *, keep: bool) -> tuple[str, Order]:
        """Return the best order of a layer's outputs and its name, given earlier layers' orders."""
        codes, x = self._operands(name, orders)
        activity = np.count_nonzero(x, axis=0).astype(np.float32) / np.float32(len(x))
        candidates = {"off": np.arange(len(codes))} if keep else {}
        candidates |= row_orders(codes != 0, activity, self.config)
        readers = [layer for layer in self.inputs if self.sources.get(layer) == name]

        def total(candidate: tuple[str, Order]) -> int:
            trial = {**orders, name: candidate[1]}
            return sum(self.cycles(layer, trial) for layer in [name, *readers])

        # Of equal minima, min takes the first, "off".
        return min(candidates.items(), key=total)

    def cycles(self, name: str, orders: Mapping[str, Order]) -> int:
        """Return the cycles of a layer for all samples, summed over the compiler's tiles."""
        codes, x = self._operands(name, orders)
        order = orders.get(name, np.arange(len(codes)))
        codes, codebook = codes[order], self.codebooks[name]
        column = None
        if name in self.biases:
            column = bias_codes(self.biases[name][order], codebook)
        return scan_cycles(codes, codebook, x, self.config, column)

    def _operands(
        self, name: str, orders: Mapping[str, Order]
    ) -> tuple[NDArray[np.uint8], NDArray[np.float32]]:
        """Return a layer's codes and inputs, with columns in the order of the outputs it reads."""
        codes, x = self.codes[name], self.inputs[name]
        columns = orders.get(self.sources.get(name, ""))
        return (codes, x) if columns is None else (codes[:, columns], x[:, columns])


def machine_layers(
    partitioned: IRModule, mod: IRModule, layers: Sequence[DenseLayer]
) -> list[CompositeLayer]:
    """Return the layers of a module that the machine runs, in program order."""
    found = {
        layer.name: layer
        for function in partitioned.functions.values()
        if is_eie_function(function)
        for block in function.body.blocks
        for binding in block.bindings
        if isinstance(binding.value, relax.Function)
        for layer in [composite_layer(binding.value)]
    }
    return [found[layer.name] for layer in layers if layer.name in found]


def _ones(layers: list[CompositeLayer]) -> dict[str, NDArray[np.float32]]:
    return {layer.name: np.ones((1, layer.shape.inputs), np.float32) for layer in layers}


def observe(
    mod: IRModule, layers: Sequence[DenseLayer], data: Data
) -> dict[str, NDArray[np.float32]]:
    """Run a prepared module on its machine and return the inputs of its layers.

    Returns
    -------
    mapping of str to ndarray, shape (samples, inputs), float32
        By layer name, in program order. A value is zero exactly where the machine's word is zero.
    """
    uses = [(layer, use) for layer in layers for use in layer.uses]
    # Return the results too: a layer without readers would not be compiled.
    wanted = [*(use.binding.value.args[0] for _, use in uses), mod["main"].body.body]
    config = attributes(mod).machine
    assert config is not None
    # Fusion works only inside dataflow blocks.
    shown = relax.transform.ConvertToDataflow(min_size=1)(returning(mod, wanted))
    executable = tvm.compile(machine_code(Partition(config)(shown)), target="llvm")
    words = {
        program.layers[step.layer]: (step.operands["frac_bits"], program.arithmetic)
        for program in programs(executable)
        for step in program.steps
        if step.instruction == "mvm"
    }
    machine = relax.VirtualMachine(executable, tvm.cpu())
    specs = input_specs(mod)
    calls = evenly(list(batches(check_inputs(specs, data), specs)), SAMPLES)
    seen: dict[str, list[NDArray[np.float32]]] = {layer.name: [] for layer, _ in uses}
    for call in calls:
        with untold():
            values = machine["main"](*(tvm.runtime.tensor(value) for value in call))
        for (layer, _), value in zip(uses, values, strict=False):
            columns = layer.weights.shape[1]
            each = [value] if isinstance(value, tvm.runtime.Tensor) else value
            rows = [*np.concatenate([one.numpy().reshape(-1, columns) for one in each])]
            # Copy, because the next call reuses the memory.
            seen[layer.name].append(np.stack(evenly(rows, max(SAMPLES // len(calls), 1))))
    return {
        name: _as_read(np.concatenate(rows), *words[name])
        for name, rows in seen.items()
        if name in words
    }


def _as_read(
    values: NDArray[np.float32], frac_bits: int, arithmetic: Arithmetic
) -> NDArray[np.float32]:
    """Return values as the machine's words; only zero or non-zero matters, not the scale."""
    if arithmetic == "float32":
        return values
    return quantize(values, frac_bits, value_bits(arithmetic)).astype(np.float32)
