"""The units whose bits can flip: what a word of each is, and how many a program has.

========== ============================================ ========================= =============
unit       a word                                       bits                      a flip lasts
========== ============================================ ========================= =============
spmat      one read of the weight SRAM: entries of a PE ``spmat_width_bits``      all inputs
ptr        a column pointer of a PE                     ``ptr_bits``              all inputs
codebook   a shared weight of a matrix, for all PEs     those of a value          all inputs
act_queue  a slot: an activation and its column         those of a value + column one broadcast
act        an activation that a step reads              those of a value          until written
========== ============================================ ========================= =============
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from numpy.typing import NDArray

from eie_backend.config import ENTRY_BITS, HardwareConfig
from eie_backend.errors import ConfigError
from eie_backend.isa.program import Program
from eie_backend.machine.choices import UNIT, Arithmetic, Unit
from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.machine.numerics import value_bits

PLACES: Mapping[Unit, tuple[str, ...]] = {
    "spmat": ("matrix", "pe", "entry"),
    "ptr": ("matrix", "pe", "pointer"),
    "codebook": ("matrix", "code"),
    "act_queue": ("step", "pe", "broadcast"),
    "act": ("step", "value"),
}
"""What says where a flip is, beside the bit."""


def check_units(units: Sequence[str]) -> None:
    """Raise `ConfigError` unless each is a unit, and there is one at least."""
    if unknown := [unit for unit in units if unit not in UNIT.values] or (not units and ["none"]):
        raise ConfigError(
            f"units: {', '.join(unknown)}; choose some of {', '.join(UNIT.values)}, separated by "
            "commas"
        )


def column_bits(config: HardwareConfig) -> int:
    """Return the bits of a column's number in a queue: the block's inputs, and a bias column.

    Examples
    --------
    >>> column_bits(HardwareConfig())
    13
    """
    return config.block_values.bit_length()


def data_bits(unit: Unit, config: HardwareConfig, arithmetic: Arithmetic) -> int:
    """Return the bits of a unit's word, without check bits.

    Examples
    --------
    >>> [data_bits(unit, HardwareConfig(), "int16") for unit in UNIT.values]
    [64, 16, 16, 29, 16]
    """
    if unit == "spmat":
        return config.spmat_width_bits
    if unit == "ptr":
        return config.ptr_bits
    return value_bits(arithmetic) + (column_bits(config) if unit == "act_queue" else 0)


def spmat_words(matrix: EncodedMatrix, config: HardwareConfig) -> NDArray[np.int64]:
    """Return the weight words of each PE, the last of which may be partly empty; shape (P,)."""
    return -(-matrix.entries_per_pe.astype(np.int64) // config.entries_per_word)


def memory_words(unit: Unit, matrix: EncodedMatrix, config: HardwareConfig) -> int:
    """Return how many words of a memory a matrix takes; code 0 is never read and has none."""
    if unit == "spmat":
        return int(spmat_words(matrix, config).sum())
    return matrix.pointers.size if unit == "ptr" else matrix.codebook.size - 1


def memory_bits(unit: Unit, program: Program) -> int:
    """Return the bits of a memory that a program takes, without check bits."""
    bits = data_bits(unit, program.config, program.arithmetic)
    return bits * sum(memory_words(unit, m, program.config) for m in program.matrices)


def flipped_entries(
    matrix: EncodedMatrix, config: HardwareConfig, bits: NDArray[np.int64]
) -> NDArray[np.uint8]:
    """Return the entries with these bits of the weight words flipped.

    Words count PE after PE, and their bits from the lowest of the first entry.
    """
    word, bit = np.divmod(bits, config.spmat_width_bits)
    ends = np.cumsum(spmat_words(matrix, config))
    pe = np.searchsorted(ends, word, side="right")
    per_pe = matrix.entries_per_pe.astype(np.int64)
    first_word = (ends - spmat_words(matrix, config))[pe]
    local = (word - first_word) * config.entries_per_word + bit // ENTRY_BITS
    there = local < per_pe[pe]
    at = (np.cumsum(per_pe) - per_pe)[pe] + local
    return _flipped(matrix.entries, at[there], (bit % ENTRY_BITS)[there])


def flipped_pointers(
    matrix: EncodedMatrix, config: HardwareConfig, bits: NDArray[np.int64]
) -> NDArray[np.uint32]:
    """Return the pointers with these bits flipped; they count PE after PE."""
    word, bit = np.divmod(bits, config.ptr_bits)
    return _flipped(matrix.pointers.ravel(), word, bit).reshape(matrix.pointers.shape)


def flipped_codebook(
    matrix: EncodedMatrix, arithmetic: Arithmetic, bits: NDArray[np.int64]
) -> NDArray[np.generic]:
    """Return the codebook with these bits of its values flipped; they count from code 1."""
    width = value_bits(arithmetic)
    word, bit = np.divmod(bits, width)
    flipped = _flipped(matrix.codebook.view(np.uint32), word + 1, bit)
    if arithmetic == "float32":
        return flipped.view(np.float32)
    # A value is two's complement of `width` bits in a word of 32.
    unused = 32 - width
    return (flipped << np.uint32(unused)).view(np.int32) >> unused


def _flipped(values: NDArray, at: NDArray[np.int64], bit: NDArray[np.int64]) -> NDArray:  # type: ignore[type-arg]
    changed = values.copy()
    np.bitwise_xor.at(changed, at, np.left_shift(1, bit).astype(values.dtype))
    return changed
