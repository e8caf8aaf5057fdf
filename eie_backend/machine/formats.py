"""Fixed-point formats: the power-of-two scale of every tensor of a program.

Activation ranges come from calibration, as the largest magnitude seen per layer; a layer without
data takes `DEFAULT_RANGE`. Weight scales follow from the codebook.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eie_backend.machine.numerics import VALUE_BITS, frac_bits_for

DEFAULT_RANGE = 127.0
"""Largest activation assumed without calibration data: 8 fractional bits of 16."""

SUM_HEADROOM = 2.0
"""How much larger a partial sum may be than the largest final sum, in 16-bit accumulators."""

MAX_LEFT_SHIFT, MAX_RIGHT_SHIFT = 40, 62
"""Longest shifts of the machine; the scales of one layer stay this close to one another."""


@dataclass(frozen=True)
class LayerRange:
    """Largest magnitudes around a layer.

    `partial_sum` bounds every sum on the way to a result; `product` is the largest product of
    weights and input, `sum` with the bias, `relu` after ReLU.
    """

    input: float = DEFAULT_RANGE
    partial_sum: float = DEFAULT_RANGE
    product: float = DEFAULT_RANGE
    sum: float = DEFAULT_RANGE
    relu: float = DEFAULT_RANGE


@dataclass(frozen=True)
class RangedLayer:
    """A layer as the machine runs it: what may follow the product in the model need not."""

    range: LayerRange
    codebook: NDArray[np.float32]
    source: int
    has_bias: bool
    has_relu: bool

    @property
    def sum(self) -> float:
        """Largest sum in the destination registers at the end."""
        return self.range.sum if self.has_bias else self.range.product

    @property
    def output(self) -> float:
        """Largest value written back."""
        return self.range.relu if self.has_relu else self.sum


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
        """Right shift from the accumulator's to the output's scale; negative is left."""
        return self.accumulator - self.output


FLOAT = LayerFormat(0, 0, 0, 0)
"""Format of float32 arithmetic: nothing is scaled."""


def accumulator_frac_bits(
    partial_sum: float, final_sum: float, product_frac_bits: int, accumulator_bits: int
) -> int:
    """Return the accumulator's fractional bits: as many as its range allows and products have.

    32 bits hold every partial sum that calibration saw. In 16 bits that bound would cost
    precision that every sum needs, so they trust in `SUM_HEADROOM`.
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
