#ifndef EIE_IMAGE_PROGRAM_RECORD_H_
#define EIE_IMAGE_PROGRAM_RECORD_H_

#include <array>
#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "generated/hardware_config.h"
#include "generated/isa.h"
#include "image/byte_reader.h"
#include "image/program.h"

namespace eie {

/// What the programs of an image name by their numbers.
struct CommonTables {
  HardwareConfig config;
  std::vector<std::shared_ptr<const EncodedMatrix>> matrices;
  std::vector<std::shared_ptr<const StoredValues>> biases;
};

/// Reads one program's record to its end (layout: docs/image.md) and checks the program; throws
/// ImageError.
Program ReadProgram(ByteReader& record, const CommonTables& common);

/// The parts of a program that version 2 has, too.

/// Sets a program's fields: arithmetic, inputs, outputs and setup_per_call.
void SetFields(const ByteReader& reader, const std::vector<uint32_t>& fields, Program* program);

std::vector<std::string> ReadLayers(ByteReader& reader);

/// The bytes of an instruction.
using InstructionBytes = std::array<uint8_t, kInstructionBytes>;

/// Reads a table of instructions; `translate` makes today's words of theirs.
std::vector<Instruction> ReadInstructions(ByteReader& reader,
                                          InstructionBytes (*translate)(const InstructionBytes&));

}  // namespace eie

#endif  // EIE_IMAGE_PROGRAM_RECORD_H_
