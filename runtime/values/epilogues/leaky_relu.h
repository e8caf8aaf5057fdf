#ifndef EIE_VALUES_EPILOGUES_LEAKY_RELU_H_
#define EIE_VALUES_EPILOGUES_LEAKY_RELU_H_

#include <cstdint>

#include "values/arithmetic.h"

namespace eie {

/// x if x >= 0, else x * slope: in fixed point with 15 fractional bits of the slope, rounded to the
/// accumulator's format.
struct LeakyRelu {
  static constexpr int64_t kSlopeBits = 15;

  static float Apply(float sum, float slope) { return sum < 0 ? sum * slope : sum; }
  static int64_t Apply(int64_t sum, int64_t slope) {
    return sum < 0 ? ShiftRound(sum * slope, kSlopeBits) : sum;
  }
};

}  // namespace eie

#endif  // EIE_VALUES_EPILOGUES_LEAKY_RELU_H_
