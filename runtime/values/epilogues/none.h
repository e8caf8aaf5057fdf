#ifndef EIE_VALUES_EPILOGUES_NONE_H_
#define EIE_VALUES_EPILOGUES_NONE_H_

#include <cstdint>

namespace eie {

/// x: sums are stored as they are.
struct None {
  static float Apply(float sum, float /*parameter*/) { return sum; }
  static int64_t Apply(int64_t sum, int64_t /*parameter*/) { return sum; }
};

}  // namespace eie

#endif  // EIE_VALUES_EPILOGUES_NONE_H_
