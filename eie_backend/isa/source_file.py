"""Programs as one text file, separated by ``// -----`` as in MLIR tools.

Law: ``assemble(disassemble(programs))`` gives the same images, in order.
"""

from __future__ import annotations

from collections.abc import Iterable

from eie_backend.isa.assembly import from_dialect, parse_program, print_program, to_dialect
from eie_backend.isa.program import Program

SEPARATOR = "// -----"


def disassemble(programs: Iterable[Program], *, elide: bool = False) -> str:
    """Return the text of all programs; `elide` as for `print_program`."""
    return f"{SEPARATOR}\n".join(print_program(to_dialect(p), elide=elide) for p in programs)


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
