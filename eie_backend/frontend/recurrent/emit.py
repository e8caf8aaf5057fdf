"""`Emit`: bind values to variables that are named after the layer that they are part of."""

from __future__ import annotations

from tvm import relax
from tvm.ir import Op


class Emit:
    """Emits into a builder; names begin with that of the recurrent layer.

    Parameters
    ----------
    builder : BlockBuilder
        In a function.
    name : str
        Of the layer.
    part : str
        Of the layer, whose operations are named after it.
    """

    def __init__(self, builder: relax.BlockBuilder, name: str, part: str) -> None:
        self.builder, self.name, self._part = builder, name, part

    def __call__(self, value: relax.Expr, what: str = "") -> relax.Var:
        """Return a variable that is bound to `value`; `what` is its name, or the operator's."""
        called = value.op if isinstance(value, relax.Call) else None
        operator = called.name.rpartition(".")[2] if isinstance(called, Op) else "value"
        name = f"{self.name}_{what or f'{self._part}_{operator}'}"
        found: relax.Var = self.builder.emit(value, name)
        return found

    def split(self, value: relax.Expr, parts: int) -> list[relax.Var]:
        """Return equal parts of the last axis."""
        whole = self(relax.op.split(value, parts, axis=-1))
        return [self(relax.TupleGetItem(whole, at)) for at in range(parts)]
