"""`unrolled`: a recurrent layer over a sequence; its steps are calls of one function."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

from tvm import relax
from tvm.tirx import IntImm

from eie_backend.errors import ModelError
from eie_backend.frontend.onnx_node import constant, dtype_of
from eie_backend.frontend.recurrent.cells import Cell
from eie_backend.frontend.recurrent.emit import Emit

JOINED = 8
"""Results that one function joins: the code of one that joins all takes long to compile."""

MOST_STEPS = 4096
"""Of a layer: each is a call in the module, and a small file may ask for any number."""

STEP = "step"
STEP_OF = "eie.step_of"
"""Attribute of a function that is the step of a recurrent layer: the layer, and its operands."""


def unrolled(
    builder: relax.BlockBuilder,
    name: str,
    cell: Cell,
    x: relax.Expr,
    given: Mapping[str, relax.Var],
    states: Sequence[relax.Expr],
    *,
    backwards: bool = False,
    live: relax.Expr | None = None,
) -> tuple[relax.Expr, list[relax.Expr]]:
    """Emit a recurrent layer; return its results (T, B, H) and its last states (B, H).

    Before -> after::

        y = LSTM(x)  ->  state = cls.lstm_step(x, [0], h0, c0, w, r, b)
                         state1 = cls.lstm_step(x, [1], state[0], state[1], w, r, b)
                         ...

    1. The step is compiled once. `ConstantArguments` makes its weights constants of the function.
    2. A sequence of one step, or of a batch that is not known yet, has its steps in place.
    3. Results are joined by functions, `JOINED` at a time.

    Parameters
    ----------
    builder : BlockBuilder
        In a function.
    name : str
        Of the layer.
    cell : Cell
        What a step computes.
    x : Expr, shape (T, B, I)
        The inputs; T is known.
    given : mapping of str to Var
        The cell's operands.
    states : sequence of Expr, shape (B, H)
        Before the first step.
    backwards : bool
        Whether the last step comes first.
    live : Expr, shape (T, B, 1), bool, optional
        Where a sequence of the batch has not ended: others keep their states, and give zeros.

    Raises
    ------
    ModelError
        If there are too many steps.
    """
    if (length := int(x.ty.shape.values[0])) > MOST_STEPS:
        raise ModelError(
            f"its sequence has {length:,} steps, it must have at most {MOST_STEPS:,}: give shorter "
            "ones, with the states of the one before"
        )
    emit = Emit(builder, name, "sequence")
    read = [*cell.sequences(emit, x, given), *([] if live is None else [live])]
    step = _Step(name, cell, len(states), live is not None)
    operands = [*given.values()]
    fixed = all(isinstance(extent, IntImm) for extent in x.ty.shape.values)
    called = None
    if length > 1 and fixed:
        called = builder.add_func(step.function(read, states, given), f"{name}_{STEP}")
    results: list[relax.Expr] = [x] * length
    current = [*states]
    for t in reversed(range(length)) if backwards else range(length):
        index = constant([t], "int64")
        if called is None:
            made = step.emitted(emit, read, index, current, given)
        else:
            whole = emit(relax.Call(called, [*read, index, *current, *operands]), f"step_{t}")
            made = _fields(emit, whole)
        current = made[: len(states)]
        results[t] = made[-1] if live is not None else made[0]
    return _joined(emit, results), current


@dataclass(frozen=True)
class _Step:
    """One step of a layer: of which cell, and whether sequences of the batch may have ended."""

    name: str
    cell: Cell
    states: int
    may_end: bool

    def emitted(
        self,
        emit: Emit,
        read: Sequence[relax.Expr],
        index: relax.Expr,
        states: Sequence[relax.Expr],
        given: Mapping[str, relax.Expr],
    ) -> list[relax.Expr]:
        """Emit the step; return the states after it and, if sequences may end, the result."""
        now = [
            emit(relax.op.squeeze(emit(relax.op.take(one, index, 0, mode="clip")), [0]))
            for one in read
        ]
        if not self.may_end:
            return self.cell.step(emit, now, states, given)
        new, live = self.cell.step(emit, now[:-1], states, given), now[-1]
        kept = [emit(relax.op.where(live, *pair)) for pair in zip(new, states, strict=True)]
        return [*kept, emit(relax.op.where(live, new[0], constant(0, dtype_of(new[0]))))]

    def function(
        self,
        read: Sequence[relax.Expr],
        states: Sequence[relax.Expr],
        given: Mapping[str, relax.Var],
    ) -> relax.Function:
        """Return the step as a function of `emitted`'s arguments."""

        def params(what: str, values: Sequence[relax.Expr]) -> list[relax.Var]:
            return [relax.Var(f"{self.name}_{what}{n}", one.ty) for n, one in enumerate(values)]

        inner = relax.BlockBuilder()
        index = relax.Var(f"{self.name}_index", relax.TensorType((1,), "int64"))
        own_read, own_states = params("input", read), params("state", states)
        own = dict(zip(given, params("operand", [*given.values()]), strict=True))
        with inner.function("step", [*own_read, index, *own_states, *own.values()], private=True):
            with inner.dataflow():
                emit = Emit(inner, self.name, STEP)
                made = self.emitted(emit, own_read, index, own_states, own)
                result = made[0] if len(made) == 1 else relax.Tuple(made)
                out = inner.emit_output(result)
            inner.emit_func_output(out)
        # A builder makes equal functions one, but each layer's has weights of its own.
        operands = ", ".join(value.name for value in given.values())
        return inner.get()["step"].with_attr(STEP_OF, f"{self.name} of {operands}")


def _fields(emit: Emit, whole: relax.Var) -> list[relax.Expr]:
    kinds = getattr(whole.ty, "fields", None)
    if kinds is None:
        return [whole]
    return [emit(relax.TupleGetItem(whole, at)) for at in range(len(kinds))]


def _joined(emit: Emit, results: Sequence[relax.Expr]) -> relax.Expr:
    """Return results (B, H) of all steps as one (T, B, H)."""
    rows = [*results]
    while len(rows) > JOINED:
        rows = [_join(emit, rows[at : at + JOINED]) for at in range(0, len(rows), JOINED)]
    whole = emit(relax.op.concat(rows, 0)) if len(rows) > 1 else rows[0]
    return emit(relax.op.reshape(whole, (len(results), *results[0].ty.shape.values)))


def _join(emit: Emit, rows: Sequence[relax.Expr]) -> relax.Expr:
    """Return rows one behind another, by a function of its own."""
    if len(rows) == 1:
        return rows[0]
    inner = relax.BlockBuilder()
    params = [relax.Var(f"{emit.name}_row{n}", one.ty) for n, one in enumerate(rows)]
    with inner.function("join", params, private=True):
        with inner.dataflow():
            joined = inner.emit(relax.op.concat(params, 0), f"{emit.name}_rows")
            out = inner.emit_output(joined)
        inner.emit_func_output(out)
    called = emit.builder.add_func(inner.get()["join"], f"{emit.name}_join")
    return emit(relax.Call(called, [*rows]))
