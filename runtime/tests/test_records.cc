#include <memory>
#include <vector>

#include "image/machine_config.h"
#include "image/records.h"
#include "tests/byte_writer.h"
#include "tests/check.h"
#include "tests/example_image.h"

namespace {

using namespace eie;  // NOLINT: a test names little else

using Words = std::vector<uint32_t>;

/// Reads a record with `read`, to its end.
template <typename Read>
auto ReadOne(const Words& fields, const Bytes& data, Read read) {
  const Bytes bytes = ByteWriter().Record(fields, data).bytes();
  ByteReader reader("image", bytes.data(), bytes.size());
  ByteReader record = ReadRecord(reader);
  RequireEnd(reader, "the record");
  const auto found = read(record);
  RequireEnd(record, "its data");
  return found;
}

void AbsentFieldsAreTheOldMachines() {
  const auto fields = [](const Words& words) {
    return ReadOne(words, {},
                   [](ByteReader& record) { return ReadFields(record, "matrix", 4, {1, 8}); });
  };
  CHECK(fields({5, 6}) == Words({5, 6, 1, 8}));
  CHECK(fields({5, 6, 7}) == Words({5, 6, 7, 8}));
  CHECK(fields({5, 6, 7, 9}) == Words({5, 6, 7, 9}));
  CHECK_THROWS(ImageError, "a matrix of 1 fields, it has at least 2", fields({5}));
  CHECK_THROWS(ImageError, "of 5 fields, this release knows 4; use the", fields({1, 2, 3, 4, 5}));
}

const HardwareConfig kConfig = CheckedHardwareConfig(ConfigWords(2, 2));

void TableSetsAreChecked() {
  const auto read = [](const Words& fields, const Words& values) {
    ByteWriter data;
    for (const uint32_t value : values) data.U32({value});
    return ReadOne(fields, data.bytes(),
                   [](ByteReader& record) { return ReadTableSet(record, kConfig); });
  };
  CHECK(read({0}, {0, 1, 2, 3}).words == Words({0, 1, 2, 3}));
  CHECK(!read({0}, {0, 1, 2, 3}).is_float);
  CHECK(read({1}, {0x80000000, 1, 2, 3}).is_float);  // -0.0
  CHECK_THROWS(ImageError, "codebook entry 0 is not 0", read({0}, {0x80000000, 1, 2, 3}));
  CHECK_THROWS(ImageError, "codebook entry 0 is not 0", read({1}, {1, 1, 2, 3}));
  for (const Words& values : {Words{}, Words{0, 1, 2}, Words{0, 1, 2, 3, 4}}) {
    CHECK_THROWS(ImageError, "the machine's tables have 4", read({0}, values));
  }
  CHECK_THROWS(ImageError, "is_float = 2, allowed is 0..1", read({2}, {0, 1, 2, 3}));
  CHECK_THROWS(ImageError, "a table set of 2 fields", read({0, 1}, {0, 1, 2, 3}));
  CHECK_THROWS(ImageError, "a table set of 0 fields", read({}, {0, 1, 2, 3}));
}

void BiasesAreWholeWords() {
  const auto read = [](const Bytes& data) {
    return ReadOne({0}, data, [](ByteReader& record) { return ReadBias(record); });
  };
  CHECK(read({}).words.empty());
  CHECK(read({1, 0, 0, 0}).words == Words({1}));
  CHECK_THROWS(ImageError, "a bias of 5 bytes, not of whole", read({1, 0, 0, 0, 0}));
}

void AMatrixNamesATableSet() {
  const Example example(true, true, 3);
  const auto read = [&](uint32_t table_set) {
    return ReadOne(Appended(example.sizes1, table_set), example.weights1, [](ByteReader& record) {
      return ReadMatrix(record, kConfig, {nullptr, std::make_shared<const StoredValues>()});
    });
  };
  CHECK(read(0).table_set == nullptr);
  CHECK(read(1).table_set != nullptr);
  CHECK_THROWS(ImageError, "table set 2 of a matrix, the image has 2", read(2));
}

void MachinesHaveAllTheirFields() {
  Words words = ConfigWords(2, 2);
  words.push_back(0);
  CHECK_THROWS(std::invalid_argument, "13 fields, this release knows 12; use the release that",
               CheckedHardwareConfig(words));
  words.resize(11);
  CHECK_THROWS(std::invalid_argument, "11 fields, at least 12 are needed",
               CheckedHardwareConfig(words));
}

}  // namespace

int main() {
  AbsentFieldsAreTheOldMachines();
  TableSetsAreChecked();
  BiasesAreWholeWords();
  AMatrixNamesATableSet();
  MachinesHaveAllTheirFields();
}
