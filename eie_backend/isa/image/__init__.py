"""The binary image: programs as bytes, and back. Its layout is in ``docs/image.md``.

The C++ reader is ``runtime/image/image.cc``.
"""

from __future__ import annotations

from collections import Counter

from eie_backend.errors import EieError, EncodingError, ImageError
from eie_backend.isa.image import records
from eie_backend.isa.image.byte_reader import ByteReader
from eie_backend.isa.image.programs import decode_program, encode_program
from eie_backend.isa.image.sections import HEADER_BYTES, VERSION, checked_version, pack, unpack
from eie_backend.isa.image.version_2 import decode_version_2
from eie_backend.isa.program import Program

COMMON = ("CONF", "SETS", "MATR", "BIAS")
"""Sections of what all programs share: the machine, table sets, matrices and biases."""

PROGRAM = "PROG"
"""The section of a program; an image has one for each."""


def encode_image(*programs: Program) -> bytes:
    """Return the image of programs; equal programs give equal bytes.

    Parameters
    ----------
    *programs : Program
        Programs with different symbols for one machine, at least one. Equal matrices, table sets
        and biases are stored once.

    Raises
    ------
    EncodingError
        If an operand does not fit its field, or the programs cannot share an image.
    """
    _check_together(programs)
    sets, matrices, biases = records.Numbered(), records.Numbered(), records.Numbered()
    found = []
    for program in programs:
        own_matrices = [
            matrices.number(
                records.encode_matrix(m, sets.number(records.encode_values(m.codebook)))
            )
            for m in program.matrices
        ]
        own_biases = [biases.number(records.encode_values(bias)) for bias in program.biases]
        found.append(encode_program(program, own_matrices, own_biases))
    config = records.encode_config(programs[0].config)
    common = (config, sets.content(), matrices.content(), biases.content())
    return pack([*zip(COMMON, common, strict=True), *((PROGRAM, one) for one in found)])


def _check_together(programs: tuple[Program, ...]) -> None:
    if not programs:
        raise EncodingError("an image of no program; give at least one")
    if len({program.config for program in programs}) > 1:
        raise EncodingError(
            f"{', '.join(program.symbol for program in programs)}: made for different machines; "
            "encode an image for each machine"
        )
    if twice := _repeated(programs):
        raise EncodingError(f"several programs are called {twice}; give each a name of its own")


def _repeated(programs: tuple[Program, ...]) -> list[str]:
    """Return the symbols that are not of one program."""
    times = Counter(program.symbol for program in programs)
    return sorted(symbol for symbol, count in times.items() if count > 1)


def decode_image(image: bytes) -> tuple[Program, ...]:
    """Return the programs in `image`, of version 2 or 3; what they share exists once.

    Raises
    ------
    ImageError
        If the bytes are not an image of these versions, or are truncated or altered.
    """
    version = checked_version(image)
    try:
        if version == VERSION:
            return _decode_sections(image)
        return (decode_version_2(ByteReader(image, HEADER_BYTES)),)
    except (ValueError, IndexError, TypeError, RecursionError, EieError) as error:
        raise ImageError(f"image: malformed: {error}; compile the model again") from error


def _decode_sections(image: bytes) -> tuple[Program, ...]:
    found = unpack(image, once=COMMON, repeated=(PROGRAM,))
    in_common = (found[tag][0] for tag in COMMON)
    config = records.decode_config(next(in_common))
    sets = [records.decode_table_set(one, config) for one in next(in_common).records()]
    matrices = [records.decode_matrix(one, config, sets) for one in next(in_common).records()]
    biases = [records.decode_bias(one) for one in next(in_common).records()]
    programs = tuple(decode_program(one, config, matrices, biases) for one in found[PROGRAM])
    if twice := _repeated(programs):
        raise ImageError(f"several programs are called {twice}")
    return programs
