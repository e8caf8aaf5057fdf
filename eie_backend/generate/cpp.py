"""What the C++ headers that are generated have in common."""

from __future__ import annotations

from collections.abc import Iterable, Sequence

COMMAND = "python -m eie_backend.generate"
"""It rewrites all generated files, each of which names it."""


def camel(name: str) -> str:
    """Return a name as C++ spells it.

    Examples
    --------
    >>> camel("act_queue")
    'ActQueue'
    """
    return "".join(part.capitalize() for part in name.split("_"))


def header(
    source: str, guard: str, includes: Sequence[str], body: str, own: Sequence[str] = ()
) -> str:
    """Return a header of namespace ``eie`` that follows from `source`; `own` are our includes."""
    lines = "".join(f"#include <{name}>\n" for name in includes)
    if own:
        lines += "\n" + "".join(f'#include "{name}"\n' for name in sorted(own))
    return (
        f"// Generated from {source} by `{COMMAND}`; do not edit.\n"
        f"#ifndef EIE_GENERATED_{guard}_H_\n#define EIE_GENERATED_{guard}_H_\n\n"
        f"{lines}\nnamespace eie {{\n\n{body}\n}}  // namespace eie\n\n"
        f"#endif  // EIE_GENERATED_{guard}_H_\n"
    )


def enumeration(name: str, about: str, meanings: Iterable[tuple[str, str]]) -> str:
    """Return an enumeration of values, each with its meaning, and how many there are.

    A value's place is its number.
    """
    values = [
        f"  k{camel(value)} = {number},  ///< {meaning}\n"
        for number, (value, meaning) in enumerate(meanings)
    ]
    return (
        f"/// {about}\nenum class {name} : uint32_t {{\n{''.join(values)}}};\n\n"
        f"constexpr uint32_t kNum{name}s = {len(values)};\n"
    )
