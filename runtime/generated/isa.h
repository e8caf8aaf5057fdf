// Generated from eie_backend/isa/instructions by `python -m eie_backend.generate`; do not edit.
#ifndef EIE_GENERATED_ISA_H_
#define EIE_GENERATED_ISA_H_

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <variant>

namespace eie {

constexpr size_t kInstructionBytes = 16;

/// Load a matrix's codebook, pointers and entries from DRAM into every PE's SRAM.
struct LoadMatrix {
  static constexpr const char* kName = "load_matrix";
  static constexpr uint8_t kOpcode = 1;
  int64_t matrix;  ///< number of the encoded matrix
};

/// Load a vector of the host's input into the activation SRAM, rounded to fixed point.
struct LoadAct {
  static constexpr const char* kName = "load_act";
  static constexpr uint8_t kOpcode = 2;
  int64_t src;  ///< first value in the host's input of one sample
  int64_t dst_row;  ///< first row in the activation SRAM
  int64_t count;  ///< length of the vector
  int64_t frac_bits;  ///< fractional bits of the stored activations
};

/// Clear all destination registers.
struct Clear {
  static constexpr const char* kName = "clear";
  static constexpr uint8_t kOpcode = 3;
};

/// Load a bias vector into the destination registers and clear the registers past it.
struct LoadBias {
  static constexpr const char* kName = "load_bias";
  static constexpr uint8_t kOpcode = 4;
  int64_t bias;  ///< number of the bias vector
};

/// Scan the source block and add weight times activation for every non-zero activation.
struct Mvm {
  static constexpr const char* kName = "mvm";
  static constexpr uint8_t kOpcode = 5;
  int64_t matrix;  ///< number of the encoded matrix
  int64_t src_row;  ///< first row of the source block in the activation SRAM
  int64_t shift;  ///< right shift of a product, ties to even
  int64_t frac_bits;  ///< the bias column's constant 1 is 2**frac_bits
};

/// Write the destination registers to the activation SRAM, through an epilogue.
struct WriteBack {
  static constexpr const char* kName = "write_back";
  static constexpr uint8_t kOpcode = 6;
  int64_t dst_row;  ///< first row in the activation SRAM
  int64_t count;  ///< length of the output block
  int64_t epilogue;  ///< number of the epilogue, see below
  int64_t parameter;  ///< the epilogue's parameter; its bits in float32
  int64_t shift;  ///< right shift to the output's scale; left if < 0
};

/// Store a vector of the activation SRAM in the host's output, as float32.
struct StoreAct {
  static constexpr const char* kName = "store_act";
  static constexpr uint8_t kOpcode = 7;
  int64_t src_row;  ///< first row in the activation SRAM
  int64_t dst;  ///< first value in the host's output of one sample
  int64_t count;  ///< length of the vector
  int64_t frac_bits;  ///< fractional bits of the stored activations
};

using Operation = std::variant<LoadMatrix, LoadAct, Clear, LoadBias, Mvm, WriteBack, StoreAct>;

/// A decoded instruction and the number of its source layer.
struct Instruction {
  int64_t layer;
  Operation operation;
};

/// Value of `count` bits of `word` that start at bit `at`.
inline int64_t Bits(const uint8_t* word, size_t at, size_t count, bool is_signed) {
  int64_t value = 0;
  for (size_t i = 0; i < count; ++i) {
    const size_t bit = at + i;
    value |= static_cast<int64_t>((word[bit / 8] >> (bit % 8)) & 1) << i;
  }
  const bool negative = is_signed && ((value >> (count - 1)) & 1);
  return negative ? value - (int64_t{1} << count) : value;
}

inline void RequireZeroFrom(const uint8_t* word, size_t at) {
  for (size_t bit = at; bit < kInstructionBytes * 8; ++bit) {
    if ((word[bit / 8] >> (bit % 8)) & 1) {
      throw std::invalid_argument("bits outside the fields of an instruction are set");
    }
  }
}

/// Decodes the `kInstructionBytes` at `word`; throws std::invalid_argument.
inline Instruction DecodeInstruction(const uint8_t* word) {
  const int64_t layer = Bits(word, 8, 16, false);
  switch (word[0]) {
    case LoadMatrix::kOpcode:
      RequireZeroFrom(word, 40);
      return {layer, LoadMatrix{Bits(word, 24, 16, false)}};
    case LoadAct::kOpcode:
      RequireZeroFrom(word, 96);
      return {layer, LoadAct{Bits(word, 24, 24, false), Bits(word, 48, 16, false), Bits(word, 64, 24, false), Bits(word, 88, 8, true)}};
    case Clear::kOpcode:
      RequireZeroFrom(word, 24);
      return {layer, Clear{}};
    case LoadBias::kOpcode:
      RequireZeroFrom(word, 40);
      return {layer, LoadBias{Bits(word, 24, 16, false)}};
    case Mvm::kOpcode:
      RequireZeroFrom(word, 72);
      return {layer, Mvm{Bits(word, 24, 16, false), Bits(word, 40, 16, false), Bits(word, 56, 8, true), Bits(word, 64, 8, true)}};
    case WriteBack::kOpcode:
      RequireZeroFrom(word, 112);
      return {layer, WriteBack{Bits(word, 24, 16, false), Bits(word, 40, 24, false), Bits(word, 64, 8, false), Bits(word, 72, 32, false), Bits(word, 104, 8, true)}};
    case StoreAct::kOpcode:
      RequireZeroFrom(word, 96);
      return {layer, StoreAct{Bits(word, 24, 16, false), Bits(word, 40, 24, false), Bits(word, 64, 24, false), Bits(word, 88, 8, true)}};
    default:
      throw std::invalid_argument("unknown opcode " + std::to_string(word[0]));
  }
}

}  // namespace eie

#endif  // EIE_GENERATED_ISA_H_
