#include "image/version_2.h"

#include <algorithm>
#include <memory>
#include <utility>
#include <vector>

#include "image/machine_config.h"
#include "image/program_record.h"
#include "image/records.h"

namespace eie {
namespace {

/// Returns today's word of an instruction; throws std::invalid_argument.
///
/// `write_back` had a bit `relu`, then 8 bits `shift`; ReLU is the epilogue of number 1.
InstructionBytes TranslateWord(const InstructionBytes& word) {
  constexpr size_t kRelu = 64, kShift = 65, kEnd = 73, kShiftNow = 104;
  if (word[0] != WriteBack::kOpcode) return word;
  RequireZeroFrom(word.data(), kEnd);
  InstructionBytes translated{};
  std::copy_n(word.begin(), kRelu / 8, translated.begin());
  translated[kRelu / 8] = static_cast<uint8_t>(Bits(word.data(), kRelu, 1, false));
  translated[kShiftNow / 8] = static_cast<uint8_t>(Bits(word.data(), kShift, 8, false));
  return translated;
}

std::vector<uint32_t> ReadWords(ByteReader& reader, size_t count) {
  std::vector<uint32_t> words(count);
  for (uint32_t& word : words) word = reader.U32();
  return words;
}

/// Reads a matrix, whose table lies between its sizes and its pointers.
EncodedMatrix ReadMatrixWithTable(ByteReader& reader, const HardwareConfig& config, bool is_float) {
  const std::vector<uint32_t> sizes = ReadWords(reader, 4);
  StoredValues table{is_float, ReadWords(reader, size_t{1} << config.codebook_bits)};
  RequirePrunedWeight(reader, table);
  EncodedMatrix matrix =
      ReadEncodedMatrix(reader, config, {sizes[0], sizes[1], sizes[2], sizes[3]});
  matrix.table_set = std::make_shared<const StoredValues>(std::move(table));
  return matrix;
}

}  // namespace

Program ReadVersion2(ByteReader& reader) {
  Program program{};
  program.config = ReadConfig(reader);
  SetFields(reader, ReadWords(reader, 4), &program);
  program.symbol = reader.Text();
  reader.Text();  // the manifest
  program.layers = ReadLayers(reader);
  size_t count = reader.Count(4);
  program.matrices.reserve(count);
  for (; count > 0; --count) {
    program.matrices.push_back(std::make_shared<const EncodedMatrix>(
        ReadMatrixWithTable(reader, program.config, program.is_float)));
  }
  count = reader.Count(4);
  program.biases.reserve(count);
  for (; count > 0; --count) {
    StoredValues bias{program.is_float, ReadWords(reader, reader.Count(4))};
    program.biases.push_back(std::make_shared<const StoredValues>(std::move(bias)));
  }
  program.setup = ReadInstructions(reader, TranslateWord);
  program.steps = ReadInstructions(reader, TranslateWord);
  RequireEnd(reader, "the last instruction");
  CheckProgram(&program);
  return program;
}

}  // namespace eie
