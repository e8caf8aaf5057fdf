#include "image/program.h"

#include <algorithm>
#include <cstring>
#include <set>
#include <string>
#include <variant>

#include "generated/epilogues.h"
#include "image/byte_reader.h"
#include "image/limits.h"

namespace eie {
namespace {

/// Checks the instructions in order; throws at the first that the machine could not execute.
class Checker {
 public:
  explicit Checker(Program* program) : program_(program), config_(program->config) {
    program_->act_values = 0;
  }

  void CheckSetup() {
    part_ = "setup instruction";
    for (at_ = 0; at_ < program_->setup.size(); ++at_) {
      const Instruction& instruction = program_->setup[at_];
      CheckLayer(instruction);
      const auto* load = std::get_if<LoadMatrix>(&instruction.operation);
      if (load == nullptr) Fail("only load_matrix may be there");
      resident_ = true;
      Check(*load);
    }
  }

  void CheckSteps() {
    part_ = "instruction";
    for (at_ = 0; at_ < program_->steps.size(); ++at_) {
      const Instruction& instruction = program_->steps[at_];
      CheckLayer(instruction);
      std::visit([this](const auto& operation) { Check(operation); }, instruction.operation);
    }
  }

 private:
  [[noreturn]] void Fail(const std::string& message) const {
    throw ImageError("image: " + std::string(part_) + " " + std::to_string(at_) + " (" + name_ +
                     "): " + message);
  }

  void Require(const char* what, int64_t value, int64_t low, int64_t high) const {
    if (value >= low && value <= high) return;
    Fail(std::string(what) + " = " + std::to_string(value) + ", allowed is " + std::to_string(low) +
         ".." + std::to_string(high));
  }

  void RequireNumber(const char* what, int64_t value, size_t count) const {
    if (value < static_cast<int64_t>(count)) return;
    Fail(std::string(what) + " = " + std::to_string(value) + ", the program has " +
         std::to_string(count));
  }

  void CheckLayer(const Instruction& instruction) {
    name_ =
        std::visit([](const auto& operation) { return operation.kName; }, instruction.operation);
    RequireNumber("layer", instruction.layer, program_->layers.size());
    name_ += " of " + program_->layers[instruction.layer];
  }

  /// Checks a vector of `count` values that starts at `row` of the activation SRAM.
  void CheckActs(const char* what, int64_t row, int64_t count) {
    const int64_t rows = (count + config_.num_pe - 1) / config_.num_pe;
    Require(what, row, 0, config_.act_sram_bytes / 2 - rows);
    program_->act_values = std::max(program_->act_values, row * config_.num_pe + count);
  }

  int64_t BlockValues() const { return config_.act_registers * config_.num_pe; }

  void Check(const LoadMatrix& load) {
    RequireNumber("matrix", load.matrix, program_->matrices.size());
    const EncodedMatrix& matrix = *program_->matrices[load.matrix];
    Require("rows", matrix.rows, 1, BlockValues());
    Require("cols", matrix.cols, 1, BlockValues());
    const int64_t reach = (int64_t{1} << config_.ptr_bits) - 1;
    Require("entries of a PE", matrix.max_pe_entries, 0, std::min(config_.spmat_sram_bytes, reach));
    Require("pointers of a PE", matrix.stored_cols() + 1, 2,
            config_.ptr_sram_bytes * 8 / config_.ptr_bits);
    if (!program_->is_float) {
      const int64_t highest = (int64_t{1} << (ValueBits(program_->arithmetic) - 1)) - 1;
      for (const uint32_t word : matrix.table_set->words) {
        Require("codebook word", static_cast<int32_t>(word), -highest - 1, highest);
      }
    }
    if (!resident_) loaded_.clear();
    if (loaded_.insert(load.matrix).second && resident_) AddResident(matrix);
  }

  void AddResident(const EncodedMatrix& matrix) {
    const int64_t word_bytes = config_.spmat_width_bits / 8;
    spmat_bytes_.resize(config_.num_pe);
    for (int64_t k = 0; k < config_.num_pe; ++k) {
      spmat_bytes_[k] += (matrix.entries_per_pe[k] + word_bytes - 1) / word_bytes * word_bytes;
      Require("weight SRAM bytes of all matrices in a PE", spmat_bytes_[k], 0,
              config_.spmat_sram_bytes);
    }
    pointers_ += matrix.stored_cols() + 1;
    Require("pointers of all matrices in a PE", pointers_, 0,
            config_.ptr_sram_bytes * 8 / config_.ptr_bits);
  }

  void Check(const LoadAct& load) {
    Require("count", load.count, 0, program_->inputs);
    Require("src", load.src, 0, program_->inputs - load.count);
    CheckActs("dst_row", load.dst_row, load.count);
    Require("frac_bits", load.frac_bits, -kMaxFracBits, kMaxFracBits);
  }

  void Check(const Clear&) {}

  void Check(const LoadBias& load) {
    RequireNumber("bias", load.bias, program_->biases.size());
    const std::vector<uint32_t>& bias = program_->biases[load.bias]->words;
    Require("length of the bias", static_cast<int64_t>(bias.size()), 0, BlockValues());
    if (program_->is_float) return;
    const int64_t highest = (int64_t{1} << (config_.accumulator_bits - 1)) - 1;
    for (const uint32_t word : bias) {
      Require("bias value", static_cast<int32_t>(word), -highest - 1, highest);
    }
  }

  void Check(const Mvm& mvm) {
    RequireNumber("matrix", mvm.matrix, program_->matrices.size());
    if (loaded_.count(mvm.matrix) == 0) {
      Fail("matrix " + std::to_string(mvm.matrix) + " is not loaded");
    }
    const EncodedMatrix& matrix = *program_->matrices[mvm.matrix];
    CheckActs("src_row", mvm.src_row, matrix.cols);
    Require("shift", mvm.shift, kMinShift, kMaxShift);
    if (matrix.has_bias_column && !program_->is_float) {
      Require("frac_bits", mvm.frac_bits, 0, kMaxOneFracBits);
    }
  }

  void Check(const WriteBack& write) {
    Require("count", write.count, 0, BlockValues());
    CheckActs("dst_row", write.dst_row, write.count);
    Require("epilogue", write.epilogue, 0, static_cast<int64_t>(kEpilogues.size()) - 1);
    const EpilogueRow& epilogue = kEpilogues[write.epilogue];
    Require("parameter", write.parameter, 0,
            program_->is_float ? epilogue.highest_float_word : epilogue.highest_fixed_word);
    Require("shift", write.shift, kMinShift, kMaxShift);
  }

  void Check(const StoreAct& store) {
    Require("count", store.count, 0, program_->outputs);
    Require("dst", store.dst, 0, program_->outputs - store.count);
    CheckActs("src_row", store.src_row, store.count);
    Require("frac_bits", store.frac_bits, -kMaxFracBits, kMaxFracBits);
  }

  Program* program_;
  const HardwareConfig& config_;
  const char* part_ = "";
  std::string name_;  // name of the instruction and its source layer
  size_t at_ = 0;
  bool resident_ = false;     // if false, each load_matrix replaces the previous matrix
  std::set<int64_t> loaded_;  // matrices in the weight SRAM
  std::vector<int64_t> spmat_bytes_;
  int64_t pointers_ = 0;
};

}  // namespace

void CheckProgram(Program* program) {
  Checker checker(program);
  checker.CheckSetup();
  checker.CheckSteps();
}

}  // namespace eie
