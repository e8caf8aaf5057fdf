"""Logic on truth values, and on the bits of integers."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial

import numpy as np
from tvm import relax

from eie_backend.frontend.onnx_node import constant
from eie_backend.frontend.stablehlo_operators._operation import Conversion, Operation

LOGIC: dict[str, tuple[Callable[..., relax.Expr], Callable[..., relax.Expr]]] = {
    "and": (relax.op.logical_and, relax.op.bitwise_and),
    "not": (relax.op.logical_not, relax.op.bitwise_not),
    "or": (relax.op.logical_or, relax.op.bitwise_or),
    "xor": (relax.op.logical_xor, relax.op.bitwise_xor),
}
"""Of truth values, and of integers."""


def _logic(operation: Operation, name: str) -> relax.Expr:
    of_booleans, of_integers = LOGIC[name]
    operator = of_booleans if operation.dtype == "bool" else of_integers
    return operation.emit(operator(*operation.inputs))


def _shift(operation: Operation, left: bool, arithmetic: bool) -> relax.Expr:
    """Emit a shift; by more places than there are, it leaves zeros, or signs if arithmetic."""
    value, places = operation.inputs
    bits = np.iinfo(operation.dtype).bits
    unsigned, inner = f"uint{bits}", f"{'' if arithmetic else 'u'}int{bits}"
    # A negative count is as large as it is without a sign.
    count = operation.emit(relax.op.astype(places, unsigned))
    most = operation.emit(relax.op.minimum(count, constant(bits - 1, unsigned)))
    operator = relax.op.left_shift if left else relax.op.right_shift
    plain = operation.emit(relax.op.astype(value, inner))
    shifted = operation.emit(operator(plain, operation.emit(relax.op.astype(most, inner))))
    if not arithmetic:
        inside = operation.emit(relax.op.less(count, constant(bits, unsigned)))
        shifted = operation.emit(relax.op.where(inside, shifted, constant(0, inner)))
    return operation.emit(relax.op.astype(shifted, operation.dtype))


CONVERTERS: dict[str, Conversion] = {
    **{f"stablehlo.{name}": partial(_logic, name=name) for name in LOGIC},
    "stablehlo.shift_left": partial(_shift, left=True, arithmetic=False),
    "stablehlo.shift_right_arithmetic": partial(_shift, left=False, arithmetic=True),
    "stablehlo.shift_right_logical": partial(_shift, left=False, arithmetic=False),
}
