#ifndef EIE_IMAGE_LIMITS_H_
#define EIE_IMAGE_LIMITS_H_

#include <cstdint>

/// Limits of what an instruction asks of the arithmetics: within them no intermediate leaves 64
/// bits.

namespace eie {

constexpr int64_t kMinShift = -40;
constexpr int64_t kMaxShift = 62;
constexpr int64_t kMaxOneFracBits = 30;  ///< of the bias column's constant 1
constexpr int64_t kMaxFracBits = 64;     ///< magnitude, of inputs and outputs

}  // namespace eie

#endif  // EIE_IMAGE_LIMITS_H_
