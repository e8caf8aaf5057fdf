#include <algorithm>
#include <cstring>
#include <functional>
#include <memory>
#include <vector>

#include "clock/sram_contents.h"
#include "host/avx2.h"
#include "image/encoded_matrix.h"
#include "image/machine_config.h"
#include "image/program.h"
#include "image/records.h"
#include "machine/machine.h"
#include "tests/byte_writer.h"
#include "tests/check.h"
#include "tests/example_image.h"

namespace {

using namespace eie;  // NOLINT: a test names little else

/// The parts of a record; the defaults are the example column of the EIE paper, section 3.
struct Record {
  uint32_t rows = 23;
  uint32_t cols = 1;
  uint32_t has_bias_column = 0;
  uint32_t pointer_bytes = 2;
  std::vector<uint32_t> pointers = {0, 4};
  uint32_t count = 4;
  Bytes entries = {2 << 4 | 1, 0 << 4 | 2, 15 << 4 | 0, 2 << 4 | 3};  // run << 4 | code

  Bytes Encode() const {
    ByteWriter data;
    const int pointer_size = pointer_bytes == 4 ? 4 : 2;
    for (const uint32_t pointer : pointers) data.Integers(pointer_size, {pointer});
    data.U32({count}).Raw(entries);
    return ByteWriter()
        .Record({rows, cols, has_bias_column, pointer_bytes, 0}, data.bytes())
        .bytes();
  }
};

const HardwareConfig kOnePe = CheckedHardwareConfig(ConfigWords(1, 4));

/// The weights 0, 1, 2 and 3.
std::shared_ptr<const StoredValues> Table() {
  StoredValues table{true, std::vector<uint32_t>(16)};
  for (int code = 0; code < 4; ++code) {
    const auto weight = static_cast<float>(code);
    std::memcpy(&table.words[code], &weight, sizeof weight);
  }
  return std::make_shared<const StoredValues>(table);
}

EncodedMatrix Read(const Bytes& bytes, const HardwareConfig& config = kOnePe) {
  ByteReader reader("matrix", bytes.data(), bytes.size());
  ByteReader record = ReadRecord(reader);
  CHECK_EQ(reader.remaining(), 0U);
  return ReadMatrix(record, config, {Table()});
}

/// The matrix times one 1 per column.
std::vector<float> RowSums(EncodedMatrix matrix) {
  Program program{};
  program.config = kOnePe;
  program.is_float = true;
  program.inputs = matrix.cols;
  program.outputs = matrix.rows;
  program.layers = {"fc"};
  program.setup = {{0, LoadMatrix{0}}};
  program.steps = {{0, LoadAct{0, 0, matrix.cols, 0}},
                   {0, Clear{}},
                   {0, Mvm{0, 0, 0, 0}},
                   {0, WriteBack{64, matrix.rows, 0, 0, 0}},
                   {0, StoreAct{64, 0, matrix.rows, 0}}};
  program.matrices.push_back(std::make_shared<const EncodedMatrix>(std::move(matrix)));
  CheckProgram(&program);
  const std::vector<float> ones(program.inputs, 1.0F);
  std::vector<float> sums(program.outputs);
  Machine::Create(program)->Run(ones.data(), sums.data());
  return sums;
}

void ThePapersColumnIsRead() {
  const std::vector<float> column = {0, 0, 1, 2, 0, 0, 0, 0, 0, 0, 0, 0,
                                     0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 3};
  CHECK(RowSums(Read(Record{}.Encode())) == column);
  Record wide;
  wide.pointer_bytes = 4;
  CHECK(RowSums(Read(wide.Encode())) == column);
}

void ABiasColumnIsAlwaysActive() {
  Record record;
  record.rows = 2;
  record.has_bias_column = 1;
  record.pointers = {0, 1, 2};
  record.count = 2;
  record.entries = {0 << 4 | 1, 1 << 4 | 3};
  CHECK(RowSums(Read(record.Encode())) == std::vector<float>({1, 3}));
}

/// The SRAMs hold the record's pointers and entries again, whatever the weights' layout.
void CheckSrams(const Record& record, const HardwareConfig& config, bool dense) {
  const EncodedMatrix matrix = Read(record.Encode(), config);
  CHECK_EQ(matrix.dense, dense && HasAvx2());
  const SramContents srams(matrix);
  const int64_t pointers_per_pe = matrix.stored_cols() + 1;
  int64_t first_entry = 0;
  for (int64_t k = 0; k < matrix.num_pe; ++k) {
    const uint32_t* const pointers = srams.pointers(k);
    CHECK(std::equal(pointers, pointers + pointers_per_pe,
                     record.pointers.begin() + k * pointers_per_pe));
    CHECK(std::equal(srams.entries(k), srams.entries(k) + matrix.entries_per_pe[k],
                     record.entries.begin() + first_entry));
    first_entry += matrix.entries_per_pe[k];
  }
}

void TheSramsHoldTheRecord() {
  CheckSrams(Record{}, kOnePe, false);
  Record halves;  // weights on both sides of row 64, then paddings
  halves.rows = 100;
  halves.pointers = {0, 8};
  halves.count = 8;
  halves.entries = {15 << 4 | 1, 14 << 4 | 2, 0 << 4 | 3, 15 << 4,
                    15 << 4,     0 << 4 | 4,  15 << 4,    15 << 4};
  CheckSrams(halves, kOnePe, false);
  Record two_pes;
  two_pes.rows = 7;
  two_pes.cols = 2;
  two_pes.pointers = {0, 4, 4, 0, 1, 3};
  two_pes.count = 7;
  two_pes.entries = {1, 2, 3, 4, 1 << 4 | 5, 6, 7};
  CheckSrams(two_pes, CheckedHardwareConfig(ConfigWords(2, 4)), false);
  Record full;
  full.rows = 32;
  full.pointers = {0, 32};
  full.count = 32;
  full.entries.assign(32, 5);
  CheckSrams(full, kOnePe, true);
}

void MalformedRecordsAreRefused() {
  const auto refused = [](const char* message, const std::function<void(Record&)>& change) {
    Record record;
    change(record);
    CHECK_THROWS(ImageError, message, Read(record.Encode()));
  };
  refused("matrix rows = 0", [](Record& r) { r.rows = 0; });
  refused("matrix rows = 16777217", [](Record& r) { r.rows = (1 << 24) + 1; });
  refused("matrix cols = 0", [](Record& r) { r.cols = 0; });
  refused("matrix cols = 4294967295", [](Record& r) { r.cols = 0xFFFFFFFF; });
  refused("truncated", [](Record& r) { r.cols = 1 << 24; });
  refused("has_bias_column = 2", [](Record& r) { r.has_bias_column = 2; });
  refused("pointer bytes = 3", [](Record& r) { r.pointer_bytes = 3; });
  refused("first pointer is 1, not 0", [](Record& r) { r.pointers = {1, 4}; });
  refused("pointer 1 of column 2 follows 4", [](Record& r) {
    r.cols = 2;
    r.pointers = {0, 4, 1};
  });
  refused("pointer 4294967295 of column 1 follows 0", [](Record& r) {
    r.pointer_bytes = 4;
    r.pointers = {0, 0xFFFFFFFF};
  });
  refused("3 entries, but the pointers end at 4", [](Record& r) { r.count = 3; });
  refused("truncated", [](Record& r) { r.entries.pop_back(); });
  refused("is past the last row", [](Record& r) { r.rows = 22; });
  refused("is not a padding", [](Record& r) { r.entries[2] = 14 << 4; });
}

void EveryTruncationIsRefused() {
  const Bytes whole = Record{}.Encode();
  for (size_t size = 0; size < whole.size(); ++size) {
    Bytes cut(whole.begin(), whole.begin() + size);
    CHECK_THROWS(ImageError, "truncated", Read(cut));
    if (size < 4) continue;
    cut[0] = static_cast<uint8_t>(size - 4);  // the record's length
    CHECK_THROWS(ImageError, "matrix: ", Read(cut));
  }
}

}  // namespace

int main() {
  ThePapersColumnIsRead();
  ABiasColumnIsAlwaysActive();
  TheSramsHoldTheRecord();
  MalformedRecordsAreRefused();
  EveryTruncationIsRefused();
}
