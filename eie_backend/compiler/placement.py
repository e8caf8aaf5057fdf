"""`explain`: where each operator of a model runs, and why."""

from __future__ import annotations

from collections.abc import Container, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal

import numpy as np
from numpy.typing import NDArray
from tvm import IRModule, relax
from tvm.ir import GlobalVar

from eie_backend.compiler.operations import (
    Operation,
    all_bindings,
    called_function,
    operations,
    operator_of,
    variables,
)
from eie_backend.config import HardwareConfig
from eie_backend.epilogues import OPERATORS
from eie_backend.errors import ModelError
from eie_backend.machine.target import Machine, as_target, config_of
from eie_backend.transform.attributes import LAYER, attributes
from eie_backend.transform.constraints import layer_reasons
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.epilogues import epilogue_reasons
from eie_backend.transform.given import check_module
from eie_backend.transform.layers import (
    DenseLayer,
    dense_layers,
    is_matmul,
    layer_bindings,
    map_weights,
    matmuls_by_layer,
    products_of_results,
)
from eie_backend.transform.operators import LAYERS, OF_RESULTS, never_on_machine
from eie_backend.transform.partition import Partition, is_eie_function

EPILOGUE = ("add", *(name.removeprefix("relax.") for name in OPERATORS))
"""Operators that join the layer before them."""


@dataclass(frozen=True)
class Placement:
    """Where one operator runs.

    Attributes
    ----------
    name : str
        Name of its result: a layer's own, or what importers take from the model's node.
    operator : str
        Relax operator without its prefix, for example ``matmul`` or ``nn.relu``.
    runs_on : {"machine", "host", "folded"}
        "folded" means that the operator has become part of a constant or of another operator.
    layer : str
        The machine's layer that computes the operator; "" if the machine does not.
    reason : str
        Why the operator does not run on the machine, and what would help; "" if it does.
    is_layer : bool
        Whether it is a layer, so that the machine could run it. What has none is on the host by
        design.
    """

    name: str
    operator: str
    runs_on: Literal["machine", "host", "folded"]
    layer: str = ""
    reason: str = ""
    is_layer: bool = False


def explain(mod: IRModule, target: Machine = None) -> list[Placement]:
    """Say for every operator of a model whether the machine runs it, and if not, why.

    Parameters
    ----------
    mod : IRModule
        Relax with constant weights, for example from `from_onnx`; compressed or not.
    target : Target, HardwareConfig, mapping or str, optional
        The machine, or some of its sizes by name; the paper's 64-PE design by default.

    Returns
    -------
    list of Placement
        In the order of `mod`; `compile` places the operators in the same way for that machine.

    Raises
    ------
    ModelError
        If the module has no function ``main``, or weights are NaN or infinite.
    """
    check_module(mod, "explain")
    dense = DenseForm()(mod)
    return placements(operations(mod), dense, dense_layers(dense), config_of(as_target(target)))


def placements(
    model: list[Operation], dense: IRModule, layers: Sequence[DenseLayer], config: HardwareConfig
) -> list[Placement]:
    """Like `explain`, for a model's operations and its dense form, whose layers are known."""
    numbers = {layer.name: number for number, layer in enumerate(layers, start=1)}

    def with_few_values(name: str, weights: NDArray[np.float32]) -> NDArray[np.float32]:
        # Weight sharing is slow: zeros have few enough values, too. One weight tells the layers
        # apart, since TVM makes equal functions one.
        few = np.zeros_like(weights)
        few[:1, :1] = numbers[name]
        return few

    shared = map_weights(dense, with_few_values, layers=layers)
    return place(model, shared, Partition(config)(shared), config)


def place(
    model: list[Operation], dense: IRModule, partitioned: IRModule, config: HardwareConfig
) -> list[Placement]:
    """Return where each operation of a model runs, found by tracing it through the transformations.

    Parameters
    ----------
    model : list of Operation
        The model as it was imported.
    dense, partitioned : IRModule
        The model in dense form, and the dense form partitioned for the machine.
    config : HardwareConfig
        The machine.
    """
    layers = _layers(dense, partitioned)
    asked = {name for name, *_ in model} - layers.keys()
    remaining = _remaining(model, dense)
    sums = _renamed(model, remaining, dense)
    layers |= {name: layers[layer] for name, layer in sums.items() if layer in layers}
    layers |= _absorbed(model, remaining, layers, _own(dense))
    stay = _staying(model, remaining, dense, config, layers, sums)
    reasons = {**dict(epilogue_reasons(dense)), **dict(layer_reasons(dense, config, asked))}
    origins = attributes(dense).convolutions
    transformed = {origin.name for name, origin in origins.items() if origin.name != name}
    of_results = {var.name for var in products_of_results(dense)}
    # What follows the output transform of Winograd's algorithm, and its layer.
    after: dict[str, str] = {}
    found = []
    for operation in model:
        name, operator, reads = operation
        if not operator:
            continue
        weighted = f"relax.{operator}" in LAYERS
        joins = [after[read] for read in reads if read in after] if operator in EPILOGUE else []
        if joins:
            reason = f"it follows the output transform of Winograd's algorithm in {joins[0]}"
            found.append(Placement(name, operator, "host", reason=reason))
            after[name] = joins[0]
        elif name in layers:
            found.append(Placement(name, operator, "machine", layers[name], "", weighted))
            after |= {name: layers[name]} if layers[name] in transformed else {}
        elif weighted and name in stay:
            found.append(Placement(name, operator, "host", "", stay[name], weighted))
        elif operation not in remaining:
            found.append(Placement(name, operator, "folded", "", "computed when compiling"))
        elif weighted and name in of_results:
            found.append(Placement(name, operator, "host", "", OF_RESULTS))
        else:
            reason = reasons.get(name) or never_on_machine(f"relax.{operator}")
            found.append(Placement(name, operator, "host", "", reason, weighted))
    return found


def _staying(
    model: list[Operation],
    remaining: Container[Operation],
    dense: IRModule,
    config: HardwareConfig,
    layers: Mapping[str, str],
    sums: Mapping[str, str],
) -> dict[str, str]:
    """Return why the layers of the dense form that stay on the host do, by the model's operators.

    One may be part of a layer that has another name: that of a convolution, or of a sum.
    """
    origins = attributes(dense).convolutions
    uses = {
        use.binding.var.name: first.binding.var.name
        for first, *others in matmuls_by_layer(dense)
        for use in (first, *others)
    }
    reasons = {
        name: why
        for name, why in layer_reasons(dense, config, {*uses.values()})
        if why and name not in layers
    }
    whole = {name: first for name, first in uses.items() if first in reasons}
    whole |= {origins[name].name: name for name in reasons if name in origins}
    whole |= {name: layer for name, layer in sums.items() if layer in reasons}
    readers = {
        binding.var.name: read
        for binding in all_bindings(dense)
        for read in variables(binding.value)
        if read in reasons
    }
    parts = _absorbed(model, remaining, readers | whole, _own(dense))
    return {name: reasons[layer] for name, layer in (parts | whole).items()}


def require_machine(placed: Sequence[Placement]) -> None:
    """Raise `ModelError` with every layer that would stay on the host, and why."""
    if left := [row for row in placed if row.runs_on == "host" and row.is_layer]:
        why = "; ".join(f"{row.name} ({row.operator}): {row.reason}" for row in left)
        layers = "1 layer" if len(left) == 1 else f"{len(left)} layers"
        raise ModelError(f"strict: {layers} would stay on the host: {why}")


def _layers(dense: IRModule, partitioned: IRModule) -> dict[str, str]:
    """Return the machine's layer for each variable of `dense` that the machine computes."""
    layers = {name: name for name in _machine_layers(partitioned)}
    origins = attributes(dense).convolutions
    layers |= {origin.name: origin.name for name, origin in origins.items() if name in layers}
    # The operator, too, since a name may be that of two variables.
    host = {
        (binding.var.name, operator_of(partitioned, binding.value))
        for binding in all_bindings(partitioned)
        if not _calls_machine(partitioned, binding.value)
    }
    # Weights that are used again are the layer that used them first.
    for first, *others in matmuls_by_layer(dense):
        again = {use.binding.var.name for use in others} - {name for name, _ in host}
        layers |= {
            name: layers[first.binding.var.name]
            for name in again
            if first.binding.var.name in layers
        }
    for binding in all_bindings(dense):
        name, value = binding.var.name, binding.value
        on_host = (name, operator_of(dense, value)) in host
        if (
            isinstance(value, relax.Call)
            and not on_host
            and name not in layers
            and not is_matmul(value)
            and called_function(dense, value) is None
        ):
            sources = [arg.name for arg in value.args if isinstance(arg, relax.Var)]
            if known := [layers[source] for source in sources if source in layers]:
                layers[name] = known[0]
    return layers


def _remaining(model: list[Operation], dense: IRModule) -> list[Operation]:
    """Return the model's operations that are operations of the dense form, too.

    They have the same name and operator, or are an epilogue that has its canonical operator now.
    """
    found = {operation[:2] for operation in operations(dense)}
    epilogues = {name for name, operator in found if f"relax.{operator}" in OPERATORS}
    return [
        one
        for one in model
        if one[:2] in found or (one.name in epilogues and one.operator != "add")
    ]


def _renamed(
    model: list[Operation], remaining: Container[Operation], dense: IRModule
) -> dict[str, str]:
    """Return the layer that took the place of a sum of the model, where it took another name.

    What reads the sum in the model reads the layer in the dense form.
    """
    own = {binding.var.name for binding, _ in layer_bindings(dense)}
    after = {operation[:2]: operation for operation in operations(dense)}
    sums = {one.name for one in model if one.operator == "add" and one not in remaining}
    return {
        read: now
        for one in model
        if one[:2] in after and len(after[one[:2]].reads) == len(one.reads)
        for read, now in zip(one.reads, after[one[:2]].reads, strict=True)
        if read in sums and now in own
    }


def _own(dense: IRModule) -> set[str]:
    """Return what the layers of a dense form are called, there and in the model."""
    origins = attributes(dense).convolutions
    names = {binding.var.name for binding, _ in layer_bindings(dense)}
    return names | {origins[name].name for name in names if name in origins}


def _absorbed(
    model: list[Operation],
    remaining: Container[Operation],
    layers: Mapping[str, str],
    own: Container[str],
) -> dict[str, str]:
    """Return the layer of each model variable that `DenseForm` merged into a layer.

    Those of `own` are layers themselves.

    Biases, epilogues and batch norms belong to the layer before them. A product that is added to
    another product becomes part of that layer, which then reads the inputs of both.
    """
    found: dict[str, str] = {}
    # What computes nothing has a name that says nothing.
    gone = [one for one in model if not one.operator or one not in remaining]
    for name, _, reads in gone:
        if name in own:
            continue
        known = [layer for arg in reads if (layer := found.get(arg) or layers.get(arg))]
        if known and name not in layers:
            found[name] = known[0]
    products = {one.name for one in gone if f"relax.{one.operator}" in LAYERS}
    for name, operator, reads in gone:
        if operator == "add" and not products.isdisjoint(reads):
            products.add(name)
    for name, *_ in reversed(gone):
        if name not in products or name in layers or name in found or name in own:
            continue
        users = [one.name for one in model if name in one.reads]
        known = [layer for user in users if (layer := found.get(user) or layers.get(user))]
        found |= {name: known[0]} if known else {}
    return found


def _machine_layers(partitioned: IRModule) -> Iterator[str]:
    for function in partitioned.functions.values():
        if is_eie_function(function):
            for block in function.body.blocks:
                composites = (binding.value for binding in block.bindings)
                yield from (
                    str(composite.attrs[LAYER])
                    for composite in composites
                    if isinstance(composite, relax.Function)
                )


def _calls_machine(mod: IRModule, value: relax.Expr) -> bool:
    called = getattr(value, "op", None)
    return isinstance(called, GlobalVar) and is_eie_function(mod[called])
