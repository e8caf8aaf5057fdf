#ifndef EIE_IMAGE_LIMITS_H_
#define EIE_IMAGE_LIMITS_H_

#include <cstdint>

/// Limits of instruction operands, within which no intermediate value of the arithmetics exceeds 64
/// bits.

namespace eie {

constexpr int64_t kMinShift = -40;
constexpr int64_t kMaxShift = 62;
constexpr int64_t kMaxOneFracBits = 30;  ///< fractional bits of the bias column's constant 1
constexpr int64_t kMaxFracBits = 64;     ///< magnitude of inputs' and outputs' fractional bits

}  // namespace eie

#endif  // EIE_IMAGE_LIMITS_H_
