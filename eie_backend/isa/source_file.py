"""Programs as one text file, separated by ``// -----`` as in MLIR tools.

Law: ``assemble(disassemble(programs))`` gives the same image.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence

from eie_backend.errors import ImageError
from eie_backend.isa.assembly import from_dialect, parse_program, print_program, to_dialect
from eie_backend.isa.program import Program

SEPARATOR = "// -----"

MOST_REPEATS = 64
"""How often a matrix may be printed, on average: each program's text has all of its matrices."""

FEW_VALUES = 1 << 20
"""Values that are printed however often they repeat."""


def disassemble(programs: Iterable[Program], *, elide: bool = False) -> str:
    """Return the text of all programs; `elide` as for `print_program`.

    Raises
    ------
    ImageError
        If the programs share their matrices so often that the text would be much larger than the
        image.
    """
    found = list(programs)
    _check_repeats(found)
    return f"{SEPARATOR}\n".join(print_program(to_dialect(p), elide=elide) for p in found)


def _check_repeats(programs: Sequence[Program]) -> None:
    named = [(id(m), m.rows * m.stored_cols) for p in programs for m in p.matrices]
    named += [(id(bias), bias.size) for p in programs for bias in p.biases]
    values, stored = sum(size for _, size in named), sum(dict(named).values())
    if values > max(FEW_VALUES, MOST_REPEATS * stored):
        raise ImageError(
            f"{len(programs)} programs name {values} values, of which there are {stored}: as text "
            f"each may come {MOST_REPEATS} times, on average; give programs that share less"
        )


def assemble(text: str) -> list[Program]:
    """Return the programs in `text`, one in each part.

    Raises
    ------
    EncodingError
        If a part is not a valid program; lines are counted from the start of `text`.
    """
    programs, line = [], 0
    for part in text.split(SEPARATOR):
        programs.append(from_dialect(parse_program("\n" * line + part)))
        line += part.count("\n")
    return programs
