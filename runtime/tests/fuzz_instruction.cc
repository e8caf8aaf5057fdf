// Any words are refused, or are instructions that the checker refuses or the machine executes.

#include <stdexcept>

#include "generated/isa.h"
#include "image/byte_reader.h"
#include "image/image.h"
#include "image/program.h"
#include "tests/byte_writer.h"
#include "tests/example_image.h"
#include "tests/run_small.h"

namespace {

eie::Program Example(bool is_float) {
  const eie::Bytes image = eie::ExampleImage(is_float, true);
  return eie::ReadImage(image.data(), image.size()).front();
}

}  // namespace

/// The first byte chooses the arithmetic, the others replace the steps of the example image.
extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  static const eie::Program examples[] = {Example(false), Example(true)};
  if (size == 0) return 0;
  eie::Program program = examples[data[0] & 1];
  program.steps.clear();
  for (size_t at = 1; size - at >= eie::kInstructionBytes; at += eie::kInstructionBytes) {
    // A copy of the exact size, so that reading past its end is noticed.
    const eie::Bytes word(data + at, data + at + eie::kInstructionBytes);
    try {
      program.steps.push_back(eie::DecodeInstruction(word.data()));
    } catch (const std::invalid_argument&) {
    }
  }
  try {
    eie::CheckProgram(&program);
    eie::RunIfSmall(program);
  } catch (const eie::ImageError&) {
  }
  return 0;
}
