"""The C++ headers that follow from the machine's definitions."""

from __future__ import annotations

from dataclasses import fields

from eie_backend.config import SPARE_SLOTS, HardwareConfig
from eie_backend.generate.cpp import camel, header
from eie_backend.isa.counters import ALLOWED_SATURATIONS, COUNTERS
from eie_backend.isa.cycle_categories import CCU_ACTIVITIES, CYCLE_CATEGORIES
from eie_backend.isa.fields import WORD_BYTES, Field, Instruction
from eie_backend.isa.instructions import INSTRUCTIONS


def _decode_field(spec: Field, at: int) -> str:
    return f"Bits(word, {at}, {spec.bits}, {str(spec.signed).lower()})"


def _struct(instruction: Instruction) -> str:
    members = "".join(f"  int64_t {spec.name};  ///< {spec.doc}\n" for spec in instruction.fields)
    return (
        f"/// {instruction.meaning}\n"
        f"struct {camel(instruction.name)} {{\n"
        f'  static constexpr const char* kName = "{instruction.name}";\n'
        f"  static constexpr uint8_t kOpcode = {instruction.opcode};\n{members}}};\n"
    )


def _case(instruction: Instruction) -> str:
    operands = ", ".join(
        _decode_field(spec, at) for spec, at in instruction.layout if spec in instruction.fields
    )
    name = camel(instruction.name)
    used = sum(spec.bits for spec, _ in instruction.layout)
    return (
        f"    case {name}::kOpcode:\n"
        f"      RequireZeroFrom(word, {used});\n"
        f"      return {{layer, {name}{{{operands}}}}};\n"
    )


def isa_header() -> str:
    """Return ``isa.h``: a struct per instruction and the decoder."""
    structs = "\n".join(_struct(instruction) for instruction in INSTRUCTIONS)
    names = ", ".join(camel(instruction.name) for instruction in INSTRUCTIONS)
    layer, at = INSTRUCTIONS[0].layout[1]
    body = f"""constexpr size_t kInstructionBytes = {WORD_BYTES};

{structs}
using Operation = std::variant<{names}>;

/// A decoded instruction and the number of its source layer.
struct Instruction {{
  int64_t layer;
  Operation operation;
}};

/// Value of `count` bits of `word` that start at bit `at`.
inline int64_t Bits(const uint8_t* word, size_t at, size_t count, bool is_signed) {{
  int64_t value = 0;
  for (size_t i = 0; i < count; ++i) {{
    const size_t bit = at + i;
    value |= static_cast<int64_t>((word[bit / 8] >> (bit % 8)) & 1) << i;
  }}
  const bool negative = is_signed && ((value >> (count - 1)) & 1);
  return negative ? value - (int64_t{{1}} << count) : value;
}}

inline void RequireZeroFrom(const uint8_t* word, size_t at) {{
  for (size_t bit = at; bit < kInstructionBytes * 8; ++bit) {{
    if ((word[bit / 8] >> (bit % 8)) & 1) {{
      throw std::invalid_argument("bits outside the fields of an instruction are set");
    }}
  }}
}}

/// Decodes the `kInstructionBytes` at `word`; throws std::invalid_argument.
inline Instruction DecodeInstruction(const uint8_t* word) {{
  const int64_t layer = {_decode_field(layer, at)};
  switch (word[0]) {{
{"".join(_case(instruction) for instruction in INSTRUCTIONS)}    default:
      throw std::invalid_argument("unknown opcode " + std::to_string(word[0]));
  }}
}}
"""
    includes = ("cstddef", "cstdint", "stdexcept", "string", "variant")
    return header("eie_backend/isa/instructions", "ISA", includes, body)


def config_header(config: type[HardwareConfig] = HardwareConfig) -> str:
    """Return ``hardware_config.h``: the struct and its checked reader."""
    members, reads, required = [], [], 0
    for at, spec in enumerate(fields(config)):
        meta = spec.metadata
        required += not meta["appended"]
        word = (
            f"count > {at} ? words[{at}] : {spec.default}" if meta["appended"] else f"words[{at}]"
        )
        members.append(f"  int64_t {spec.name};  ///< {meta['unit']}: {meta['doc']}\n")
        reads.append(f'      InRange("{spec.name}", {word}, {meta["low"]}, {meta["high"]}),\n')
    body = f"""/// Sizes of the machine.
struct HardwareConfig {{
  static constexpr size_t kNumFields = {len(members)};
  static constexpr size_t kRequiredFields = {required};  ///< the others were appended later

{"".join(members)}
  /// Most columns that an act_queue holds.
  int64_t queue_columns() const {{ return fifo_depth - {SPARE_SLOTS}; }}
}};

inline int64_t InRange(const char* name, uint32_t value, uint32_t low, uint32_t high) {{
  if (value < low || value > high) {{
    throw std::invalid_argument(std::string("HardwareConfig: ") + name + " = " +
                                std::to_string(value) + " is out of range");
  }}
  return value;
}}

/// Reads `count` fields in declaration order; appended ones that are absent are the machine's
/// before them. Throws std::invalid_argument.
inline HardwareConfig ReadHardwareConfig(const uint32_t* words, size_t count) {{
  const std::string found = "HardwareConfig: " + std::to_string(count) + " fields";
  if (count > HardwareConfig::kNumFields) {{
    throw std::invalid_argument(found + ", this release knows " +
                                std::to_string(HardwareConfig::kNumFields) +
                                "; use the release that wrote them, or a newer one");
  }}
  if (count < HardwareConfig::kRequiredFields) {{
    throw std::invalid_argument(found + ", at least " +
                                std::to_string(HardwareConfig::kRequiredFields) + " are needed");
  }}
  return {{
{"".join(reads)}  }};
}}
"""
    includes = ("cstddef", "cstdint", "stdexcept", "string")
    return header("eie_backend/config.py", "HARDWARE_CONFIG", includes, body)


def counters_header() -> str:
    """Return ``counters.h``: the struct, its sum and its export in declaration order."""
    members = "".join(f"  int64_t {c.name} = 0;  ///< {c.unit}: {c.doc}\n" for c in COUNTERS)
    sums = "".join(f"    {c.name} += other.{c.name};\n" for c in COUNTERS)
    values = "".join(f"        {c.name},\n" for c in COUNTERS)
    body = f"""/// Saturations for each value that a layer writes, up to which nothing is told.
constexpr double kAllowedSaturations = {ALLOWED_SATURATIONS};

/// What the machine counted.
struct Counters {{
  static constexpr size_t kNumCounters = {len(COUNTERS)};

{members}
  Counters& operator+=(const Counters& other) {{
{sums}    return *this;
  }}

  /// The counters in declaration order.
  std::array<int64_t, kNumCounters> Values() const {{
    return {{
{values}    }};
  }}
}};
"""
    return header("eie_backend/isa/counters.py", "COUNTERS", ("array", "cstddef", "cstdint"), body)


def cycle_categories_header() -> str:
    """Return ``cycle_categories.h``: what a PE does at an edge, and what the CCU does."""
    values, activities = (
        "".join(f"  k{camel(c.name)},  ///< {c.doc}\n" for c in declared)
        for declared in (CYCLE_CATEGORIES, CCU_ACTIVITIES)
    )
    body = f"""/// What a PE does at a clock edge; the edges of all categories add up to cycles x P.
enum class CycleCategory {{
{values}}};

constexpr size_t kNumCycleCategories = {len(CYCLE_CATEGORIES)};

/// What the CCU does at a clock edge while rows are left.
enum class CcuActivity {{
{activities}}};
"""
    source = "eie_backend/isa/cycle_categories.py"
    return header(source, "CYCLE_CATEGORIES", ("cstddef",), body)
