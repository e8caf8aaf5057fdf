#include "image/records.h"

#include <string>
#include <utility>

namespace eie {
namespace {

constexpr size_t kMatrixFields = 5;  // MatrixSizes and the number of the table set

StoredValues ReadValues(ByteReader& record, const char* what) {
  StoredValues values{ReadFlag(record, "is_float", ReadFields(record, what, 1)[0]), {}};
  const size_t bytes = record.remaining();
  if (bytes % 4 != 0) {
    record.Fail("a " + std::string(what) + " of " + std::to_string(bytes) +
                " bytes, not of whole numbers of 4 bytes");
  }
  values.words.resize(bytes / 4);
  for (uint32_t& word : values.words) word = record.U32();
  return values;
}

EncodedMatrix ReadFieldsAndWeights(ByteReader& record, const HardwareConfig& config,
                                   uint32_t* table_set) {
  const std::vector<uint32_t> fields = ReadFields(record, "matrix", kMatrixFields);
  *table_set = fields[4];
  EncodedMatrix matrix =
      ReadEncodedMatrix(record, config, {fields[0], fields[1], fields[2], fields[3]});
  RequireEnd(record, "the entries of a matrix");
  return matrix;
}

}  // namespace

ByteReader ReadRecord(ByteReader& reader) { return reader.Part(reader.U32()); }

std::vector<uint32_t> ReadFields(ByteReader& record, const char* what, size_t known,
                                 std::initializer_list<uint32_t> appended) {
  const size_t count = record.U32();
  const size_t fewest = known - appended.size();
  const std::string message = "a " + std::string(what) + " of " + std::to_string(count) + " fields";
  if (count > known) {
    record.Fail(message + ", this release knows " + std::to_string(known) +
                "; use the release that wrote them, or a newer one");
  }
  if (count < fewest) record.Fail(message + ", it has at least " + std::to_string(fewest));
  std::vector<uint32_t> fields(count);
  for (uint32_t& field : fields) field = record.U32();
  fields.insert(fields.end(), appended.begin() + (count - fewest), appended.end());
  return fields;
}

bool ReadFlag(const ByteReader& reader, const char* name, uint32_t value) {
  if (value > 1) {
    reader.Fail(std::string(name) + " = " + std::to_string(value) + ", allowed is 0..1");
  }
  return value == 1;
}

void RequireEnd(const ByteReader& reader, const char* what) {
  if (reader.remaining() == 0) return;
  reader.Fail(std::to_string(reader.remaining()) + " bytes follow " + what);
}

void RequirePrunedWeight(const ByteReader& reader, const StoredValues& table) {
  // -0.0 counts as 0.0, as in the encoder.
  if ((table.is_float ? table.words[0] << 1 : table.words[0]) != 0) {
    reader.Fail("codebook entry 0 is not 0, the pruned weight");
  }
}

StoredValues ReadBias(ByteReader& record) { return ReadValues(record, "bias"); }

StoredValues ReadTableSet(ByteReader& record, const HardwareConfig& config) {
  StoredValues table = ReadValues(record, "table set");
  const size_t size = table.words.size();
  const size_t entries = size_t{1} << config.codebook_bits;
  if (size != entries) {
    record.Fail("a table set of " + std::to_string(size) + " values, the machine's tables have " +
                std::to_string(entries));
  }
  RequirePrunedWeight(record, table);
  return table;
}

EncodedMatrix ReadMatrix(ByteReader& record, const HardwareConfig& config,
                         const std::vector<std::shared_ptr<const StoredValues>>& table_sets) {
  uint32_t table_set;
  EncodedMatrix matrix = ReadFieldsAndWeights(record, config, &table_set);
  const size_t stored = table_sets.size();
  if (table_set >= stored) {
    record.Fail("table set " + std::to_string(table_set) + " of a matrix, the image has " +
                std::to_string(stored));
  }
  matrix.table_set = table_sets[table_set];
  return matrix;
}

EncodedMatrix ReadMatrixAlone(ByteReader& record, const HardwareConfig& config) {
  uint32_t unused;
  return ReadFieldsAndWeights(record, config, &unused);
}

}  // namespace eie
