#include <string>
#include <vector>

#include "image/byte_reader.h"
#include "image/huffman.h"
#include "tests/check.h"

namespace {

using eie::HuffmanDecoder;
using eie::ImageError;
using Lengths = std::vector<uint8_t>;

std::string Decoded(const Lengths& lengths, const std::vector<uint8_t>& bytes, size_t count) {
  std::string out(count, '?');
  HuffmanDecoder(lengths.data(), lengths.size())
      .Decode(bytes.data(), bytes.size(), reinterpret_cast<uint8_t*>(out.data()), count);
  for (char& symbol : out) symbol += 'a';
  return out;
}

}  // namespace

int main() {
  // a: 0, b: 10, c: 110, d: 111
  const Lengths abcd{1, 2, 3, 3};
  CHECK_EQ(Decoded(abcd, {0b01011011, 0b10000000}, 5), "abcda");
  CHECK_EQ(Decoded(abcd, {}, 0), "");
  CHECK_EQ(Decoded({}, {}, 0), "");
  // Equal lengths go by symbol, whatever comes between.
  CHECK_EQ(Decoded({2, 0, 1, 2}, {0b01011000}, 3), "cad");
  // A single symbol takes a bit.
  CHECK_EQ(Decoded({0, 1}, {0}, 8), "bbbbbbbb");
  // The longest codewords, across many refills.
  Lengths deep{16};
  for (uint8_t length = 16; length > 0; --length) deep.push_back(length);
  const std::vector<uint8_t> ones(2 * 1000, 0xFF);
  CHECK_EQ(Decoded(deep, ones, 1000), std::string(1000, 'b'));
  CHECK_EQ(Decoded({1, 1}, ones, 16000), std::string(16000, 'b'));

  CHECK_THROWS(ImageError, "not those of a code", Decoded({1, 2}, {0}, 1));
  CHECK_THROWS(ImageError, "not those of a code", Decoded({1, 1, 1}, {0}, 1));
  CHECK_THROWS(ImageError, "not those of a code", Decoded({2, 2}, {0}, 1));
  CHECK_THROWS(ImageError, "17 bits; 16 at most", Decoded({17}, {0}, 1));
  CHECK_THROWS(ImageError, "65536 at most", Decoded(Lengths(65537, 16), {0}, 1));
  CHECK_THROWS(ImageError, "symbol 0 of 1", Decoded({}, {}, 1));
  CHECK_THROWS(ImageError, "symbol 0 of 1", Decoded({1}, {0x80}, 1));
  CHECK_THROWS(ImageError, "symbol 8 of 9", Decoded(abcd, {0}, 9));
  CHECK_THROWS(ImageError, "symbol 1 of 2", Decoded(deep, {0xFF, 0xFF, 0xFF}, 2));
  CHECK_THROWS(ImageError, "bits follow", Decoded(abcd, {0, 0}, 8));
  CHECK_THROWS(ImageError, "bits follow", Decoded(abcd, {1}, 1));
  CHECK_THROWS(ImageError, "bits follow", Decoded(abcd, {0}, 0));
  CHECK_THROWS(ImageError, "bits follow", Decoded(abcd, ones, 3));
}
