#include "image/image.h"

#include <cstring>
#include <stdexcept>
#include <string>

#include "image/byte_reader.h"
#include "image/crc32.h"

namespace eie {
namespace {

constexpr char kMagic[] = "EIEIMAGE";
constexpr size_t kMagicBytes = sizeof kMagic - 1;
constexpr uint32_t kVersion = 2;

std::vector<uint32_t> ReadWords(ByteReader& reader) {
  std::vector<uint32_t> words(reader.Count(4));
  for (uint32_t& word : words) word = reader.U32();
  return words;
}

std::vector<Instruction> ReadInstructions(ByteReader& reader) {
  const size_t count = reader.Count(kInstructionBytes);
  std::vector<Instruction> instructions;
  instructions.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    try {
      instructions.push_back(DecodeInstruction(reader.Take(kInstructionBytes)));
    } catch (const std::invalid_argument& error) {
      reader.Fail(error.what());
    }
  }
  return instructions;
}

HardwareConfig ReadConfig(ByteReader& reader) {
  try {
    return CheckedHardwareConfig(ReadWords(reader));
  } catch (const std::invalid_argument& error) {
    reader.Fail(error.what());
  }
}

int64_t ReadLength(ByteReader& reader, const char* name) {
  const uint32_t length = reader.U32();
  if (length == 0) reader.Fail(std::string(name) + " = 0, at least 1 is needed");
  return length;
}

void CheckHeader(ByteReader& reader) {
  if (reader.remaining() < kMagicBytes ||
      std::memcmp(reader.Take(kMagicBytes), kMagic, kMagicBytes) != 0) {
    throw ImageError("image: does not start with EIEIMAGE; this is not an eie image");
  }
  const uint32_t version = reader.U32();
  if (version != kVersion) {
    throw ImageError("image: version " + std::to_string(version) + ", this runtime reads " +
                     std::to_string(kVersion) + "; compile the model again");
  }
}

}  // namespace

HardwareConfig CheckedHardwareConfig(const std::vector<uint32_t>& words) {
  if (words.size() != HardwareConfig::kNumFields) {
    throw std::invalid_argument("HardwareConfig: " + std::to_string(words.size()) + " fields, " +
                                std::to_string(HardwareConfig::kNumFields) + " are needed");
  }
  const HardwareConfig config = ReadHardwareConfig(words.data());
  if (config.spmat_width_bits % 8 != 0) {
    throw std::invalid_argument(
        "HardwareConfig: spmat_width_bits = " + std::to_string(config.spmat_width_bits) +
        " is not a multiple of 8");
  }
  if (config.accumulator_bits != 16 && config.accumulator_bits != 32) {
    throw std::invalid_argument("HardwareConfig: accumulator_bits = " +
                                std::to_string(config.accumulator_bits) + " is neither 16 nor 32");
  }
  return config;
}

Program ReadImage(const uint8_t* data, size_t size) {
  ByteReader reader("image", data, size);
  CheckHeader(reader);
  const uint32_t checksum = reader.U32();
  if (Crc32(data + reader.position(), reader.remaining()) != checksum) {
    throw ImageError("image: checksum mismatch: truncated or altered; compile the model again");
  }
  Program program{};
  program.config = ReadConfig(reader);
  const uint32_t arithmetic = reader.U32();
  if (arithmetic >= kNumArithmeticKinds) {
    reader.Fail("arithmetic = " + std::to_string(arithmetic) + ", allowed is 0.." +
                std::to_string(kNumArithmeticKinds - 1));
  }
  program.arithmetic = static_cast<ArithmeticKind>(arithmetic);
  program.is_float = program.arithmetic == ArithmeticKind::kFloat32;
  program.inputs = ReadLength(reader, "inputs");
  program.outputs = ReadLength(reader, "outputs");
  const uint32_t setup_per_call = reader.U32();
  if (setup_per_call > 1) {
    reader.Fail("setup_per_call = " + std::to_string(setup_per_call) + ", allowed is 0..1");
  }
  program.setup_per_call = setup_per_call != 0;
  program.symbol = reader.Text();
  reader.Text();  // the manifest is for people and for Python
  for (size_t n = reader.Count(4); n > 0; --n) program.layers.push_back(reader.Text());
  for (size_t n = reader.Count(4); n > 0; --n) {
    program.matrices.push_back(ReadEncodedMatrix(reader, program.config, program.is_float));
  }
  for (size_t n = reader.Count(4); n > 0; --n) program.biases.push_back(ReadWords(reader));
  program.setup = ReadInstructions(reader);
  program.steps = ReadInstructions(reader);
  if (reader.remaining() != 0) reader.Fail("bytes follow the last instruction");
  CheckProgram(&program);
  return program;
}

}  // namespace eie
