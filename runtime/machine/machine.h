#ifndef EIE_MACHINE_MACHINE_H_
#define EIE_MACHINE_MACHINE_H_

#include <memory>
#include <vector>

#include "engine/cycle_account.h"
#include "engine/engine.h"
#include "generated/counters.h"
#include "image/program.h"
#include "soft_errors/soft_errors.h"

namespace eie {

struct Trace;

/// A machine (registers and activation SRAM) that runs one program, one sample at a time.
class Machine {
 public:
  /// Creates a machine with the program's arithmetic. `program` and `trace` must outlive it.
  /// `trace`, if given, records the activities of the steps by edge.
  static std::unique_ptr<Machine> Create(const Program& program, const EngineOptions& options = {},
                                         Trace* trace = nullptr);

  virtual ~Machine() = default;

  /// Runs the steps on one sample, starting from cleared state, with bit flips if given; returns
  /// the counters of each layer.
  virtual const std::vector<Counters>& Run(const float* input, float* output,
                                           SampleFlips* flips = nullptr) = 0;
  /// Returns the cycle account of each layer, summed over all runs; empty unless the options ask
  /// for it.
  virtual const std::vector<CycleAccount>& accounts() const = 0;
};

/// Returns the cost of one setup of a program: the transfer of its matrices.
Counters SetupCounters(const Program& program);

}  // namespace eie

#endif  // EIE_MACHINE_MACHINE_H_
