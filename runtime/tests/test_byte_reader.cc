#include <vector>

#include "image/byte_reader.h"
#include "tests/check.h"

namespace {

using eie::ByteReader;
using eie::ImageError;

const std::vector<uint8_t> kBytes = {1, 2, 3, 0xFF, 5};

ByteReader Reader(const std::vector<uint8_t>& bytes) {
  return {"test", bytes.data(), bytes.size()};
}

void IntegersAreLittleEndianAndBounded() {
  ByteReader reader = Reader(kBytes);
  CHECK_EQ(reader.U32(), 0xFF030201U);
  CHECK_EQ(reader.remaining(), 1U);
  CHECK_THROWS(ImageError, "test: byte 4: truncated: 4 more bytes expected, 1 left", reader.U32());
  CHECK_EQ(*reader.rest(), 5);
}

void APartEndsWhereItWasSaid() {
  const std::vector<uint8_t> bytes = {1, 0, 0, 0, 2, 0, 0, 0, 3};
  CHECK_EQ(Reader(bytes).U64(), 0x200000001U);
  ByteReader reader = Reader(bytes);
  reader.U32();
  ByteReader part = reader.Part(3);
  CHECK_EQ(part.remaining(), 3U);
  CHECK_EQ(*part.rest(), 2);
  CHECK_EQ(reader.remaining(), 2U);
  CHECK_THROWS(ImageError, "test: byte 4: truncated: 4 more bytes expected, 3 left", part.U32());
  CHECK_THROWS(ImageError, "test: byte 7: truncated: 3 more", reader.Part(3));
  CHECK_THROWS(ImageError, "truncated", reader.Part(UINT64_MAX));
  CHECK_EQ(reader.Part(2).remaining(), 2U);
}

void AnySizeMayBeAskedFor() {
  ByteReader reader = Reader(kBytes);
  CHECK_THROWS(ImageError, "truncated", reader.Take(6));
  CHECK_THROWS(ImageError, "truncated", reader.Take(UINT64_MAX));
  CHECK_EQ(*reader.Take(5), 1);
  reader.Take(0);
  CHECK_THROWS(ImageError, "truncated", reader.Take(1));
}

void ATableIsNoLongerThanWhatFollows() {
  const std::vector<uint8_t> bytes = {2, 0, 0, 0, 1, 2, 3, 4, 5, 6, 7};
  CHECK_EQ(Reader(bytes).Count(3), 2U);
  ByteReader reader = Reader(bytes);
  CHECK_THROWS(ImageError, "a table of 2 items, 7 bytes left", reader.Count(4));
  const std::vector<uint8_t> highest = {0xFF, 0xFF, 0xFF, 0xFF};
  ByteReader huge = Reader(highest);
  CHECK_THROWS(ImageError, "a table of 4294967295 items", huge.Count(16));
}

void ATextIsUtf8() {
  const auto text = [](std::vector<uint8_t> bytes) {
    bytes.insert(bytes.begin(), {static_cast<uint8_t>(bytes.size()), 0, 0, 0});
    return Reader(bytes).Text();
  };
  CHECK_EQ(text({}), "");
  CHECK_EQ(text({'g', 'r', 0xC3, 0xB6, 0xC3, 0x9F, 'e'}), "größe");
  CHECK_EQ(text({0xF4, 0x8F, 0xBF, 0xBF}), "\U0010FFFF");
  const std::vector<std::vector<uint8_t>> refused = {
      {0x80},                    // no lead byte
      {0xC3},                    // cut off
      {0xC3, 'e'},               // no continuation
      {0xC0, 0x80},              // overlong
      {0xE0, 0x80, 0x80},        // overlong
      {0xED, 0xA0, 0x80},        // surrogate
      {0xF0, 0x8F, 0xBF, 0xBF},  // overlong
      {0xF4, 0x90, 0x80, 0x80},  // past U+10FFFF
      {0xFF, 0xBF, 0xBF, 0xBF},
  };
  for (const auto& bytes : refused) CHECK_THROWS(ImageError, "a text is not UTF-8", text(bytes));
}

}  // namespace

int main() {
  IntegersAreLittleEndianAndBounded();
  APartEndsWhereItWasSaid();
  AnySizeMayBeAskedFor();
  ATableIsNoLongerThanWhatFollows();
  ATextIsUtf8();
}
