"""Fixed-point formats: the power-of-two scale of every tensor of a program.

Activation ranges come from calibration, as the largest magnitude seen per layer; a layer without
data takes `DEFAULT_RANGE`. Weight scales follow from the codebook.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from eie_backend.numerics import VALUE_BITS, frac_bits_for

DEFAULT_RANGE = 127.0
"""Largest activation assumed without calibration data: 8 fractional bits of 16."""

SUM_HEADROOM = 2.0
"""How much larger a partial sum may be than the largest final sum, in 16-bit accumulators."""

MAX_SHIFT = 40
"""Longest left shift of the machine; the scales of one layer stay this close to one another."""


@dataclass(frozen=True)
class LayerRange:
    """Largest magnitudes around a layer.

    `partial_sum` bounds every sum on the way to the result, `sum` is the largest result before
    ReLU, both with the bias.
    """

    input: float = DEFAULT_RANGE
    partial_sum: float = DEFAULT_RANGE
    sum: float = DEFAULT_RANGE / SUM_HEADROOM
    output: float = DEFAULT_RANGE


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
    layer_range: LayerRange, product_frac_bits: int, accumulator_bits: int
) -> int:
    """Return the accumulator's fractional bits: as many as its range allows and products have.

    32 bits hold every partial sum that calibration saw. In 16 bits that bound would cost
    precision that every sum needs, so they trust in `SUM_HEADROOM`.
    """
    narrow = accumulator_bits == VALUE_BITS
    largest = SUM_HEADROOM * layer_range.sum if narrow else layer_range.partial_sum
    chosen = frac_bits_for(largest, accumulator_bits)
    return min(max(chosen, product_frac_bits - MAX_SHIFT), product_frac_bits)


def layer_formats(
    ranges: Sequence[LayerRange],
    codebooks: Sequence[NDArray[np.float32]],
    sources: Sequence[int],
    accumulator_bits: int,
) -> list[LayerFormat]:
    """Choose the formats of a program's layers.

    Parameters
    ----------
    ranges : sequence of LayerRange
        By layer.
    codebooks : sequence of ndarray, float32
        By layer.
    sources : sequence of int
        The layer that makes each layer's input; -1 for the program's input.
    accumulator_bits : int
        Width of the destination registers.
    """
    inputs = [r.input for r, source in zip(ranges, sources, strict=True) if source < 0]
    program_input = frac_bits_for(max(inputs))
    formats: list[LayerFormat] = []
    for layer_range, codebook, source in zip(ranges, codebooks, sources, strict=True):
        source_bits = program_input if source < 0 else formats[source].output
        weight_bits = frac_bits_for(float(np.abs(codebook).max()))
        accumulator = accumulator_frac_bits(
            layer_range, source_bits + weight_bits, accumulator_bits
        )
        output = min(frac_bits_for(layer_range.output), accumulator + MAX_SHIFT)
        formats.append(LayerFormat(source_bits, weight_bits, accumulator, output))
    return formats


def ranges_from(
    calibration: Mapping[str, Mapping[str, float]], layers: Sequence[str]
) -> list[LayerRange]:
    """Return each layer's range from a module's ``eie.calibration`` attribute."""
    return [
        LayerRange(**{key: float(value) for key, value in calibration[layer].items()})
        if layer in calibration
        else LayerRange()
        for layer in layers
    ]
