#ifndef EIE_VALUES_EPILOGUES_RELU_H_
#define EIE_VALUES_EPILOGUES_RELU_H_

#include <cstdint>

namespace eie {

/// max(x, 0); a NaN stays.
struct Relu {
  static float Apply(float sum, float /*parameter*/) { return sum <= 0 ? 0.0F : sum; }
  static int64_t Apply(int64_t sum, int64_t /*parameter*/) { return sum <= 0 ? 0 : sum; }
};

}  // namespace eie

#endif  // EIE_VALUES_EPILOGUES_RELU_H_
