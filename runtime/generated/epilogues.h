// Generated from eie_backend/epilogues by `python -m eie_backend.generate`; do not edit.
#ifndef EIE_GENERATED_EPILOGUES_H_
#define EIE_GENERATED_EPILOGUES_H_

#include <array>
#include <cstdint>

namespace eie {

/// An epilogue of `write_back`.
struct EpilogueRow {
  const char* name;
  int64_t highest_fixed_word;  ///< largest parameter in fixed point
  int64_t highest_float_word;  ///< largest bits of the parameter in float32
  int64_t multiplies;          ///< products per value
};

/// By number.
constexpr std::array<EpilogueRow, 4> kEpilogues = {{
    {"none", 0, 0, 0},
    {"relu", 0, 0, 0},
    {"clip", 2147483647, 2139095039, 0},
    {"leaky_relu", 32768, 1065353215, 1},
}};

}  // namespace eie

#endif  // EIE_GENERATED_EPILOGUES_H_
