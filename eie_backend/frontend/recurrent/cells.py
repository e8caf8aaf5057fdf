"""Cells of recurrent layers: what one step makes of its inputs and the states before it.

Weights are (inputs, gates times H), so that a product is a layer of the machine. Where products are
summed, `MergeSums` makes one layer of them: one matrix for all gates.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol

from tvm import relax

from eie_backend.frontend.onnx_node import constant, dtype_of
from eie_backend.frontend.recurrent.activations import SIGMOID, TANH, Activation
from eie_backend.frontend.recurrent.emit import Emit

Operands = Mapping[str, relax.Expr]
"""Weights (inputs, gates times H), biases (gates times H,) and peepholes (H,) by name."""


PARTS = {"": "", "g": "gates_", "c": "candidate_"}
"""What layers of some gates are called, by the letter of their operands."""

LAYERS = ("hr", *(f"{part}{of}" for part in PARTS.values() for of in ("ih", "hh")))
"""What the name of a recurrent layer is continued with by the layers that it is made of."""


class Cell(Protocol):
    """A recurrent cell."""

    def sequences(self, emit: Emit, x: relax.Expr, given: Operands) -> list[relax.Expr]:
        """Return what the steps read of the inputs (T, B, I): tensors (T, B, ...)."""

    def step(
        self, emit: Emit, x: Sequence[relax.Expr], states: Sequence[relax.Expr], given: Operands
    ) -> list[relax.Expr]:
        """Return the states (B, H) after a step, the result first."""


@dataclass(frozen=True)
class Clip:
    """The threshold that bounds what activations take, if there is one."""

    threshold: float | None = None

    def of(self, emit: Emit, x: relax.Expr) -> relax.Expr:
        """Return a bounded value."""
        bound = self.threshold
        return x if bound is None else emit(relax.op.clip(x, -bound, bound))


@dataclass(frozen=True)
class Rnn:
    """``h' = f(x w + h r + b)``; `given` has w, r and b."""

    f: Activation = TANH
    clip: Clip = Clip()

    def sequences(self, _emit: Emit, x: relax.Expr, _given: Operands) -> list[relax.Expr]:
        """Return the inputs."""
        return [x]

    def step(
        self, emit: Emit, x: Sequence[relax.Expr], states: Sequence[relax.Expr], given: Operands
    ) -> list[relax.Expr]:
        """Return the state."""
        total = _total(emit, x[0], states[0], given, "")
        return [emit(self.f(self.clip.of(emit, total)))]


@dataclass(frozen=True)
class Lstm:
    """Long short-term memory; `given` has w, r and b.

    It may have peepholes as well, pi, po and pf, and a projection of the result (H, results).
    `gates` are the letters of input, output, forget and cell gate in the order of the weights.
    With `coupled`, the forget gate is one minus the input gate.

    Notes
    -----
    **Source**: ONNX, operator LSTM; Hochreiter and Schmidhuber 1997, Gers and Schmidhuber 2000.
    """

    f: Activation = SIGMOID
    g: Activation = TANH
    h: Activation = TANH
    clip: Clip = Clip()
    coupled: bool = False
    gates: str = "iofc"

    def sequences(self, _emit: Emit, x: relax.Expr, _given: Operands) -> list[relax.Expr]:
        """Return the inputs."""
        return [x]

    def step(
        self, emit: Emit, x: Sequence[relax.Expr], states: Sequence[relax.Expr], given: Operands
    ) -> list[relax.Expr]:
        """Return result and cell state."""
        hidden, cell = states
        parts = emit.split(_total(emit, x[0], hidden, given, ""), len(self.gates))
        gate = dict(zip(self.gates, parts, strict=True))

        def seen(name: str, by: relax.Expr) -> relax.Expr:
            """Return a gate's input, to which a peephole adds the cell state."""
            weights = given.get(f"p{name}")
            value = gate[name]
            if weights is not None:
                value = emit(relax.op.add(value, emit(relax.op.multiply(weights, by))))
            return self.clip.of(emit, value)

        i = emit(self.f(seen("i", cell)))
        if self.coupled:
            f = emit(relax.op.subtract(constant(1, dtype_of(i)), i))
        else:
            f = emit(self.f(seen("f", cell)))
        c = emit(self.g(self.clip.of(emit, gate["c"])))
        kept, new = emit(relax.op.multiply(f, cell)), emit(relax.op.multiply(i, c))
        after = emit(relax.op.add(kept, new))
        o = emit(self.f(seen("o", after)))
        result = emit(relax.op.multiply(o, emit(self.h(after))))
        if "projection" in given:
            result = emit(relax.op.matmul(result, given["projection"]), "hr")
        return [result, after]


@dataclass(frozen=True)
class Gru:
    """Gated recurrent unit whose reset gate scales the state: two layers.

    `given` has w, r, b of update and reset gate as "wg", "rg", "bg", and those of the candidate as
    "wc", "rc", "bc". `gates` are the letters of update and reset gate in the order of the weights.

    Notes
    -----
    **Source**: ONNX, operator GRU, linear_before_reset = 0; Cho et al. 2014.
    """

    f: Activation = SIGMOID
    g: Activation = TANH
    clip: Clip = Clip()
    gates: str = "zr"

    def sequences(self, _emit: Emit, x: relax.Expr, _given: Operands) -> list[relax.Expr]:
        """Return the inputs."""
        return [x]

    def step(
        self, emit: Emit, x: Sequence[relax.Expr], states: Sequence[relax.Expr], given: Operands
    ) -> list[relax.Expr]:
        """Return the state."""
        parts = emit.split(_total(emit, x[0], states[0], given, "g"), 2)
        gate = dict(zip(self.gates, parts, strict=True))
        z = emit(self.f(self.clip.of(emit, gate["z"])))
        r = emit(self.f(self.clip.of(emit, gate["r"])))
        reset = emit(relax.op.multiply(r, states[0]))
        candidate = _total(emit, x[0], reset, given, "c")
        return [_mixed(emit, z, emit(self.g(self.clip.of(emit, candidate))), states[0])]


@dataclass(frozen=True)
class GruAfter:
    """Gated recurrent unit whose reset gate scales the state's product: one layer each for x and h.

    `given` has w, b of the inputs and r, rb of the state. No sum joins the products, so those of
    all inputs are one call: their weights need not stay beside the state's.

    Notes
    -----
    **Source**: ONNX, operator GRU, linear_before_reset = 1, as in cuDNN and PyTorch.
    """

    f: Activation = SIGMOID
    g: Activation = TANH
    clip: Clip = Clip()
    gates: str = "zrc"

    def sequences(self, emit: Emit, x: relax.Expr, given: Operands) -> list[relax.Expr]:
        """Return the inputs' products (T, B, 3 H)."""
        return [_biased(emit, emit(relax.op.matmul(x, given["w"]), "ih"), given.get("b"))]

    def step(
        self, emit: Emit, x: Sequence[relax.Expr], states: Sequence[relax.Expr], given: Operands
    ) -> list[relax.Expr]:
        """Return the state."""
        product = emit(relax.op.matmul(states[0], given["r"]), "hh")
        hidden = emit.split(_biased(emit, product, given.get("rb")), 3)
        own = dict(zip(self.gates, emit.split(x[0], 3), strict=True))
        of_state = dict(zip(self.gates, hidden, strict=True))

        def total(name: str, scaled: relax.Expr) -> relax.Expr:
            return self.clip.of(emit, emit(relax.op.add(own[name], scaled)))

        z = emit(self.f(total("z", of_state["z"])))
        r = emit(self.f(total("r", of_state["r"])))
        reset = emit(relax.op.multiply(r, of_state["c"]))
        return [_mixed(emit, z, emit(self.g(total("c", reset))), states[0])]


def _mixed(emit: Emit, z: relax.Expr, new: relax.Expr, old: relax.Expr) -> relax.Expr:
    """Return ``(1 - z) * new + z * old``."""
    rest = emit(relax.op.subtract(constant(1, dtype_of(z)), z))
    kept = emit(relax.op.multiply(z, old))
    return emit(relax.op.add(emit(relax.op.multiply(rest, new)), kept))


def _total(emit: Emit, x: relax.Expr, h: relax.Expr, given: Operands, of: str) -> relax.Expr:
    """Return ``x w + h r + b``, of the operands of some gates."""
    part = PARTS[of]
    input_product = emit(relax.op.matmul(x, given[f"w{of}"]), f"{part}ih")
    hidden_product = emit(relax.op.matmul(h, given[f"r{of}"]), f"{part}hh")
    return _biased(emit, emit(relax.op.add(input_product, hidden_product)), given.get(f"b{of}"))


def _biased(emit: Emit, product: relax.Expr, bias: relax.Expr | None) -> relax.Expr:
    return product if bias is None else emit(relax.op.add(product, bias))
