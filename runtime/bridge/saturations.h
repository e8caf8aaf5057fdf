#ifndef EIE_BRIDGE_SATURATIONS_H_
#define EIE_BRIDGE_SATURATIONS_H_

#include <cstdint>
#include <vector>

#include "generated/counters.h"
#include "image/program.h"

namespace eie {

/// Values of a call that did not fit their number formats, layer by layer.
///
/// They are for calls that nobody records: whoever made the call is told if they are many.
class Saturations {
 public:
  /// Adds a sample. One with NaN or infinity is left out: of that, who takes inputs tells.
  void Add(const std::vector<Counters>& layers, const std::vector<float>& input) {
    int64_t any = 0;
    for (const Counters& one : layers) any |= Sum(one);
    if (any != 0) AddSaturated(layers, input);
  }
  void Merge(const Saturations& other);
  /// Calls the global function `eie.saturated`, if there is one, with the layers that saturate more
  /// than `kAllowedSaturations`, and throws what it throws. `samples` are all of the call.
  void Tell(const Program& program, int64_t samples) const;

 private:
  static int64_t Sum(const Counters& one) {
    return one.input_saturations + one.accumulator_saturations + one.output_saturations;
  }
  void AddSaturated(const std::vector<Counters>& layers, const std::vector<float>& input);

  std::vector<Counters> sums_;    // empty while nothing saturated
  std::vector<int64_t> written_;  // by layer: values that a sample writes, the same for each
};

}  // namespace eie

#endif  // EIE_BRIDGE_SATURATIONS_H_
