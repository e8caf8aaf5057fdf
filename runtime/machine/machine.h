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

/// Registers and activation SRAM that run one program, a sample at a time.
class Machine {
 public:
  /// The machine of the program's arithmetic. `program` must outlive it, and so must `trace`,
  /// which, if given, takes what the steps did at which edge.
  static std::unique_ptr<Machine> Create(const Program& program, const EngineOptions& options = {},
                                         Trace* trace = nullptr);

  virtual ~Machine() = default;

  /// Runs the steps on one sample, from cleared state and, if given, struck by flips; returns the
  /// counters of each layer.
  virtual const std::vector<Counters>& Run(const float* input, float* output,
                                           SampleFlips* flips = nullptr) = 0;
  /// Where the cycles of each layer went, summed over all runs; without words unless the options
  /// ask for it.
  virtual const std::vector<CycleAccount>& accounts() const = 0;
};

/// What the setup of a program costs each time: the transfer of its matrices.
Counters SetupCounters(const Program& program);

}  // namespace eie

#endif  // EIE_MACHINE_MACHINE_H_
