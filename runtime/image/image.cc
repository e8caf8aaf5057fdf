#include "image/image.h"

#include <cstring>
#include <memory>
#include <set>
#include <string>
#include <utility>

#include "image/byte_reader.h"
#include "image/crc32.h"
#include "image/machine_config.h"
#include "image/program_record.h"
#include "image/records.h"
#include "image/sections.h"
#include "image/version_2.h"

namespace eie {
namespace {

constexpr char kMagic[] = "EIEIMAGE";
constexpr size_t kMagicBytes = sizeof kMagic - 1;
constexpr uint32_t kVersion = 3;
constexpr uint32_t kOldestVersion = 2;

/// Reads the header; returns the version.
uint32_t ReadHeader(ByteReader& reader) {
  if (reader.remaining() < kMagicBytes ||
      std::memcmp(reader.Take(kMagicBytes), kMagic, kMagicBytes) != 0) {
    throw ImageError("image: does not start with EIEIMAGE; this is not an eie image");
  }
  const uint32_t version = reader.U32();
  if (version < kOldestVersion || version > kVersion) {
    throw ImageError("image: version " + std::to_string(version) + ", this runtime reads " +
                     std::to_string(kOldestVersion) + " to " + std::to_string(kVersion) +
                     "; compile the model again");
  }
  const uint32_t checksum = reader.U32();
  if (Crc32(reader.rest(), reader.remaining()) != checksum) {
    throw ImageError("image: checksum mismatch: truncated or altered; compile the model again");
  }
  return version;
}

/// Reads the records of a section, each with `read`.
template <typename Item, typename Read>
std::vector<std::shared_ptr<const Item>> ReadRecords(ByteReader section, Read read) {
  std::vector<std::shared_ptr<const Item>> items;
  while (section.remaining() > 0) {
    ByteReader record = ReadRecord(section);
    items.push_back(std::make_shared<const Item>(read(record)));
  }
  return items;
}

/// Reads the record that is all of a section.
ByteReader ReadOnlyRecord(ByteReader section) {
  const ByteReader record = ReadRecord(section);
  RequireEnd(section, "the record of its section");
  return record;
}

CommonTables ReadCommonTables(const Sections& sections) {
  ByteReader config_record = ReadOnlyRecord(sections.at(kConfigTag).front());
  const HardwareConfig config = ReadConfig(config_record);
  RequireEnd(config_record, "the configuration");
  const auto table_sets =
      ReadRecords<StoredValues>(sections.at(kTableSetTag).front(),
                                [&](ByteReader& record) { return ReadTableSet(record, config); });
  return {config,
          ReadRecords<EncodedMatrix>(
              sections.at(kMatrixTag).front(),
              [&](ByteReader& record) { return ReadMatrix(record, config, table_sets); }),
          ReadRecords<StoredValues>(sections.at(kBiasTag).front(), ReadBias)};
}

}  // namespace

std::vector<Program> ReadImage(const uint8_t* data, size_t size) {
  ByteReader reader("image", data, size);
  std::vector<Program> programs;
  if (ReadHeader(reader) == kOldestVersion) {
    programs.push_back(ReadVersion2(reader));
    return programs;
  }
  const Sections sections = ReadSections(reader);
  const CommonTables common = ReadCommonTables(sections);
  const std::vector<ByteReader>& records = sections.at(kProgramTag);
  programs.reserve(records.size());
  std::set<std::string> symbols;
  for (const ByteReader& section : records) {
    ByteReader record = ReadOnlyRecord(section);
    programs.push_back(ReadProgram(record, common));
    if (!symbols.insert(programs.back().symbol).second) {
      record.Fail("several programs are called " + programs.back().symbol);
    }
  }
  return programs;
}

}  // namespace eie
