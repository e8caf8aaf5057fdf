// Any lengths and bytes are refused with an ImageError, or are symbols that have codewords.

#include <algorithm>
#include <cstdlib>
#include <vector>

#include "image/byte_reader.h"
#include "image/huffman.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  if (size < 3) return 0;
  const size_t symbols = std::min<size_t>(data[0], size - 3);
  const size_t count = data[1] | data[2] << 8;
  const uint8_t* lengths = data + 3;
  const uint8_t* bytes = lengths + symbols;
  std::vector<uint16_t> out(count);
  try {
    eie::HuffmanDecoder(lengths, symbols).Decode(bytes, data + size - bytes, out.data(), count);
  } catch (const eie::ImageError&) {
    return 0;
  }
  for (const uint16_t symbol : out) {
    if (symbol >= symbols || lengths[symbol] == 0) std::abort();
  }
  return 0;
}
