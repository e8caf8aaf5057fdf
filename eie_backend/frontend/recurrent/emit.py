"""`Emit`: bind values to variables that are named after the layer that they are part of."""

from __future__ import annotations

from tvm import relax
from tvm.ir import Op


class Emit:
    """Emits into a builder; names begin with that of the recurrent layer."""

    def __init__(self, builder: relax.BlockBuilder, name: str) -> None:
        self.builder, self.name = builder, name

    def __call__(self, value: relax.Expr, what: str = "") -> relax.Var:
        """Return a variable that is bound to `value`; `what` is its name, or the operator's."""
        called = value.op if isinstance(value, relax.Call) else None
        operator = called.name.rpartition(".")[2] if isinstance(called, Op) else "part"
        found: relax.Var = self.builder.emit(value, f"{self.name}_{what or operator}")
        return found

    def split(self, value: relax.Expr, parts: int) -> list[relax.Var]:
        """Return equal parts of the last axis."""
        whole = self(relax.op.split(value, parts, axis=-1))
        return [self(relax.TupleGetItem(whole, at), "gate") for at in range(parts)]
