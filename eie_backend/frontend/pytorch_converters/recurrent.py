"""LSTM, GRU and RNN of several layers and directions."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from typing import Any

from tvm import relax

from eie_backend.frontend.pytorch_converters._node import arguments, emit
from eie_backend.frontend.recurrent.activations import RELU, TANH
from eie_backend.frontend.recurrent.cells import Cell, GruAfter, Lstm, Rnn
from eie_backend.frontend.recurrent.emit import Emit
from eie_backend.frontend.recurrent.sequence import unrolled

Operands = Mapping[str, relax.Var]

ORDER = ("w", "r", "b", "rb", "projection")
"""A layer's parameters in order, as cells call them; those that it does not have are left out."""


@dataclass(frozen=True)
class Kind:
    """An operator: its cell, its states, and whether one bias of two is added to the sum."""

    cell: Cell
    states: int
    one_bias: bool


def _convert(node: Any, importer: Any, kind: Kind) -> relax.Var:
    """Emit (results, last states...); results are (T, B, D H), or (B, T, D H) if batches are first.

    PyTorch's dropout between layers does nothing when it evaluates.
    """
    given = arguments(node, importer)
    builder = importer.block_builder
    directions = 1 + bool(given["bidirectional"])
    layers = int(given["num_layers"])
    before = [*given["hx"]] if kind.states > 1 else [given["hx"]]
    parameters = _by_layer(given["params"], bool(given["has_biases"]), layers * directions)
    x = given["input"]
    if given["batch_first"]:
        x = emit(importer, relax.op.permute_dims(x, [1, 0, 2]))
    last: list[list[relax.Expr]] = []
    for layer in range(layers):
        results = []
        for direction in range(directions):
            at = layer * directions + direction
            name = f"{node.name}_l{layer}{'_reverse' * direction}"
            operands = _operands(Emit(builder, name, "given"), parameters[at], kind)
            states = [_taken(importer, state, at) for state in before]
            rows, after = unrolled(
                builder, name, kind.cell, x, operands, states, backwards=bool(direction)
            )
            results.append(rows)
            last.append(after)
        x = emit(importer, relax.op.concat(results, -1)) if directions > 1 else results[0]
    if given["batch_first"]:
        x = emit(importer, relax.op.permute_dims(x, [1, 0, 2]))
    ends = [emit(importer, relax.op.stack([*one], 0)) for one in zip(*last, strict=True)]
    return emit(importer, relax.Tuple([x, *ends]))


def _by_layer(
    parameters: Sequence[relax.Var], has_biases: bool, layers: int
) -> list[dict[str, relax.Var]]:
    """Return the parameters of each layer and direction by name."""
    each = len(parameters) // layers
    names = [name for name in ORDER if has_biases or name not in ("b", "rb")][:each]
    return [
        dict(zip(names, parameters[at * each : (at + 1) * each], strict=True))
        for at in range(layers)
    ]


def _operands(emitted: Emit, parameters: Operands, kind: Kind) -> dict[str, relax.Var]:
    """Return a cell's operands: weights as (inputs, outputs)."""
    found = {
        name: one if name in ("b", "rb") else emitted(relax.op.permute_dims(one, [1, 0]))
        for name, one in parameters.items()
    }
    if kind.one_bias and "rb" in found:
        found["b"] = emitted(relax.op.add(found["b"], found.pop("rb")))
    return found


def _taken(importer: Any, states: relax.Expr, at: int) -> relax.Expr:
    """Return the state (B, H) of a layer and direction."""
    part = emit(importer, relax.op.strided_slice(states, [0], [at], [at + 1]))
    return emit(importer, relax.op.squeeze(part, [0]))


KINDS: Mapping[str, Kind] = {
    "gru.input": Kind(GruAfter(gates="rzc"), 1, one_bias=False),
    "lstm.input": Kind(Lstm(gates="ifco"), 2, one_bias=True),
    "rnn_relu.input": Kind(Rnn(RELU), 1, one_bias=True),
    "rnn_tanh.input": Kind(Rnn(TANH), 1, one_bias=True),
}

CONVERTERS: Mapping[str, Callable[[Any, Any], relax.Expr]] = {
    name: partial(_convert, kind=kind) for name, kind in KINDS.items()
}
