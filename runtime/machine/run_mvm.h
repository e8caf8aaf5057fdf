#ifndef EIE_MACHINE_RUN_MVM_H_
#define EIE_MACHINE_RUN_MVM_H_

#include <cstdint>
#include <vector>

#include "clock/simulation.h"
#include "engine/cycle_account.h"
#include "engine/engine.h"
#include "event/account.h"
#include "event/scan.h"
#include "generated/counters.h"
#include "generated/hardware_config.h"
#include "host/share_work.h"
#include "image/encoded_matrix.h"
#include "machine/trace.h"
#include "values/active_columns.h"
#include "values/mvm.h"

namespace eie {

/// Runs one sparse matrix-vector product (mvm) on the engine in `options`. Adds the product to
/// `acc`, its cost to `counters` and, if the options ask for it, its cycles by category to
/// `account`.
///
/// `codebook` has a word per code, `x` has `cols` words and `acc` has `rows`. Without `acc` only
/// the cost is computed (not on the clock engine). `account`, if wanted, has this machine's size;
/// `trace`, if given, records the mvm. The bias column's 1 has `frac_bits`.
/// Threads take the two halves of the rows and the scan. Sums are in the order of columns on any
/// number of threads.
template <typename Arithmetic>
void RunMvm(const EncodedMatrix& matrix, const HardwareConfig& config, const Arithmetic& arithmetic,
            const uint32_t* codebook, const typename Arithmetic::Word* x, int64_t shift,
            int64_t frac_bits, const EngineOptions& options, typename Arithmetic::Word* acc,
            Counters* counters, CycleAccount* account, Trace* trace) {
  if (options.engine == Engine::kClock) {
    const auto one = matrix.has_bias_column ? arithmetic.One(frac_bits) : 0;
    const clock::Layer<Arithmetic> layer{matrix, config, arithmetic, codebook, shift, one, x, acc};
    clock::Simulation<Arithmetic>(layer, options.visit_seed)
        .Run(counters, options.account ? account : nullptr,
             trace != nullptr ? &trace->intervals : nullptr,
             trace != nullptr ? &trace->vcd : nullptr);
    return;
  }
  const std::vector<uint32_t> columns = ActiveColumns(matrix, x);
  counters->act_reads += matrix.cols;
  const auto scan = [&] {
    if (options.engine == Engine::kFunctional) return;
    const int64_t before = counters->cycles;
    Scan(matrix, config, columns, counters);
    if (!options.account) return;
    Account(matrix, config, columns, counters->cycles - before, account,
            trace != nullptr ? &trace->intervals : nullptr);
  };
  const auto add = [&](EncodedMatrix::Rows part) {
    return acc == nullptr
               ? 0
               : MultiplyAdd(matrix, part, columns, arithmetic, codebook, x, shift, frac_bits, acc);
  };
  if (acc == nullptr || options.threads == 1) {
    scan();
    counters->accumulator_saturations += add(EncodedMatrix::Rows::kAll);
    return;
  }
  int64_t low = 0, high = 0;  // saturations
  ShareWork(3, options.threads, [&](Pieces& pieces) {
    for (int64_t n; pieces.Take(&n);) {
      if (n == 0) scan();
      if (n == 1) low = add(EncodedMatrix::Rows::kLow);
      if (n == 2) high = add(EncodedMatrix::Rows::kHigh);
    }
  });
  counters->accumulator_saturations += low + high;
}

}  // namespace eie

#endif  // EIE_MACHINE_RUN_MVM_H_
