// Generated from eie_backend/isa/counters.py by `python -m eie_backend.generate`; do not edit.
#ifndef EIE_GENERATED_COUNTERS_H_
#define EIE_GENERATED_COUNTERS_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace eie {

/// Saturations for each value that a layer writes, up to which nothing is told.
constexpr double kAllowedSaturations = 0.001;

/// What the machine counted.
struct Counters {
  static constexpr size_t kNumCounters = 14;

  int64_t cycles = 0;  ///< cycles: compute cycles: the scan of every mvm up to its last write
  int64_t load_cycles = 0;  ///< cycles: I/O mode: bytes moved / DRAM bandwidth, beside `cycles`
  int64_t load_bytes = 0;  ///< bytes: I/O mode: matrices, biases and activations moved
  int64_t broadcasts = 0;  ///< columns: non-zero activations broadcast to all PEs
  int64_t ptr_reads = 0;  ///< accesses: pointer pairs read: one per column popped, over all PEs
  int64_t spmat_reads = 0;  ///< words: weight SRAM words read, over all PEs
  int64_t entries = 0;  ///< entries: weight entries issued, paddings included, over all PEs
  int64_t padding_entries = 0;  ///< entries: of `entries`: paddings, which write nothing
  int64_t act_reads = 0;  ///< values: activation values read from the activation SRAM
  int64_t act_writes = 0;  ///< values: activation values written to the activation SRAM
  int64_t epilogue_multiplies = 0;  ///< values: values that an epilogue of `write_back` multiplied
  int64_t input_saturations = 0;  ///< values: host inputs outside the input's fixed-point range
  int64_t accumulator_saturations = 0;  ///< values: sums outside the destination register's range
  int64_t output_saturations = 0;  ///< values: results outside the output's fixed-point range

  Counters& operator+=(const Counters& other) {
    cycles += other.cycles;
    load_cycles += other.load_cycles;
    load_bytes += other.load_bytes;
    broadcasts += other.broadcasts;
    ptr_reads += other.ptr_reads;
    spmat_reads += other.spmat_reads;
    entries += other.entries;
    padding_entries += other.padding_entries;
    act_reads += other.act_reads;
    act_writes += other.act_writes;
    epilogue_multiplies += other.epilogue_multiplies;
    input_saturations += other.input_saturations;
    accumulator_saturations += other.accumulator_saturations;
    output_saturations += other.output_saturations;
    return *this;
  }

  /// The counters in declaration order.
  std::array<int64_t, kNumCounters> Values() const {
    return {
        cycles,
        load_cycles,
        load_bytes,
        broadcasts,
        ptr_reads,
        spmat_reads,
        entries,
        padding_entries,
        act_reads,
        act_writes,
        epilogue_multiplies,
        input_saturations,
        accumulator_saturations,
        output_saturations,
    };
  }
};

}  // namespace eie

#endif  // EIE_GENERATED_COUNTERS_H_
