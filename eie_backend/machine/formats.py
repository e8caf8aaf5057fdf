"""Fixed-point formats: the power-of-two scale of every tensor of a program.

Activation ranges come from calibration: the largest magnitude seen per layer, or `DEFAULT_RANGE`
for a layer without data. Weight scales follow from the codebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eie_backend.machine.epilogue import Applied
from eie_backend.machine.numerics import VALUE_BITS, frac_bits_for

DEFAULT_RANGE = 127.0
"""Largest activation assumed without calibration data: 8 fractional bits of 16."""

SUM_HEADROOM = 2.0
"""Assumed ratio of the largest partial sum to the largest final sum, for 16-bit accumulators."""

MAX_LEFT_SHIFT, MAX_RIGHT_SHIFT = 40, 62
"""Longest shifts of the machine; they limit how far the scales of one layer may differ."""


@dataclass(frozen=True)
class LayerRange:
    """Largest magnitudes around a layer.

    `partial_sum` bounds every sum on the way to a result; `product` is the largest product of
    weights and input, `sum` with the bias, `output` after an epilogue.
    """

    input: float = DEFAULT_RANGE
    partial_sum: float = DEFAULT_RANGE
    product: float = DEFAULT_RANGE
    sum: float = DEFAULT_RANGE
    output: float = DEFAULT_RANGE


@dataclass(frozen=True)
class RangedLayer:
    """A layer as the machine runs it, with or without a bias and an epilogue after the product."""

    range: LayerRange
    codebook: NDArray[np.float32]
    source: int
    has_bias: bool
    epilogue: Applied | None

    @property
    def sum(self) -> float:
        """Largest magnitude of a final sum in the destination registers."""
        return self.range.sum if self.has_bias else self.range.product

    @property
    def output(self) -> float:
        """Largest magnitude of a value that is written back."""
        if self.epilogue is None:
            return self.sum
        return self.epilogue.epilogue.largest(self.range.output, self.epilogue.parameter)


@dataclass(frozen=True)
class LayerFormat:
    """Fractional bits of a layer's tensors."""

    input: int
    weights: int
    accumulator: int
    output: int

    @property
    def product_shift(self) -> int:
        """Right shift from a product to the accumulator's scale."""
        return self.input + self.weights - self.accumulator

    @property
    def output_shift(self) -> int:
        """Right shift from the accumulator's to the output's scale; if negative, a left shift."""
        return self.accumulator - self.output


FLOAT = LayerFormat(0, 0, 0, 0)
"""Format of float32 arithmetic: nothing is scaled."""


def accumulator_frac_bits(
    partial_sum: float, final_sum: float, product_frac_bits: int, accumulator_bits: int
) -> int:
    """Return the accumulator's fractional bits, limited by its range and by those of products.

    A 32-bit accumulator holds every partial sum that calibration saw. In 16 bits that bound would
    cost every sum precision, so a 16-bit accumulator relies on `SUM_HEADROOM` instead.
    """
    narrow = accumulator_bits == 16
    chosen = frac_bits_for(SUM_HEADROOM * final_sum if narrow else partial_sum, accumulator_bits)
    return min(max(chosen, product_frac_bits - MAX_RIGHT_SHIFT), product_frac_bits)


def layer_formats(
    layers: Sequence[RangedLayer], accumulator_bits: int, bits: int = VALUE_BITS
) -> list[LayerFormat]:
    """Choose the formats of a program's layers, in program order; `bits` is a value's width.

    A layer's `source` is the number of the layer that makes its input, -1 for the program's input.
    """
    largest_input = max(layer.range.input for layer in layers if layer.source < 0)
    program_input = frac_bits_for(largest_input, bits)
    formats: list[LayerFormat] = []
    for layer in layers:
        source = program_input if layer.source < 0 else formats[layer.source].output
        weights = frac_bits_for(float(np.abs(layer.codebook).max()), bits)
        accumulator = accumulator_frac_bits(
            layer.range.partial_sum, layer.sum, source + weights, accumulator_bits
        )
        wanted = max(frac_bits_for(layer.output, bits), accumulator - MAX_RIGHT_SHIFT)
        output = min(wanted, accumulator + MAX_LEFT_SHIFT)
        formats.append(LayerFormat(source, weights, accumulator, output))
    return formats
