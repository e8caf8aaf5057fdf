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

/// What the samples of one layer cost, or a program's setup, as often as it ran.
struct ProfileRow {
  std::string symbol;      ///< of the program
  std::string layer;       ///< empty: the setup
  int64_t samples = 0;     ///< none: the setup
  int64_t min_cycles = 0;  ///< of one sample
  int64_t max_cycles = 0;
  Counters counters{};     ///< summed over the samples
  CycleAccount account{};  ///< likewise; without words unless it was asked for

  /// Adds one sample.
  void Add(const Counters& sample);
  /// Adds another row of the same layer.
  void Merge(const ProfileRow& other);
};

/// Adds up what runs of programs cost; one thread at a time may use it.
class Profiler {
 public:
  /// `accounts`: the runs that are recorded are to say where their cycles went.
  explicit Profiler(bool accounts) : accounts_(accounts) {}

  bool accounts() const { return accounts_; }
  /// Adds a run of `program`; `layers` has one row per layer.
  void Record(const std::shared_ptr<const Program>& program, const std::vector<ProfileRow>& layers);
  /// The rows in the order of their first run: per program its setup, then its layers.
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
