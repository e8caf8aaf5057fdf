#include "image/sections.h"

#include <algorithm>
#include <cstdint>

#include "image/crc32.h"

namespace eie {
namespace {

constexpr size_t kTagBytes = 4;

bool IsLetter(char c) { return (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z'); }

/// A reader that does not know an optional section leaves it out.
bool IsOptional(const std::string& tag) { return tag[0] >= 'a'; }

std::string ReadTag(ByteReader& reader) {
  const uint8_t* const bytes = reader.Take(kTagBytes);
  const std::string tag(reinterpret_cast<const char*>(bytes), kTagBytes);
  if (!std::all_of(tag.begin(), tag.end(), IsLetter)) {
    reader.Fail("the tag of a section is not four letters");
  }
  return tag;
}

}  // namespace

Sections ReadSections(ByteReader& reader) {
  const std::string known[] = {kConfigTag, kTableSetTag, kMatrixTag, kBiasTag, kProgramTag};
  Sections sections;
  while (reader.remaining() > 0) {
    const std::string tag = ReadTag(reader);
    const uint64_t length = reader.U64();
    const uint32_t checksum = reader.U32();
    const ByteReader content = reader.Part(length);
    if (Crc32(content.rest(), content.remaining()) != checksum) {
      reader.Fail("section " + tag + ": checksum mismatch");
    }
    const bool is_known = std::find(std::begin(known), std::end(known), tag) != std::end(known);
    if (!is_known && !IsOptional(tag)) {
      reader.Fail("section " + tag + " is unknown; use the release that wrote it, or a newer one");
    }
    if (!is_known) continue;
    std::vector<ByteReader>& found = sections[tag];
    if (!found.empty() && tag != kProgramTag) {
      reader.Fail("section " + tag + " is there more than once");
    }
    found.push_back(content);
  }
  for (const std::string& tag : known) {
    if (sections.count(tag) == 0) reader.Fail("section " + tag + " is missing");
  }
  return sections;
}

}  // namespace eie
