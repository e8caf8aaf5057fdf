"""The section on programs: ``eie`` dialect text, each instruction linked to its layer's row."""

from __future__ import annotations

import re
from collections.abc import Iterator

from eie_backend.isa.assembly import print_program, to_dialect
from eie_backend.isa.instructions import BY_NAME, INSTRUCTIONS
from eie_backend.isa.program import Program
from eie_backend.isa.source_file import SEPARATOR
from eie_backend.report.content import Line, Listing, Section, Terms
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection

INSTRUCTION = re.compile(rf'\s+eie\.(?:{"|".join(BY_NAME)}) ("(?:[^"\\]|\\.)*")')
"""Pattern of an instruction's line and its layer's name; no string of a program starts a line."""


def program(run: Run) -> Section:
    """Return the listings of all programs."""
    programs = run.report.programs
    count = sum(len(one.setup) + len(one.steps) for one in programs)
    many = f"{len(programs)} programs" if len(programs) > 1 else "One program"
    lead = (
        f"{many}, {count:,} instructions. An instruction's layer leads to its row in the table of "
        "layers, and a row to its first instruction. Constants are shown by their hash: "
        "`eie disasm -o FILE` writes them whole."
    )
    lines = [line for number, one in enumerate(programs) for line in _lines(number, one, run)]
    listing = Listing("program-text", "The program's text", lines)
    meanings = Terms([(f"eie.{one.name}", one.meaning) for one in INSTRUCTIONS])
    return Section("program", SECTION.title, lead, (listing, meanings))


def first_instruction(run: Run, layer: str) -> str:
    """Return the id of the first instruction that computes a layer."""
    for number, one in enumerate(run.report.programs):
        for at, step in enumerate(one.steps, start=len(one.setup)):
            if one.layers[step.layer] == layer:
                return _id(number, at)
    return ""


def _lines(number: int, program: Program, run: Run) -> Iterator[Line]:
    if number:
        yield Line(SEPARATOR)
    steps = iter(enumerate((*program.setup, *program.steps)))
    for text in print_program(to_dialect(program), elide=True).splitlines():
        found = INSTRUCTION.match(text)
        if found is None:
            yield Line(text)
            continue
        at, step = next(steps)
        yield Line(text, _id(number, at), found[1], run.anchor(program.layers[step.layer]))


def _id(program: int, step: int) -> str:
    return f"instruction-{program}-{step}"


SECTION = ReportSection(
    place=110,
    title="Program",
    shows="the text that `eie disasm` prints, constants by their hash; an instruction's layer leads"
    " to its row",
    source="[instruction set](isa.md)",
    make=program,
)
