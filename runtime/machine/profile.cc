#include "machine/profile.h"

#include <algorithm>

#include "machine/machine.h"

namespace eie {

void ProfileRow::Add(const Counters& sample) {
  Merge({symbol, layer, 1, sample.cycles, sample.cycles, sample, {}});
}

void ProfileRow::Merge(const ProfileRow& other) {
  if (other.samples == 0) return;
  min_cycles = samples == 0 ? other.min_cycles : std::min(min_cycles, other.min_cycles);
  max_cycles = std::max(max_cycles, other.max_cycles);
  samples += other.samples;
  counters += other.counters;
  account += other.account;
}

void Profiler::Record(const std::shared_ptr<const Program>& program,
                      const std::vector<ProfileRow>& layers) {
  for (Runs& runs : runs_) {
    if (runs.program != program) continue;
    ++runs.calls;
    for (size_t i = 0; i < layers.size(); ++i) runs.layers[i].Merge(layers[i]);
    return;
  }
  runs_.push_back({program, 1, layers});
}

std::vector<ProfileRow> Profiler::Rows() const {
  std::vector<ProfileRow> rows;
  for (const Runs& runs : runs_) {
    Counters setup;
    const int64_t setups = runs.program->setup_per_call ? runs.calls : 1;
    for (int64_t n = 0; n < setups; ++n) setup += SetupCounters(*runs.program);
    rows.push_back({runs.program->symbol, "", 0, 0, 0, setup, {}});
    rows.insert(rows.end(), runs.layers.begin(), runs.layers.end());
  }
  return rows;
}

}  // namespace eie
