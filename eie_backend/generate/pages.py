"""The pages of the docs that follow from the machine's definitions."""

from __future__ import annotations

from eie_backend.epilogues import EPILOGUES
from eie_backend.generate.cpp import COMMAND
from eie_backend.isa.counters import COUNTERS, Counter
from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES, CYCLES_TEXT
from eie_backend.isa.fields import WORD_BYTES
from eie_backend.isa.instructions import INSTRUCTIONS


def isa_page() -> str:
    """Return ``docs/isa.md``."""
    parts = [
        f"# Instruction set\n\n<!-- Generated from eie_backend/isa/instructions by `{COMMAND}`. -->"
        f"\n\nAn instruction word has {WORD_BYTES} bytes, little-endian, fields from bit 0 up. "
        "P is the number of PEs; `sat` clamps to the width of what is written, that of an "
        "activation (`act`) or of a destination register (`acc`).\n"
    ]
    for instruction in INSTRUCTIONS:
        rows = "".join(
            f"| {spec.name} | {at} | {spec.bits} | {spec.low}..{spec.high} | {spec.unit} | "
            f"{instruction.opcode if spec.name == 'opcode' else spec.doc} |\n"
            for spec, at in instruction.layout
        )
        parts.append(
            f"\n## {instruction.name}\n\n{instruction.meaning}\n\n"
            f"Effect: `{instruction.effect}`\n\nSource: {instruction.source}.\n\n"
            f"| field | bit | bits | range | unit | meaning |\n|---|---|---|---|---|---|\n{rows}"
        )
    rows = "".join(
        f"| {one.number} | `{one.name}` | {one.formula} | {one.parameter or 'none'} | "
        f"{one.highest_words[0]} | {one.source} |\n"
        for one in EPILOGUES
    )
    parts.append(
        "\n## Epilogues\n\nWhat `write_back` makes of a sum x, in the accumulator's format and "
        "before the shift. In float32 a parameter is the bits of a float32.\n\n"
        "| number | name | result | parameter | highest in fixed point | source |\n"
        f"|---|---|---|---|---|---|\n{rows}"
    )
    return "".join(parts)


def _rows(declared: tuple[Counter, ...]) -> str:
    return "".join(f"| `{c.name}` | {c.unit} | {c.doc} |\n" for c in declared)


def counters_page() -> str:
    """Return ``docs/counters.md``."""
    return (
        f"# Counters\n\n<!-- Generated from eie_backend/isa/counters.py by `{COMMAND}`. -->\n\n"
        f"| counter | unit | meaning |\n|---|---|---|\n{_rows(COUNTERS)}"
    )


def cycles_page() -> str:
    """Return ``docs/cycles.md``."""
    return (
        "# Where every cycle went\n\n"
        f"<!-- Generated from eie_backend/isa/cycle_categories.py by `{COMMAND}`. -->\n\n"
        f"| category | unit | meaning |\n|---|---|---|\n{_rows(CYCLE_CATEGORIES)}\n{CYCLES_TEXT}"
    )


def supported_ops_page() -> str:
    """Return ``docs/supported_ops.md``."""
    from eie_backend.generate import supported_ops  # needs TVM, which the other pages do not

    return supported_ops.supported_ops_page(COMMAND)
