"""ReLU: negative sums become 0."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.machine.epilogue import Epilogue


class _ReLU(Epilogue):
    name, number, formula = "relu", 1, "max(x, 0)"
    operators = ("relax.nn.relu",)
    source = "EIE paper, section 4 (activation read/write unit)"

    def execute(self, sums: NDArray[Any], word: int) -> NDArray[Any]:
        return np.where(sums <= 0, sums.dtype.type(0), sums)

    def tir(self, builder: Any, value: Any, parameter: float) -> Any:
        return builder.max(value, builder.float32(0))

    def pattern(self, layer: Any) -> Any:
        from tvm.relax.dpl import is_op

        return is_op("relax.nn.relu")(layer)

    def canonical(self, call: Any, value_of: Any) -> Any:
        """Take ``maximum(x, 0)``, bounds from 0 to infinity, and a slope of 0."""
        from tvm import relax

        from eie_backend.epilogues._spellings import bounds_of, slope_of

        bounds, slope = bounds_of(call, value_of), slope_of(call, value_of)
        if bounds is not None and bounds.low == 0 and bounds.high > MAX_FLOAT:
            return relax.op.nn.relu(bounds.x)
        return relax.op.nn.relu(slope.x) if slope is not None and slope.slope == 0 else None


MAX_FLOAT = float(np.finfo(np.float32).max)

EPILOGUE = _ReLU()
