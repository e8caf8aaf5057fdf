#include "machine/machine.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <stdexcept>
#include <variant>

#include "generated/epilogues.h"
#include "machine/run_mvm.h"
#include "machine/trace.h"
#include "soft_errors/soft_errors.h"
#include "soft_errors/struck_mvm.h"
#include "values/active_columns.h"
#include "values/arithmetic.h"
#include "values/epilogues/visit.h"

namespace eie {
namespace {

/// I/O mode: moves `bytes` between DRAM and the machine.
void Transfer(const HardwareConfig& config, int64_t bytes, Counters* counters) {
  counters->load_bytes += bytes;
  counters->load_cycles += (bytes + config.dram_bytes_per_cycle - 1) / config.dram_bytes_per_cycle;
}

template <typename Arithmetic>
class MachineOf final : public Machine {
 public:
  MachineOf(const Program& program, const EngineOptions& options, Trace* trace)
      : program_(program),
        options_(options),
        trace_(trace),
        arithmetic_(program.config),
        act_(program.act_values),
        acc_(program.config.act_registers * program.config.num_pe),
        layers_(program.layers.size()),
        accounts_(program.layers.size(),
                  options.account ? CycleAccount(program.config) : CycleAccount()) {}

  const std::vector<Counters>& Run(const float* input, float* output, SampleFlips* flips) override {
    input_ = input;
    output_ = output;
    flips_ = flips;
    std::fill_n(output, program_.outputs, 0.0F);
    std::fill(act_.begin(), act_.end(), Word{0});
    std::fill(acc_.begin(), acc_.end(), Word{0});
    std::fill(layers_.begin(), layers_.end(), Counters{});
    for (size_t n = 0; n < program_.steps.size(); ++n) {
      const Instruction& instruction = program_.steps[n];
      step_ = static_cast<int64_t>(n);
      counters_ = &layers_[instruction.layer];
      account_ = &accounts_[instruction.layer];
      const bool traced = trace_ != nullptr && trace_->Covers(program_.layers[instruction.layer]);
      step_trace_ = traced ? trace_ : nullptr;
      if (traced) trace_->vcd.Begin(step_);
      const Counters before = *counters_;
      std::visit([this](const auto& operation) { Execute(operation); }, instruction.operation);
      if (traced) trace_->AddStep(step_, before, *counters_);
    }
    return layers_;
  }

  const std::vector<CycleAccount>& accounts() const override { return accounts_; }

 private:
  using Word = typename Arithmetic::Word;

  Word* ActRow(int64_t row) { return act_.data() + row * program_.config.num_pe; }

  /// Flips bits of words that are about to be read; flips last until the words are rewritten.
  void StrikeAct(Word* act, int64_t count) {
    if (flips_ == nullptr) return;
    for (const WordFlips& flips : flips_->Strike(FlipUnit::kAct, step_, count)) {
      act[flips.word] = Arithmetic::Flip(act[flips.word], flips.mask);
    }
  }

  void Execute(const LoadMatrix& load) {
    Transfer(program_.config, program_.matrices[load.matrix]->storage_bytes, counters_);
  }

  void Execute(const LoadAct& load) {
    const double scale = std::ldexp(1.0, static_cast<int>(load.frac_bits));
    Word* act = ActRow(load.dst_row);
    for (int64_t i = 0; i < load.count; ++i) {
      act[i] = arithmetic_.FromInput(input_[load.src + i], scale, &counters_->input_saturations);
    }
    counters_->act_writes += load.count;
    Transfer(program_.config, 2 * load.count, counters_);
  }

  void Execute(const Clear&) { std::fill(acc_.begin(), acc_.end(), Word{0}); }

  void Execute(const LoadBias& load) {
    const std::vector<uint32_t>& bias = program_.biases[load.bias]->words;
    std::fill(acc_.begin(), acc_.end(), Word{0});
    if (!bias.empty()) std::memcpy(acc_.data(), bias.data(), bias.size() * sizeof(Word));
    const int64_t count = static_cast<int64_t>(bias.size());
    Transfer(program_.config, count * program_.config.accumulator_bits / 8, counters_);
  }

  void Execute(const Mvm& mvm) {
    const EncodedMatrix& matrix = *program_.matrices[mvm.matrix];
    const uint32_t* const codebook = matrix.table_set->words.data();
    Word* const act = ActRow(mvm.src_row);
    StrikeAct(act, matrix.cols);
    const auto run = [&](Word* acc) {
      RunMvm(matrix, program_.config, arithmetic_, codebook, act, mvm.shift, mvm.frac_bits,
             options_, acc, counters_, account_, step_trace_);
    };
    if (flips_ == nullptr) return run(acc_.data());
    const std::vector<uint32_t> columns = ActiveColumns(matrix, act);
    const std::vector<WordFlips> slots = flips_->Strike(
        FlipUnit::kActQueue, step_, static_cast<int64_t>(columns.size()) * program_.config.num_pe);
    if (slots.empty()) return run(acc_.data());
    // Flips in queues change only values; the timing is that of the scan without flips.
    const int64_t saturations = counters_->accumulator_saturations;
    std::vector<Word> unstruck = acc_;
    run(unstruck.data());
    counters_->accumulator_saturations =
        saturations + MultiplyAddStruck(matrix, columns, slots, ValueBits(program_.arithmetic),
                                        arithmetic_, codebook, act, mvm.shift, mvm.frac_bits,
                                        acc_.data());
  }

  void Execute(const WriteBack& write) {
    Word* act = ActRow(write.dst_row);
    VisitEpilogue(write.epilogue, [&](auto epilogue) {
      for (int64_t i = 0; i < write.count; ++i) {
        act[i] = arithmetic_.template WriteBack<decltype(epilogue)>(
            acc_[i], write.parameter, write.shift, &counters_->output_saturations);
      }
    });
    counters_->act_writes += write.count;
    counters_->epilogue_multiplies += kEpilogues[write.epilogue].multiplies * write.count;
  }

  void Execute(const StoreAct& store) {
    const double scale = std::ldexp(1.0, -static_cast<int>(store.frac_bits));
    Word* const act = ActRow(store.src_row);
    StrikeAct(act, store.count);
    for (int64_t i = 0; i < store.count; ++i) {
      output_[store.dst + i] = arithmetic_.ToOutput(act[i], scale);
    }
    counters_->act_reads += store.count;
    Transfer(program_.config, 2 * store.count, counters_);
  }

  const Program& program_;
  const EngineOptions options_;
  Trace* const trace_;
  const Arithmetic arithmetic_;
  std::vector<Word> act_;  // the part of the activation SRAM that the program uses
  std::vector<Word> acc_;  // destination registers
  std::vector<Counters> layers_;
  std::vector<CycleAccount> accounts_;
  const float* input_ = nullptr;
  float* output_ = nullptr;
  Counters* counters_ = nullptr;
  CycleAccount* account_ = nullptr;
  SampleFlips* flips_ = nullptr;
  Trace* step_trace_ = nullptr;  // `trace_` if it covers the step's layer, else null
  int64_t step_ = 0;
};

}  // namespace

std::unique_ptr<Machine> Machine::Create(const Program& program, const EngineOptions& options,
                                         Trace* trace) {
  switch (program.arithmetic) {
    case ArithmeticKind::kFloat32:
      return std::make_unique<MachineOf<Float32>>(program, options, trace);
    case ArithmeticKind::kInt16:
      return std::make_unique<MachineOf<FixedPoint<16>>>(program, options, trace);
    case ArithmeticKind::kInt8:
      return std::make_unique<MachineOf<FixedPoint<8>>>(program, options, trace);
    case ArithmeticKind::kInt32:
      return std::make_unique<MachineOf<FixedPoint<32>>>(program, options, trace);
  }
  throw std::logic_error("eie: a program of an unknown arithmetic");
}

Counters SetupCounters(const Program& program) {
  Counters counters;
  for (const Instruction& instruction : program.setup) {
    const auto& load = std::get<LoadMatrix>(instruction.operation);
    Transfer(program.config, program.matrices[load.matrix]->storage_bytes, &counters);
  }
  return counters;
}

}  // namespace eie
