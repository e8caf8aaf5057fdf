"""LeakyReLU: negative sums are multiplied by a slope, which is one for the whole layer."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.machine.epilogue import Epilogue, float_of
from eie_backend.machine.numerics import quantize, shift_round

SLOPE_BITS = 15


class _LeakyReLU(Epilogue):
    name, number, formula = "leaky_relu", 3, "x if x >= 0 else x * slope"
    parameter = f"the slope, with {SLOPE_BITS} fractional bits"
    highest_words = 1 << SLOPE_BITS, 0x3F7FFFFF  # the largest float32 below 1
    multiplies = 1
    operators = ("relax.nn.leakyrelu", "relax.nn.prelu")
    when = "one slope per layer, in [0, 1)"
    source = "design choice; the slope's product is rounded to the accumulator's format"

    def execute(self, sums: NDArray[Any], word: int) -> NDArray[Any]:
        if sums.dtype == np.float32:
            return np.where(sums < 0, sums * float_of(word), sums)
        return np.where(sums < 0, shift_round(sums * word, SLOPE_BITS), sums)

    def tir(self, builder: Any, value: Any, parameter: float) -> Any:
        scaled = value * builder.float32(parameter)
        return builder.Select(value < builder.float32(0), scaled, value)

    def pattern(self, layer: Any) -> Any:
        from tvm.relax.dpl import is_op

        return is_op("relax.nn.leakyrelu")(layer)

    def read(self, call: Any) -> float | str:
        from eie_backend.epilogues._spellings import slope_of

        found = slope_of(call, lambda value: value)
        if found is None:
            return "it has several slopes; the machine takes one per layer, in [0, 1)"
        slope = float(np.float32(found.slope))
        return slope if 0 <= slope < 1 else f"its slope is {slope:g}; the machine takes [0, 1)"

    def canonical(self, call: Any, value_of: Any) -> Any:
        """Take ``prelu`` with one slope, ``where(x > 0, x, x * s)`` and ``maximum(x, x * s)``."""
        from tvm import relax

        from eie_backend.epilogues._spellings import slope_of

        found = slope_of(call, value_of)
        if found is None or not 0 < np.float32(found.slope) < 1:
            return None
        return relax.op.nn.leakyrelu(found.x, found.slope)

    def fixed_word(self, parameter: float, frac_bits: int) -> int:
        return int(quantize(parameter, SLOPE_BITS, 32))


EPILOGUE = _LeakyReLU()
