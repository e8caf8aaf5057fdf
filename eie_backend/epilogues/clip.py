"""Clip: sums are bounded by 0 and by a positive number, as in ReLU6."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.machine.epilogue import MAX_FIXED_WORD, MAX_FLOAT_WORD, Epilogue, float_of
from eie_backend.machine.numerics import quantize


class _Clip(Epilogue):
    name, number, formula = "clip", 2, "min(max(x, 0), c)"
    parameter = "the bound c, in the accumulator's format"
    highest_words = MAX_FIXED_WORD, MAX_FLOAT_WORD
    operators = ("relax.clip",)
    when = "bounds from 0 to a positive number, as ReLU6"
    source = "MobileNets (arXiv 1704.04861); the bound before the shift is a design choice"

    def execute(self, sums: NDArray[Any], word: int) -> NDArray[Any]:
        zero = sums.dtype.type(0)
        bound = float_of(word) if sums.dtype == np.float32 else np.int64(word)
        return np.where(sums <= 0, zero, np.where(sums > bound, bound, sums))

    def tir(self, builder: Any, value: Any, parameter: float) -> Any:
        positive = builder.max(value, builder.float32(0))
        return builder.min(positive, builder.float32(parameter))

    def pattern(self, layer: Any) -> Any:
        from tvm.relax.dpl import is_op, wildcard

        return is_op("relax.clip")(layer, wildcard(), wildcard())

    def read(self, call: Any) -> float | str:
        from eie_backend.epilogues._spellings import uniform

        low, high = map(uniform, call.args[1:])
        if low != 0 or high is None or not 0 < high < np.inf:
            return f"its bounds are {low} and {high}; the machine clips from 0 to a positive number"
        return float(np.float32(high))

    def canonical(self, call: Any, value_of: Any) -> Any:
        """Take any nest of ``maximum``, ``minimum``, ``clip`` and ``relu`` with such bounds."""
        from tvm import relax

        from eie_backend.epilogues._spellings import bounds_of

        bounds = bounds_of(call, value_of)
        if bounds is None or bounds.low != 0 or not 0 < bounds.high < np.inf:
            return None
        return relax.op.clip(bounds.x, 0.0, bounds.high)

    def fixed_word(self, parameter: float, frac_bits: int) -> int:
        return int(quantize(parameter, frac_bits, 32))

    def largest(self, largest_sum: float, parameter: float) -> float:
        return min(largest_sum, parameter)


EPILOGUE = _Clip()
