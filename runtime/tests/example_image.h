#ifndef EIE_TESTS_EXAMPLE_IMAGE_H_
#define EIE_TESTS_EXAMPLE_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "generated/isa.h"
#include "image/crc32.h"
#include "tests/byte_writer.h"

namespace eie {

constexpr size_t kExampleInputs = 3;
constexpr size_t kExampleOutputs = 2;
constexpr size_t kChecksumAt = 12;  ///< the header is magic, version and checksum, 16 bytes
constexpr size_t kHeaderBytes = 16;

/// The fields of HardwareConfig in declaration order; the other sizes are the paper's.
inline std::vector<uint32_t> ConfigWords(uint32_t num_pe, uint32_t codebook_bits) {
  return {
      num_pe,
      8,       // fifo_depth
      64,      // spmat_width_bits
      131072,  // spmat_sram_bytes
      32768,   // ptr_sram_bytes
      16,      // ptr_bits
      2048,    // act_sram_bytes
      64,      // act_registers
      codebook_bits,
      32,   // accumulator_bits
      800,  // clock_mhz
      8,    // dram_bytes_per_cycle
  };
}

/// Makes the checksum fit the bytes after the header, if there is a whole header.
inline void FixChecksum(Bytes* image) {
  if (image->size() < kHeaderBytes) return;
  const uint32_t crc = Crc32(image->data() + kHeaderBytes, image->size() - kHeaderBytes);
  for (int i = 0; i < 4; ++i) (*image)[kChecksumAt + i] = static_cast<uint8_t>(crc >> 8 * i);
}

/// Two layers on two PEs that use every instruction; layout: eie_backend/isa/image.py.
///
///     h = relu(W1 x + b1)         1 . 2    0.5          y = W2 h + b2      1 . . 2   -1
///                           W1 =  . 2 1    0    = b1                W2 =   . 1 . .    1   = b2
///                                 . 1 -1   0
///                                 -1 . .   2
///
/// `b1` is loaded as a bias vector and `b2` is a bias column. With int16 all values have 8
/// fractional bits. A resident program loads its matrices once, in its setup.
inline Bytes ExampleImage(bool is_float, bool is_resident) {
  const int frac_bits = 8;
  const int64_t shift = is_float ? 0 : frac_bits;  // of a product
  // Entries are run << 2 | code, codes 1, 2, 3 are the weights 1, 2, -1.
  const Bytes w1 = ByteWriter()
                       .U32({4, 3, 0, 2})  // rows, cols, has_bias_column, pointer bytes
                       .Words(is_float, frac_bits, {0, 1, 2, -1})
                       .U16({0, 1, 2, 4})  // PE 0: rows 0 and 2
                       .U16({0, 1, 2, 3})  // PE 1: rows 1 and 3
                       .U32({7})
                       .Raw({0 << 2 | 1, 1 << 2 | 1, 0 << 2 | 2, 0 << 2 | 3})
                       .Raw({1 << 2 | 3, 0 << 2 | 2, 0 << 2 | 1})
                       .bytes();
  const Bytes w2 = ByteWriter()
                       .U32({2, 4, 1, 2})
                       .Words(is_float, frac_bits, {0, 1, 2, -1})
                       .U16({0, 1, 1, 1, 2, 3})  // PE 0: row 0
                       .U16({0, 0, 1, 1, 1, 2})  // PE 1: row 1
                       .U32({5})
                       .Raw({1, 2, 3})
                       .Raw({1, 1})
                       .bytes();
  const Bytes load1 = InstructionWord(LoadMatrix::kOpcode, 0, {{16, 0}});
  const Bytes load2 = InstructionWord(LoadMatrix::kOpcode, 1, {{16, 1}});
  // Activation rows: x in 0 and 1, h in 2 and 3, y in 4.
  const Bytes load_act =
      InstructionWord(LoadAct::kOpcode, 0, {{24, 0}, {16, 0}, {24, 3}, {8, frac_bits}});
  const Bytes load_bias = InstructionWord(LoadBias::kOpcode, 0, {{16, 0}});
  const Bytes mvm1 = InstructionWord(Mvm::kOpcode, 0, {{16, 0}, {16, 0}, {8, shift}, {8, 0}});
  const Bytes write1 =
      InstructionWord(WriteBack::kOpcode, 0, {{16, 2}, {24, 4}, {8, 1}, {32, 0}, {8, 0}});
  const Bytes clear = InstructionWord(Clear::kOpcode, 1, {});
  const Bytes mvm2 =
      InstructionWord(Mvm::kOpcode, 1, {{16, 1}, {16, 2}, {8, shift}, {8, frac_bits}});
  const Bytes write2 =
      InstructionWord(WriteBack::kOpcode, 1, {{16, 4}, {24, 2}, {8, 0}, {32, 0}, {8, 0}});
  const Bytes store =
      InstructionWord(StoreAct::kOpcode, 1, {{16, 4}, {24, 0}, {24, 2}, {8, frac_bits}});

  ByteWriter image;
  image.Raw({'E', 'I', 'E', 'I', 'M', 'A', 'G', 'E'}).U32({2, 0});  // version, checksum
  const std::vector<uint32_t> config = ConfigWords(2, 2);
  image.U32({static_cast<uint32_t>(config.size())});
  for (const uint32_t word : config) image.U32({word});
  image.U32({is_float ? 0U : 1U, kExampleInputs, kExampleOutputs, 0});  // setup once
  image.Text("f").Text("{}");                                           // symbol, manifest
  image.U32({2}).Text("fc1").Text("fc2");
  image.U32({2}).Raw(w1).Raw(w2);
  image.U32({1, 4}).Words(is_float, frac_bits, {0.5F, 0, 0, 2});
  if (is_resident) {
    image.U32({2}).Raw(load1).Raw(load2);
    image.U32({8}).Raw(load_act).Raw(load_bias).Raw(mvm1).Raw(write1);
    image.Raw(clear).Raw(mvm2).Raw(write2).Raw(store);
  } else {
    image.U32({0});
    image.U32({10}).Raw(load_act).Raw(load1).Raw(load_bias).Raw(mvm1).Raw(write1);
    image.Raw(load2).Raw(clear).Raw(mvm2).Raw(write2).Raw(store);
  }
  Bytes bytes = image.bytes();
  FixChecksum(&bytes);
  return bytes;
}

}  // namespace eie

#endif  // EIE_TESTS_EXAMPLE_IMAGE_H_
