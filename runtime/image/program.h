#ifndef EIE_IMAGE_PROGRAM_H_
#define EIE_IMAGE_PROGRAM_H_

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "generated/choices.h"
#include "generated/hardware_config.h"
#include "generated/isa.h"
#include "image/encoded_matrix.h"
#include "image/stored_values.h"

namespace eie {

/// What a machine executes. Immutable once read: any thread may run it.
struct Program {
  HardwareConfig config;
  ArithmeticKind arithmetic;
  bool is_float;  ///< float32, otherwise fixed point
  int64_t inputs;
  int64_t outputs;
  std::string symbol;
  std::vector<std::string> layers;
  std::vector<std::shared_ptr<const EncodedMatrix>> matrices;  ///< shared with other programs
  std::vector<std::shared_ptr<const StoredValues>> biases;     ///< likewise
  std::vector<Instruction> setup;
  bool setup_per_call;  ///< setup runs at the start of every call, otherwise once
  std::vector<Instruction> steps;
  int64_t act_values;  ///< of the activation SRAM that the steps touch; set by CheckProgram
};

/// Checks every instruction against the program and the machine's sizes; throws ImageError.
///
/// After it no instruction of the program can reach outside a vector or a table, nor overflow.
void CheckProgram(Program* program);

}  // namespace eie

#endif  // EIE_IMAGE_PROGRAM_H_
