#include "image/program_record.h"

#include <algorithm>
#include <stdexcept>

#include "image/records.h"

namespace eie {
namespace {

constexpr size_t kProgramFields = 4;

int64_t RequireLength(const ByteReader& reader, const char* name, uint32_t length) {
  if (length == 0) reader.Fail(std::string(name) + " = 0, at least 1 is needed");
  return length;
}

bool IsFloat(const EncodedMatrix& matrix) { return matrix.table_set->is_float; }
bool IsFloat(const StoredValues& values) { return values.is_float; }

/// Reads the numbers of a program's matrices or biases; returns what they name.
template <typename Item>
std::vector<std::shared_ptr<const Item>> ReadNamed(
    ByteReader& reader, const std::string& what,
    const std::vector<std::shared_ptr<const Item>>& stored, bool is_float) {
  const size_t count = reader.Count(4);
  const size_t all = stored.size();
  std::vector<std::shared_ptr<const Item>> named;
  named.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    const uint32_t number = reader.U32();
    if (number >= all) {
      reader.Fail(what + " " + std::to_string(number) + " of a program, the image has " +
                  std::to_string(all));
    }
    if (IsFloat(*stored[number]) != is_float) {
      reader.Fail(what + " " + std::to_string(number) +
                  " is not in the numbers of its program's arithmetic");
    }
    named.push_back(stored[number]);
  }
  return named;
}

}  // namespace

void SetFields(const ByteReader& reader, const std::vector<uint32_t>& fields, Program* program) {
  if (fields[0] >= kNumArithmeticKinds) {
    reader.Fail("arithmetic = " + std::to_string(fields[0]) + ", allowed is 0.." +
                std::to_string(kNumArithmeticKinds - 1));
  }
  program->arithmetic = static_cast<ArithmeticKind>(fields[0]);
  program->is_float = program->arithmetic == ArithmeticKind::kFloat32;
  program->inputs = RequireLength(reader, "inputs", fields[1]);
  program->outputs = RequireLength(reader, "outputs", fields[2]);
  program->setup_per_call = ReadFlag(reader, "setup_per_call", fields[3]);
}

std::vector<std::string> ReadLayers(ByteReader& reader) {
  std::vector<std::string> layers;
  for (size_t n = reader.Count(4); n > 0; --n) layers.push_back(reader.Text());
  return layers;
}

std::vector<Instruction> ReadInstructions(ByteReader& reader,
                                          InstructionBytes (*translate)(const InstructionBytes&)) {
  const size_t count = reader.Count(kInstructionBytes);
  std::vector<Instruction> instructions;
  instructions.reserve(count);
  for (size_t i = 0; i < count; ++i) {
    InstructionBytes word;
    std::copy_n(reader.Take(kInstructionBytes), kInstructionBytes, word.begin());
    try {
      instructions.push_back(DecodeInstruction(translate(word).data()));
    } catch (const std::invalid_argument& error) {
      reader.Fail(error.what());
    }
  }
  return instructions;
}

Program ReadProgram(ByteReader& record, const CommonTables& common) {
  const auto as_it_is = [](const InstructionBytes& word) { return word; };
  Program program{};
  program.config = common.config;
  SetFields(record, ReadFields(record, "program", kProgramFields), &program);
  program.symbol = record.Text();
  record.Text();  // the manifest is for people and for Python
  program.layers = ReadLayers(record);
  program.matrices = ReadNamed(record, "matrix", common.matrices, program.is_float);
  program.biases = ReadNamed(record, "bias", common.biases, program.is_float);
  program.setup = ReadInstructions(record, as_it_is);
  program.steps = ReadInstructions(record, as_it_is);
  RequireEnd(record, "the last instruction");
  CheckProgram(&program);
  return program;
}

}  // namespace eie
