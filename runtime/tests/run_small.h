#ifndef EIE_TESTS_RUN_SMALL_H_
#define EIE_TESTS_RUN_SMALL_H_

#include <cmath>
#include <cstdint>
#include <limits>
#include <vector>

#include "image/program.h"
#include "machine/machine.h"

namespace eie {

/// Runs `program` on one input if its memory is small; the image's bytes bound the rest.
///
/// The input has zeros, which are skipped, and the values that are hardest to round.
inline void RunIfSmall(const Program& program) {
  constexpr int64_t kMaxValues = 1 << 18;
  if (program.inputs > kMaxValues || program.outputs > kMaxValues ||
      program.act_values > kMaxValues ||
      program.config.num_pe * program.config.act_registers > kMaxValues) {
    return;
  }
  using Limits = std::numeric_limits<float>;
  const float values[] = {1.5F,
                          0,
                          -0.0F,
                          -3e38F,
                          Limits::quiet_NaN(),
                          1e-3F,
                          Limits::infinity(),
                          -127.5F,
                          0,
                          3e38F,
                          Limits::denorm_min()};
  std::vector<float> input(program.inputs), output(program.outputs);
  for (size_t i = 0; i < input.size(); ++i) input[i] = values[i % std::size(values)];
  Machine::Create(program)->Run(input.data(), output.data());
  SetupCounters(program);
}

}  // namespace eie

#endif  // EIE_TESTS_RUN_SMALL_H_
