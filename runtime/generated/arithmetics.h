// Generated from eie_backend/isa/program.py by `python -m eie_backend.generate`; do not edit.
#ifndef EIE_GENERATED_ARITHMETICS_H_
#define EIE_GENERATED_ARITHMETICS_H_

#include <cstdint>

namespace eie {

constexpr uint32_t kNumArithmetics = 4;

/// How a program computes.
enum class ArithmeticKind : uint32_t {
  kFloat32 = 0,
  kInt16 = 1,
  kInt8 = 2,
  kInt32 = 3,
};

/// Bits of an activation and of an expanded weight.
constexpr int64_t ValueBits(ArithmeticKind kind) {
  switch (kind) {
    case ArithmeticKind::kFloat32:
      return 32;
    case ArithmeticKind::kInt16:
      return 16;
    case ArithmeticKind::kInt8:
      return 8;
    case ArithmeticKind::kInt32:
      return 32;
  }
  return 0;
}

}  // namespace eie

#endif  // EIE_GENERATED_ARITHMETICS_H_
