#include <set>
#include <stdexcept>
#include <variant>

#include "generated/isa.h"
#include "tests/byte_writer.h"
#include "tests/check.h"

namespace {

using namespace eie;  // NOLINT: a test names little else

/// Decodes a word with layer 0xABCD, checks layer and kind, and returns the operation.
template <typename Operation>
Operation Decode(std::initializer_list<Field> fields) {
  const Bytes word = InstructionWord(Operation::kOpcode, 0xABCD, fields);
  const Instruction instruction = DecodeInstruction(word.data());
  CHECK_EQ(instruction.layer, 0xABCD);
  CHECK(std::holds_alternative<Operation>(instruction.operation));
  return std::get<Operation>(instruction.operation);
}

void EveryInstructionComesBack() {
  CHECK_EQ(Decode<LoadMatrix>({{16, 65535}}).matrix, 65535);

  const auto load_act = Decode<LoadAct>({{24, 16777215}, {16, 65534}, {24, 3}, {8, -128}});
  CHECK_EQ(load_act.src, 16777215);
  CHECK_EQ(load_act.dst_row, 65534);
  CHECK_EQ(load_act.count, 3);
  CHECK_EQ(load_act.frac_bits, -128);

  Decode<Clear>({});
  CHECK_EQ(Decode<LoadBias>({{16, 0x1234}}).bias, 0x1234);

  const auto mvm = Decode<Mvm>({{16, 1}, {16, 65535}, {8, -40}, {8, 127}});
  CHECK_EQ(mvm.matrix, 1);
  CHECK_EQ(mvm.src_row, 65535);
  CHECK_EQ(mvm.shift, -40);
  CHECK_EQ(mvm.frac_bits, 127);

  const auto write =
      Decode<WriteBack>({{16, 7}, {24, 16777215}, {8, 255}, {32, 0xFFFFFFFE}, {8, -1}});
  CHECK_EQ(write.dst_row, 7);
  CHECK_EQ(write.count, 16777215);
  CHECK_EQ(write.epilogue, 255);
  CHECK_EQ(write.parameter, 0xFFFFFFFE);
  CHECK_EQ(write.shift, -1);

  const auto store = Decode<StoreAct>({{16, 65535}, {24, 1}, {24, 16777214}, {8, 64}});
  CHECK_EQ(store.src_row, 65535);
  CHECK_EQ(store.dst, 1);
  CHECK_EQ(store.count, 16777214);
  CHECK_EQ(store.frac_bits, 64);
}

/// Bits `used` and up of the instruction are outside its fields.
template <typename Operation>
void CheckStrayBits(int used) {
  Bytes word = InstructionWord(Operation::kOpcode, 0xFFFF, {});
  for (int bit = 8; bit < 128; ++bit) {
    word[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
    if (bit < used) {
      DecodeInstruction(word.data());
    } else {
      CHECK_THROWS(std::invalid_argument, "bits outside the fields",
                   DecodeInstruction(word.data()));
    }
    word[bit / 8] ^= static_cast<uint8_t>(1 << bit % 8);
  }
}

void StrayBitsAreRefused() {
  CheckStrayBits<LoadMatrix>(40);
  CheckStrayBits<LoadAct>(96);
  CheckStrayBits<Clear>(24);
  CheckStrayBits<LoadBias>(40);
  CheckStrayBits<Mvm>(72);
  CheckStrayBits<WriteBack>(112);
  CheckStrayBits<StoreAct>(96);
}

void UnknownOpcodesAreRefused() {
  for (int opcode = 0; opcode < 256; ++opcode) {
    const Bytes word = InstructionWord(static_cast<uint8_t>(opcode), 0, {});
    if (opcode >= LoadMatrix::kOpcode && opcode <= StoreAct::kOpcode) {
      CHECK_EQ(DecodeInstruction(word.data()).operation.index(), static_cast<size_t>(opcode - 1));
    } else {
      CHECK_THROWS(std::invalid_argument, "unknown opcode " + std::to_string(opcode),
                   DecodeInstruction(word.data()));
    }
  }
}

}  // namespace

int main() {
  EveryInstructionComesBack();
  StrayBitsAreRefused();
  UnknownOpcodesAreRefused();
}
