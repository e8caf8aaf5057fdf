#include "bridge/saturations.h"

#include <tvm/ffi/container/array.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/string.h>

#include <algorithm>
#include <cmath>
#include <optional>

#include "bridge/convert.h"

namespace eie {

void Saturations::AddSaturated(const std::vector<Counters>& layers,
                               const std::vector<float>& input) {
  const auto is_finite = [](float value) { return std::isfinite(value); };
  if (!std::all_of(input.begin(), input.end(), is_finite)) return;
  if (sums_.empty()) {
    sums_.resize(layers.size());
    for (const Counters& one : layers) written_.push_back(one.act_writes);
  }
  for (size_t i = 0; i < layers.size(); ++i) sums_[i] += layers[i];
}

void Saturations::Merge(const Saturations& other) {
  if (sums_.empty()) {
    *this = other;
    return;
  }
  for (size_t i = 0; i < other.sums_.size(); ++i) sums_[i] += other.sums_[i];
}

void Saturations::Tell(const Program& program, int64_t samples) const {
  ffi::Array<ffi::String> names;
  ffi::Array<int64_t> counts;
  for (size_t i = 0; i < sums_.size(); ++i) {
    const Counters& one = sums_[i];
    const int64_t written = samples * written_[i];
    if (static_cast<double>(Sum(one)) <= kAllowedSaturations * static_cast<double>(written)) {
      continue;
    }
    names.push_back(program.layers[i]);
    for (const int64_t count :
         {one.input_saturations, one.accumulator_saturations, one.output_saturations, written}) {
      counts.push_back(count);
    }
  }
  if (names.empty()) return;
  const std::optional<ffi::Function> tell = ffi::Function::GetGlobal("eie.saturated");
  if (tell) (*tell)(names, counts);
}

}  // namespace eie
