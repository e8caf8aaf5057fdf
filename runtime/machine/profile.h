#ifndef EIE_MACHINE_PROFILE_H_
#define EIE_MACHINE_PROFILE_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "engine/cycle_account.h"
#include "generated/counters.h"
#include "image/program.h"

namespace eie {

/// The cost of all samples of one layer, or of all runs of a program's setup.
struct ProfileRow {
  std::string symbol;      ///< symbol of the program
  std::string layer;       ///< empty for the setup
  int64_t samples = 0;     ///< 0 for the setup
  int64_t min_cycles = 0;  ///< least cycles of one sample
  int64_t max_cycles = 0;
  Counters counters{};     ///< summed over the samples
  CycleAccount account{};  ///< same; empty unless wanted

  /// Adds one sample.
  void Add(const Counters& sample);
  /// Adds another row of the same layer.
  void Merge(const ProfileRow& other);
};

/// Sums the costs of program runs; it is not thread-safe.
class Profiler {
 public:
  /// `accounts`: whether recorded runs have an account of their cycles.
  explicit Profiler(bool accounts) : accounts_(accounts) {}

  bool accounts() const { return accounts_; }
  /// Adds a run of `program`; `layers` has one row per layer.
  void Record(const std::shared_ptr<const Program>& program, const std::vector<ProfileRow>& layers);
  /// Returns the rows in the order of their first run: for each program its setup, then its layers.
  std::vector<ProfileRow> Rows() const;

 private:
  struct Runs {
    std::shared_ptr<const Program> program;
    int64_t calls;
    std::vector<ProfileRow> layers;
  };

  bool accounts_;
  std::vector<Runs> runs_;
};

}  // namespace eie

#endif  // EIE_MACHINE_PROFILE_H_
