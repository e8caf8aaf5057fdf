"""What LSTM, GRU and RNN are given for one direction: weights, biases, peepholes and states."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from tvm import relax

from eie_backend.frontend.onnx_node import Node, constant, dtype_of, extents
from eie_backend.frontend.recurrent.emit import Emit

Operands = dict[str, relax.Var]


def state(emit: Emit, node: Node, at: int, direction: int, batch_first: bool) -> relax.Expr:
    """Return the state (B, H) of a direction before its first step."""
    x, hidden = extents(node.inputs[0]), extents(node.inputs[2])[2]
    given = node.input(at)
    if given is None:
        batch = x[0 if batch_first else 1]
        return constant(np.zeros((batch, hidden)), dtype_of(node.inputs[0]))
    return _taken(emit, given, direction, int(batch_first))


def _taken(emit: Emit, value: relax.Expr, direction: int, axis: int = 0) -> relax.Var:
    """Return what a tensor has of a direction."""
    part = relax.op.strided_slice(value, [axis], [direction], [direction + 1])
    return emit(relax.op.squeeze(emit(part), [axis]))


class Weights:
    """The operands of a node for one direction."""

    def __init__(self, emit: Emit, node: Node, direction: int) -> None:
        self.node, self._emit, self._direction = node, emit, direction
        self.hidden = extents(node.inputs[2])[2]

    def matrix(self, at: int, gates: slice = slice(None)) -> relax.Var:
        """Return W (1) or R (2) as (inputs, gates times H), of some gates."""
        whole = _taken(self._emit, self.node.inputs[at], self._direction)
        return self._emit(relax.op.permute_dims(self._cut(whole, gates), [1, 0]))

    def bias(
        self, name: str, gates: slice = slice(None), halves: Sequence[int] = (0, 1)
    ) -> Operands:
        """Return the sum of the biases of W (0) and R (1), of some gates; nothing without any."""
        if self.node.input(3) is None:
            return {}
        whole = _taken(self._emit, self.node.inputs[3], self._direction)
        both = self._emit.split(whole, 2)
        found = [self._cut(both[half], gates) for half in halves]
        return {name: found[0] if len(found) == 1 else self._emit(relax.op.add(*found))}

    def peepholes(self) -> Operands:
        """Return those of input, output and forget gate, if there are any."""
        if self.node.input(7) is None:
            return {}
        whole = _taken(self._emit, self.node.inputs[7], self._direction)
        return dict(zip(("pi", "po", "pf"), self._emit.split(whole, 3), strict=True))

    def _cut(self, value: relax.Var, gates: slice) -> relax.Var:
        """Return the rows of some gates."""
        if gates == slice(None):
            return value
        first, last = (self.hidden * at for at in (gates.start, gates.stop))
        return self._emit(relax.op.strided_slice(value, [0], [first], [last]))
