"""``choices.h``: the closed choices that C++ knows, by their numbers in images and calls."""

from __future__ import annotations

from eie_backend.generate.cpp import camel, enumeration, header
from eie_backend.machine.choices import ARITHMETIC, ENGINE, PROTECTION, TRANSIENT_UNITS, UNIT
from eie_backend.machine.numerics import value_bits


def choices_header() -> str:
    """Return the header."""
    parts = (
        enumeration("ArithmeticKind", "How a program computes.", ARITHMETIC.meanings.items()),
        _value_bits(),
        enumeration(
            "Engine",
            "How an mvm is executed. All give the same values, the timed ones the same times.",
            ENGINE.meanings.items(),
        ),
        _engine_names(),
        enumeration(
            "Protection",
            "How the words of a memory are kept from errors.",
            PROTECTION.meanings.items(),
        ),
        enumeration(
            "FlipUnit",
            "Memories in which a flip is gone after use, and so belongs to one step of one sample.",
            ((unit, UNIT.meanings[unit]) for unit in TRANSIENT_UNITS),
        ),
    )
    source, includes = "eie_backend/machine/choices.py", ("array", "cstdint")
    return header(source, "CHOICES", includes, "\n".join(parts))


def _value_bits() -> str:
    cases = "".join(
        f"    case ArithmeticKind::k{camel(name)}:\n      return {value_bits(name)};\n"
        for name in ARITHMETIC.values
    )
    return f"""/// Bits of an activation and of an expanded weight.
constexpr int64_t ValueBits(ArithmeticKind kind) {{
  switch (kind) {{
{cases}  }}
  return 0;
}}
"""


def _engine_names() -> str:
    names = ", ".join(f'"{name}"' for name in ENGINE.values)
    return (
        "/// Names of the engines as users write them, by number.\n"
        f"constexpr std::array<const char*, kNumEngines> kEngineNames = {{{names}}};\n"
    )
