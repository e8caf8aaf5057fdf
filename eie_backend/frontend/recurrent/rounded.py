"""`Rounded`: a recurrent cell whose products take what is rounded to 8 bits at each step."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from tvm import relax

from eie_backend.frontend.onnx_node import constant, dtype_of
from eie_backend.frontend.recurrent.cells import Cell, Operands
from eie_backend.frontend.recurrent.emit import Emit

STEPS = 255
"""Between the least and the largest value of a tensor."""


@dataclass(frozen=True)
class Rounded:
    """A cell that reads its inputs and its result rounded, each within its own range.

    The range of the inputs is that of all steps; that of the result, of all sequences of the batch.

    Parameters
    ----------
    cell : Cell
        What is computed.
    live : Expr, shape (T, B, 1), bool, optional
        Where a sequence of the batch has not ended. Inputs after all have widen no range, nor does
        a sequence's result, but that of its last step in the step behind it.

    Notes
    -----
    **Source**: ONNX, operator DynamicQuantizeLinear; ONNX Runtime, operator DynamicQuantizeLSTM.
    """

    cell: Cell
    live: relax.Expr | None

    def sequences(self, emit: Emit, x: relax.Expr, given: Operands) -> list[relax.Expr]:
        """Return what the cell reads of rounded inputs, and whose result widens the range."""
        if self.live is None:
            return self.cell.sequences(emit, _rounded(emit, x), given)
        flags = emit(relax.op.astype(self.live, dtype_of(x)))
        read = emit(relax.op.multiply(x, emit(relax.op.max(flags, 1, keepdims=True))))
        first = relax.op.ones_like(emit(relax.op.strided_slice(flags, [0], [0], [1])))
        before = emit(relax.op.strided_slice(flags, [0], [0], [flags.ty.shape.values[0] - 1]))
        counted = emit(relax.op.concat([emit(first), before], 0))
        return [*self.cell.sequences(emit, _rounded(emit, read), given), counted]

    def step(
        self, emit: Emit, x: Sequence[relax.Expr], states: Sequence[relax.Expr], given: Operands
    ) -> list[relax.Expr]:
        """Return the states after a step from a rounded result."""
        result, *others = states
        if self.live is not None:
            *x, counted = x
            result = emit(relax.op.multiply(result, counted))
        return self.cell.step(emit, x, [_rounded(emit, result), *others], given)


def _rounded(emit: Emit, x: relax.Expr) -> relax.Expr:
    """Return the nearest of 256 values at equal distances, one of which is zero."""
    kind = dtype_of(x)
    zero = constant(0, kind)
    low, high = (
        emit(of(emit(bound(x)), zero))
        for of, bound in ((relax.op.minimum, relax.op.min), (relax.op.maximum, relax.op.max))
    )
    span = emit(relax.op.divide(emit(relax.op.subtract(high, low)), constant(STEPS, kind)))
    scale = emit(relax.op.where(emit(relax.op.equal(span, zero)), constant(1, kind), span))
    offset = _byte(emit, emit(relax.op.negative(emit(relax.op.divide(low, scale)))))
    moved = emit(relax.op.add(emit(relax.op.round(emit(relax.op.divide(x, scale)))), offset))
    byte = emit(relax.op.clip(moved, 0.0, float(STEPS)))
    return emit(relax.op.multiply(emit(relax.op.subtract(byte, offset)), scale))


def _byte(emit: Emit, x: relax.Expr) -> relax.Expr:
    return emit(relax.op.round(emit(relax.op.clip(x, 0.0, float(STEPS)))))
