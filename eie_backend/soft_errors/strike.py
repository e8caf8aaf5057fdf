"""Strike a program: flips that last give another program, the others meet it while it runs.

Flips are drawn, and words decoded, by the runtime: the same seed strikes the same bits on every
machine and any number of threads.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from typing import Any
from zlib import crc32

import numpy as np
from numpy.typing import NDArray

from eie_backend.isa.image import encode_image
from eie_backend.isa.program import Program
from eie_backend.machine.choices import (
    MEMORY_UNITS,
    PROTECTION,
    TRANSIENT_UNITS,
    UNIT,
    Protection,
    Unit,
)
from eie_backend.runtime import runtime
from eie_backend.soft_errors.damage import reread
from eie_backend.soft_errors.flips import BitFlip
from eie_backend.soft_errors.protection import check_bits
from eie_backend.soft_errors.units import (
    data_bits,
    flipped_codebook,
    flipped_entries,
    flipped_pointers,
    memory_words,
)

LARGE_SRAM: Mapping[str, int] = {
    "spmat_sram_bytes": 1 << 30,
    "ptr_sram_bytes": 1 << 30,
    "ptr_bits": 32,
}
"""Sizes of the machine that runs a damaged program: damaged columns together may be longer than
the SRAM, of which they read parts again. No size here plays a part in timing."""


@dataclass(frozen=True)
class Struck:
    """A program after flips in its memories.

    Attributes
    ----------
    program : Program
        What the machine then computes; the very same object if no bit is wrong.
    flips : int
        Bits that flipped, check bits included.
    corrected, detected, unnoticed : int
        Words with flips, by what their code made of them.
    """

    program: Program
    flips: int
    corrected: int
    detected: int
    unnoticed: int


def strike(
    program: Program,
    rates: Mapping[Unit, float],
    seed: int = 0,
    protection: Protection = "none",
    flips: Sequence[BitFlip] = (),
) -> Struck:
    """Flip bits of a program's memories.

    Parameters
    ----------
    program : Program
        What was loaded.
    rates : mapping of {"spmat", "ptr", "codebook"} to float
        Probability of a bit to flip, check bits included.
    seed : int
        Of the draw.
    protection : {"none", "parity", "secded"}
        Words that are found wrong are counted, and taken as loaded again.
    flips : sequence of BitFlip
        More flips; those of other units are left alone.

    Raises
    ------
    InputError
        If damaged columns are too long to be simulated.
    """
    key, counts, matrices = crc32(program.symbol.encode()), np.zeros(4, np.int64), []
    for number, matrix in enumerate(program.matrices):
        wrong: dict[Unit, NDArray[np.int64]] = {}
        for unit in MEMORY_UNITS:
            bits = data_bits(unit, program.config, program.arithmetic)
            stored = bits + check_bits(bits, protection)
            listed = [
                word * stored + bit
                for flip in flips
                if flip.unit == unit and flip.place[0] == number
                for word, bit in [flip.memory_bit(matrix, program.config)]
            ]
            found = runtime().strike_memory(
                memory_words(unit, matrix, program.config),
                bits,
                PROTECTION.number(protection),
                rates.get(unit, 0.0),
                [seed, UNIT.number(unit), key, number],
                listed,
            )
            counts += found[:4]
            wrong[unit] = found.wrong
        matrices.append(_damaged(program, number, wrong))
    changed = any(new is not old for new, old in zip(matrices, program.matrices, strict=True))
    if changed:
        config = replace(program.config, **LARGE_SRAM)
        program = replace(program, matrices=tuple(matrices), config=config)
    return Struck(program, *counts.tolist())


def _damaged(program: Program, number: int, wrong: Mapping[Unit, NDArray[np.int64]]) -> Any:
    """Return a matrix with wrong bits, the same object if there are none."""
    matrix, config = program.matrices[number], program.config
    if wrong["spmat"].size or wrong["ptr"].size:
        entries = flipped_entries(matrix, config, wrong["spmat"])
        pointers = flipped_pointers(matrix, config, wrong["ptr"])
        changed = reread(matrix, config, entries, pointers)
    else:
        changed = matrix
    if wrong["codebook"].size:
        codebook = flipped_codebook(matrix, program.arithmetic, wrong["codebook"])
        changed = replace(changed, codebook=codebook)
    return changed


@dataclass
class Strikes:
    """What flips did to the samples of programs that ran, once the ``with`` block has ended.

    Attributes
    ----------
    words : mapping of str to ndarray, shape (samples, 3), int64
        Words corrected, detected and unnoticed in each sample, by the program's symbol.
    """

    words: dict[str, NDArray[np.int64]] = field(default_factory=dict)


@contextmanager
def striking(
    damaged: Sequence[Program] = (),
    rates: Mapping[Unit, float] | None = None,
    seed: int = 0,
    protection: Protection = "none",
    flips: Sequence[tuple[Program, BitFlip]] = (),
) -> Iterator[Strikes]:
    """Strike the programs that this thread runs inside the ``with`` block.

    Parameters
    ----------
    damaged : sequence of Program
        Programs that run in place of those with the same symbol, as `strike` returns them.
    rates : mapping of {"act_queue", "act"} to float, optional
        Probability of a bit to flip, check bits included.
    seed : int
        Of the draw.
    protection : {"none", "parity", "secded"}
        Of queue slots and activations.
    flips : sequence of (Program, BitFlip)
        More flips, each with its program; those of other units are left alone.
    """
    here = [(program, flip) for program, flip in flips if flip.unit in TRANSIENT_UNITS]
    runtime().start_soft_errors(
        [encode_image(program) for program in damaged],
        seed,
        PROTECTION.number(protection),
        [(rates or {}).get(unit, 0.0) for unit in TRANSIENT_UNITS],
        [program.symbol for program, _ in here],
        [n for program, flip in here for n in flip.transient_bit(program.config.num_pe)],
    )
    strikes = Strikes()
    try:
        yield strikes
    finally:
        strikes.words.update(runtime().stop_soft_errors())
