"""`Ends`: sequences of a batch that are shorter than the longest."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from tvm import relax
from tvm.ir.expr import GenericConst

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import constant, dtype_of
from eie_backend.frontend.recurrent.emit import Emit


@dataclass(frozen=True)
class Ends:
    """Where sequences have ended.

    Attributes
    ----------
    live : Expr, shape (T, B, 1), bool, or None
        Where they have not; None if all are as long as they can be.
    order : Expr, shape (T, B, 1), int64, or None
        The step that stands at each step when each sequence is turned around.
    """

    emit: Emit
    live: relax.Expr | None = None
    order: relax.Expr | None = None

    @classmethod
    def of(cls, emit: Emit, x: relax.Expr, lengths: relax.Expr | None) -> Ends:
        """Return the ends of inputs (T, B, I) for lengths (B,), if they are given.

        Raises
        ------
        ModelError
            If constant lengths are not from 0 to T; others are checked when they come.
        """
        steps = int(x.ty.shape.values[0])
        if isinstance(lengths, GenericConst):
            given = lengths.value.numpy()
            if wrong := sorted({*given[(given < 0) | (given > steps)].tolist()}):
                raise ModelError(f"sequence_lens has {wrong}, each must be in 0..{steps}")
        if lengths is None or (
            isinstance(lengths, GenericConst) and (lengths.value.numpy() >= steps).all()
        ):
            return cls(emit)
        # A length from a file or a caller may be any number: that of a table's row is checked.
        table = constant(np.arange(steps + 1), "int64")
        known = emit(relax.op.take(table, lengths, 0), "sequence_lens")
        times = constant(np.arange(steps).reshape(steps, 1), "int64")
        live = emit(relax.op.less(times, known))
        last = emit(relax.op.subtract(known, constant(1, "int64")))
        order = emit(relax.op.where(live, emit(relax.op.subtract(last, times)), times))
        return cls(emit, *(emit(relax.op.expand_dims(one, 2)) for one in (live, order)))

    def last(self, state: relax.Expr) -> relax.Expr:
        """Return the last states (B, H), which are 0 of sequences without any step."""
        if self.live is None:
            return state
        first = relax.op.strided_slice(self.live, [0], [0], [1])
        started = self.emit(relax.op.squeeze(self.emit(first), [0]))
        return self.emit(relax.op.where(started, state, constant(0, dtype_of(state))))

    def turned(self, x: relax.Expr) -> relax.Expr:
        """Return sequences (T, B, ...) with the steps of each in reverse; what is behind stays."""
        if self.order is None:
            return x
        order = self.emit(relax.op.broadcast_to(self.order, x.ty.shape))
        return self.emit(relax.op.gather_elements(x, order, 0))
