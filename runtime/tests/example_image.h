#ifndef EIE_TESTS_EXAMPLE_IMAGE_H_
#define EIE_TESTS_EXAMPLE_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "generated/isa.h"
#include "image/crc32.h"
#include "tests/byte_writer.h"

namespace eie {

constexpr size_t kExampleInputs = 3;
constexpr size_t kExampleOutputs = 2;
constexpr size_t kVersionAt = 8;  ///< the header is magic, version and checksum, 16 bytes
constexpr size_t kChecksumAt = 12;
constexpr size_t kHeaderBytes = 16;
constexpr size_t kSectionBytes = 16;  ///< tag, length and checksum of a section

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

inline uint64_t NumberAt(const Bytes& image, size_t at, int size_bytes) {
  uint64_t value = 0;
  for (int i = 0; i < size_bytes; ++i) value |= static_cast<uint64_t>(image[at + i]) << 8 * i;
  return value;
}

inline void PutChecksum(Bytes* image, size_t at, size_t begin, size_t end) {
  const uint32_t crc = Crc32(image->data() + begin, end - begin);
  for (int i = 0; i < 4; ++i) (*image)[at + i] = static_cast<uint8_t>(crc >> 8 * i);
}

/// Makes the checksums fit the bytes after the header, as far as it has whole sections; an image of
/// version 2 has none.
inline void FixChecksums(Bytes* image) {
  const size_t size = image->size();
  if (size < kHeaderBytes) return;
  const bool has_sections = NumberAt(*image, kVersionAt, 4) == 3;
  for (size_t at = kHeaderBytes; has_sections && size - at >= kSectionBytes;) {
    const uint64_t length = NumberAt(*image, at + 4, 8);
    at += kSectionBytes;
    if (length > size - at) break;
    PutChecksum(image, at - 4, at, at + length);
    at += length;
  }
  PutChecksum(image, kChecksumAt, kHeaderBytes, size);
}

/// What images of all versions hold: two layers on two PEs that use every instruction.
///
///     h = relu(W1 x + b1)         1 . 2    0.5          y = W2 h + b2      1 . . 2   -1
///                           W1 =  . 2 1    0    = b1                W2 =   . 1 . .    1   = b2
///                                 . 1 -1   0
///                                 -1 . .   2
///
/// `b1` is loaded as a bias vector and `b2` is a bias column. With int16 all values have 8
/// fractional bits. A resident program loads its matrices once, in its setup.
struct Example {
  Example(bool is_float, bool is_resident, int version) {
    const int frac_bits = 8;
    const int64_t shift = is_float ? 0 : frac_bits;  // of a product
    // Entries are run << 2 | code, codes 1, 2, 3 are the weights 1, 2, -1.
    table = ByteWriter().Words(is_float, frac_bits, {0, 1, 2, -1}).bytes();
    weights1 = ByteWriter()
                   .U16({0, 1, 2, 4})                                       // PE 0: rows 0 and 2
                   .U16({0, 1, 2, 3})                                       // PE 1: rows 1 and 3
                   .Block({0 << 2 | 1, 1 << 2 | 1, 0 << 2 | 2, 0 << 2 | 3,  //
                           1 << 2 | 3, 0 << 2 | 2, 0 << 2 | 1})
                   .bytes();
    weights2 = ByteWriter()
                   .U16({0, 1, 1, 1, 2, 3})  // PE 0: row 0
                   .U16({0, 0, 1, 1, 1, 2})  // PE 1: row 1
                   .Block({1, 2, 3, 1, 1})
                   .bytes();
    bias = ByteWriter().Words(is_float, frac_bits, {0.5F, 0, 0, 2}).bytes();
    const Bytes load1 = InstructionWord(LoadMatrix::kOpcode, 0, {{16, 0}});
    const Bytes load2 = InstructionWord(LoadMatrix::kOpcode, 1, {{16, 1}});
    // Activation rows: x in 0 and 1, h in 2 and 3, y in 4.
    const Bytes load_act =
        InstructionWord(LoadAct::kOpcode, 0, {{24, 0}, {16, 0}, {24, 3}, {8, frac_bits}});
    const Bytes load_bias = InstructionWord(LoadBias::kOpcode, 0, {{16, 0}});
    const Bytes mvm1 = InstructionWord(Mvm::kOpcode, 0, {{16, 0}, {16, 0}, {8, shift}, {8, 0}});
    const auto write_back = [version](int layer, int row, int count, int relu) {
      if (version == 2) {
        return InstructionWord(WriteBack::kOpcode, layer,
                               {{16, row}, {24, count}, {1, relu}, {8, 0}});
      }
      return InstructionWord(WriteBack::kOpcode, layer,
                             {{16, row}, {24, count}, {8, relu}, {32, 0}, {8, 0}});
    };
    const Bytes write1 = write_back(0, 2, 4, 1);
    const Bytes clear = InstructionWord(Clear::kOpcode, 1, {});
    const Bytes mvm2 =
        InstructionWord(Mvm::kOpcode, 1, {{16, 1}, {16, 2}, {8, shift}, {8, frac_bits}});
    const Bytes write2 = write_back(1, 4, 2, 0);
    const Bytes store =
        InstructionWord(StoreAct::kOpcode, 1, {{16, 4}, {24, 0}, {24, 2}, {8, frac_bits}});
    ByteWriter steps;
    if (is_resident) {
      steps.U32({2}).Raw(load1).Raw(load2);
      steps.U32({8}).Raw(load_act).Raw(load_bias).Raw(mvm1).Raw(write1);
      steps.Raw(clear).Raw(mvm2).Raw(write2).Raw(store);
    } else {
      steps.U32({0});
      steps.U32({10}).Raw(load_act).Raw(load1).Raw(load_bias).Raw(mvm1).Raw(write1);
      steps.Raw(load2).Raw(clear).Raw(mvm2).Raw(write2).Raw(store);
    }
    setup_and_steps = steps.bytes();
    fields = {is_float ? 0U : 1U, kExampleInputs, kExampleOutputs, 0};  // setup once
  }

  const std::vector<uint32_t> config = ConfigWords(2, 2);
  const std::vector<uint32_t> sizes1 = {4, 3, 0, 2};  // rows, cols, has_bias_column, pointer bytes
  const std::vector<uint32_t> sizes2 = {2, 4, 1, 2};
  std::vector<uint32_t> fields;  ///< of a program
  Bytes table, weights1, weights2, bias, setup_and_steps;
};

inline std::vector<uint32_t> Appended(std::vector<uint32_t> words, uint32_t last) {
  words.push_back(last);
  return words;
}

/// The sections of an image by tag (layout: docs/image.md); its programs, at most two, share all.
inline std::vector<std::pair<std::string, Bytes>> ExampleSections(bool is_float, bool is_resident,
                                                                  int programs = 1) {
  const Example example(is_float, is_resident, 3);
  const uint32_t float_flag = is_float ? 1 : 0;
  std::vector<std::pair<std::string, Bytes>> sections = {
      {"CONF", ByteWriter().Record(example.config).bytes()},
      {"SETS", ByteWriter().Record({float_flag}, example.table).bytes()},
      {"MATR", ByteWriter()
                   .Record(Appended(example.sizes1, 0), example.weights1)
                   .Record(Appended(example.sizes2, 0), example.weights2)
                   .bytes()},
      {"BIAS", ByteWriter().Record({float_flag}, example.bias).bytes()}};
  for (int n = 0; n < programs; ++n) {
    ByteWriter program;
    program.Text(n == 0 ? "f" : "g").Text("{}");  // symbol, manifest
    program.U32({2}).Text("fc1").Text("fc2");
    program.U32({2, 0, 1}).U32({1, 0}).Raw(example.setup_and_steps);
    sections.emplace_back("PROG", ByteWriter().Record(example.fields, program.bytes()).bytes());
  }
  return sections;
}

inline Bytes ImageOf(const std::vector<std::pair<std::string, Bytes>>& sections) {
  ByteWriter image;
  image.Raw({'E', 'I', 'E', 'I', 'M', 'A', 'G', 'E'}).U32({3, 0});  // version, checksum
  for (const auto& [tag, content] : sections) image.Section(tag, content);
  Bytes bytes = image.bytes();
  FixChecksums(&bytes);
  return bytes;
}

inline Bytes ExampleImage(bool is_float, bool is_resident, int programs = 1) {
  return ImageOf(ExampleSections(is_float, is_resident, programs));
}

/// The same of version 2; layout: eie_backend/isa/image/version_2.py.
inline Bytes ExampleImageOfVersion2(bool is_float, bool is_resident) {
  const Example example(is_float, is_resident, 2);
  ByteWriter image;
  image.Raw({'E', 'I', 'E', 'I', 'M', 'A', 'G', 'E'}).U32({2, 0});
  image.U32({static_cast<uint32_t>(example.config.size())});
  for (const uint32_t word : example.config) image.U32({word});
  for (const uint32_t field : example.fields) image.U32({field});
  image.Text("f").Text("{}");
  image.U32({2}).Text("fc1").Text("fc2");
  image.U32({2});
  for (const uint32_t size : example.sizes1) image.U32({size});
  image.Raw(example.table).Raw(example.weights1);
  for (const uint32_t size : example.sizes2) image.U32({size});
  image.Raw(example.table).Raw(example.weights2);
  image.U32({1, static_cast<uint32_t>(example.bias.size() / 4)}).Raw(example.bias);
  image.Raw(example.setup_and_steps);
  Bytes bytes = image.bytes();
  FixChecksums(&bytes);
  return bytes;
}

}  // namespace eie

#endif  // EIE_TESTS_EXAMPLE_IMAGE_H_
