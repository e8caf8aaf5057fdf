#ifndef EIE_VALUES_EPILOGUES_CLIP_H_
#define EIE_VALUES_EPILOGUES_CLIP_H_

#include <cstdint>

namespace eie {

/// min(max(x, 0), c), with c in the accumulator's format; a NaN stays.
struct Clip {
  template <typename Sum>
  static Sum Apply(Sum sum, Sum bound) {
    if (sum <= 0) return 0;
    return sum > bound ? bound : sum;
  }
};

}  // namespace eie

#endif  // EIE_VALUES_EPILOGUES_CLIP_H_
