"""``epilogues.h`` and ``visit.h``: the epilogues of ``write_back``, by their numbers."""

from __future__ import annotations

from eie_backend.epilogues import EPILOGUES
from eie_backend.generate.cpp import camel, header

SOURCE = "eie_backend/epilogues"
FOLDER = "values/epilogues"


def epilogues_header() -> str:
    """Return ``epilogues.h``: what reading and counting need to know of each."""
    rows = "".join(
        f'    {{"{one.name}", {one.highest_words[0]}, {one.highest_words[1]}, {one.multiplies}}},\n'
        for one in EPILOGUES
    )
    body = f"""/// An epilogue of `write_back`.
struct EpilogueRow {{
  const char* name;
  int64_t highest_fixed_word;  ///< largest parameter in fixed point
  int64_t highest_float_word;  ///< largest bits of the parameter in float32
  int64_t multiplies;          ///< products per value
}};

/// By number.
constexpr std::array<EpilogueRow, {len(EPILOGUES)}> kEpilogues = {{{{
{rows}}}}};
"""
    return header(SOURCE, "EPILOGUES", ("array", "cstdint"), body)


def visit_header() -> str:
    """Return ``visit.h``: from an epilogue's number to its struct."""
    cases = "".join(
        f"    case {one.number}:\n      return visit({camel(one.name)}{{}});\n" for one in EPILOGUES
    )
    body = f"""/// Calls `visit` with the epilogue of a number that `CheckProgram` has checked.
template <typename Visit>
void VisitEpilogue(int64_t number, Visit visit) {{
  switch (number) {{
{cases}    default:
      throw std::logic_error("eie: an unknown epilogue");
  }}
}}
"""
    own = tuple(f"{FOLDER}/{one.name}.h" for one in EPILOGUES)
    return header(SOURCE, "VISIT_EPILOGUE", ("cstdint", "stdexcept"), body, own)
