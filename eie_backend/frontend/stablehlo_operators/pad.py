"""``pad``: around a tensor, between its values, or less of it."""

from __future__ import annotations

from tvm import relax

from eie_backend.errors import ModelError
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation, known
from eie_backend.frontend.stablehlo_operators._padding import padded


def pad(operation: Operation) -> relax.Expr:
    """Emit a tensor with a constant around it and between its values."""
    data, value = operation.inputs
    constant = known(value)
    if constant is None:
        raise ModelError("its padding value depends on data; make it a constant")
    low, high, between = (
        operation.ints(name)
        for name in ("edge_padding_low", "edge_padding_high", "interior_padding")
    )
    return padded(operation, data, constant.item(), [*zip(low, high, strict=True)], between)


CONVERTERS: dict[str, Conversion] = {"stablehlo.pad": pad}
