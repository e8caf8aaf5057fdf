"""LSTM, GRU and RNN: their attributes and operands, for the cells of `frontend.recurrent`."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.converters._recurrent_operands import Operands, Weights, state
from eie_backend.frontend.onnx_node import Node, extents
from eie_backend.frontend.recurrent.activations import Activation, activation
from eie_backend.frontend.recurrent.cells import Cell, Clip, Gru, GruAfter, Lstm, Rnn
from eie_backend.frontend.recurrent.emit import Emit
from eie_backend.frontend.recurrent.ends import Ends
from eie_backend.frontend.recurrent.sequence import unrolled

DIRECTIONS = {"forward": (False,), "reverse": (True,), "bidirectional": (False, True)}
"""Of each direction, whether it goes backwards."""

INPUTS = ("X", "W", "R", "B", "sequence_lens", "initial_h", "initial_c", "P")


@dataclass(frozen=True)
class Kind:
    """What an operator of the three is: its gates, states, default activations, and operands.

    `around` makes another cell of one, which may look at which sequences have not ended.
    """

    gates: int
    states: int
    activations: Sequence[str]
    cell: Callable[[Node, Sequence[Activation], Clip], Cell]
    operands: Callable[[Weights], Operands]
    around: Callable[[Cell, relax.Expr | None], Cell] = lambda cell, _live: cell


def convert(node: Node, kind: Kind) -> tuple[relax.Expr, ...]:
    """Return results (T, D, B, H) and last states (D, B, H), or with the batch first."""
    backwards = DIRECTIONS[node.text("direction", "forward", [*DIRECTIONS])]
    batch_first = bool(_layout(node))
    _check_sizes(node, kind, len(backwards), batch_first)
    cells = _cells(node, kind, len(backwards))
    emit = Emit(node.builder, node.name, "given")
    x = emit(relax.op.permute_dims(node.inputs[0], [1, 0, 2])) if batch_first else node.inputs[0]
    ends = Ends.of(emit, x, node.input(4))
    results: list[relax.Expr] = []
    last: list[list[relax.Expr]] = []
    for at, (cell, backward) in enumerate(zip(cells, backwards, strict=True)):
        given = kind.operands(Weights(emit, node, at))
        states = [state(emit, node, 5 + n, at, batch_first) for n in range(kind.states)]
        name = f"{node.name}_reverse" if backward else node.name
        turned = ends.turned(x) if backward else x
        rows, after = unrolled(
            node.builder,
            name,
            kind.around(cell, ends.live),
            turned,
            given,
            states,
            backwards=backward and ends.live is None,
            live=ends.live,
        )
        results.append(ends.turned(rows) if backward else rows)
        last.append([ends.last(one) for one in after])
    whole = emit(relax.op.stack(results, 1))
    if batch_first:
        whole = emit(relax.op.permute_dims(whole, [2, 0, 1, 3]))
    axis = int(batch_first)
    last_states = [emit(relax.op.stack([*one], axis)) for one in zip(*last, strict=True)]
    return (whole, *last_states)


def _layout(node: Node) -> int:
    layout = int(node.number("layout", 0))
    if layout not in (0, 1):
        raise ModelError(f"layout is {layout}, it must be one of 0, 1")
    return layout


def _check_sizes(node: Node, kind: Kind, directions: int, batch_first: bool) -> None:
    """Demand that the shapes of all inputs agree."""
    x, r = extents(node.inputs[0]), extents(node.inputs[2])
    if len(x) != 3 or len(r) != 3:
        raise ModelError(f"X has shape {x}, R {r}; both must be of three dimensions")
    batch, hidden = x[0 if batch_first else 1], r[2]
    gates = kind.gates * hidden
    states = [batch, directions, hidden] if batch_first else [directions, batch, hidden]
    wanted = {
        "W": [directions, gates, x[2]],
        "R": [directions, gates, hidden],
        "B": [directions, 2 * gates],
        "sequence_lens": [batch],
        "initial_h": states,
        "initial_c": states,
        "P": [directions, 3 * hidden],
    }
    faults = [
        f"{name} has shape {found}, it must be {wanted[name]}"
        for at, name in enumerate(INPUTS[1:], start=1)
        if node.input(at) is not None and (found := extents(node.inputs[at])) != wanted[name]
    ]
    declared = int(node.number("hidden_size", hidden))
    if declared != hidden:
        faults.append(f"hidden_size is {declared}, it must be {hidden} as in R")
    if min(*x, hidden) < 1:
        faults.append(f"X has shape {x}, R {r}; no extent must be 0")
    if faults:
        raise ModelError("; ".join(faults))


def _cells(node: Node, kind: Kind, directions: int) -> list[Cell]:
    """Return the cell of each direction, with its activations."""
    count = len(kind.activations)
    names = [*map(_text, node.attributes.get("activations", ()))]
    names = names or [*kind.activations] * directions
    if len(names) != count * directions:
        raise ModelError(f"{len(names)} activations, they must be {count * directions}")
    alphas, betas = (
        [*map(float, node.attributes.get(f"activation_{which}", ()))] for which in ("alpha", "beta")
    )
    chosen = [activation(name, alphas, betas) for name in names]
    threshold = node.attributes.get("clip")
    if threshold is not None and not threshold > 0:
        raise ModelError(f"clip is {threshold:g}, it must be greater than 0")
    clip = Clip(None if threshold is None else float(threshold))
    return [kind.cell(node, chosen[at : at + count], clip) for at in range(0, len(names), count)]


def _text(given: str | bytes) -> str:
    return given.decode("utf-8", "replace") if isinstance(given, bytes) else given


def _whole(of: Weights) -> Operands:
    return {"w": of.matrix(1), "r": of.matrix(2), **of.bias("b")}


def _of_lstm(of: Weights) -> Operands:
    return {**_whole(of), **of.peepholes()}


def _of_gru(of: Weights) -> Operands:
    if of.node.number("linear_before_reset", 0):
        biases = {**of.bias("b", halves=(0,)), **of.bias("rb", halves=(1,))}
        return {"w": of.matrix(1), "r": of.matrix(2), **biases}
    found: Operands = {}
    for letter, gates in (("g", slice(0, 2)), ("c", slice(2, 3))):
        found |= {f"w{letter}": of.matrix(1, gates), f"r{letter}": of.matrix(2, gates)}
        found |= of.bias(f"b{letter}", gates)
    return found


def _gru(node: Node, chosen: Sequence[Activation], clip: Clip) -> Cell:
    f, g = chosen
    if node.number("linear_before_reset", 0):
        return GruAfter(f, g, clip)
    return Gru(f, g, clip)


def _lstm(node: Node, chosen: Sequence[Activation], clip: Clip) -> Cell:
    f, g, h = chosen
    return Lstm(f, g, h, clip, bool(node.number("input_forget", 0)))


def _rnn(_node: Node, chosen: Sequence[Activation], clip: Clip) -> Cell:
    (f,) = chosen
    return Rnn(f, clip)


KINDS = {
    "GRU": Kind(3, 1, ("Sigmoid", "Tanh"), _gru, _of_gru),
    "LSTM": Kind(4, 2, ("Sigmoid", "Tanh", "Tanh"), _lstm, _of_lstm),
    "RNN": Kind(1, 1, ("Tanh",), _rnn, _whole),
}

CONVERTERS = {name: partial(convert, kind=kind) for name, kind in KINDS.items()}
