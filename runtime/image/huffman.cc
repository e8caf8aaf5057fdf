#include "image/huffman.h"

#include <algorithm>
#include <array>
#include <string>

#include "image/byte_reader.h"

namespace eie {
namespace {

[[noreturn]] void Fail(const std::string& message) { throw ImageError("huffman: " + message); }

}  // namespace

HuffmanDecoder::HuffmanDecoder(const uint8_t* lengths, size_t symbols) {
  if (symbols > size_t{UINT16_MAX} + 1) Fail(std::to_string(symbols) + " symbols; 65536 at most");
  std::array<uint32_t, kMaxLength + 1> of_length{};
  for (size_t symbol = 0; symbol < symbols; ++symbol) {
    if (lengths[symbol] > kMaxLength) {
      Fail("symbol " + std::to_string(symbol) + " has a codeword of " +
           std::to_string(lengths[symbol]) + " bits; 16 at most");
    }
    ++of_length[lengths[symbol]];
  }
  of_length[0] = 0;
  for (int length = 1; length <= kMaxLength; ++length) {
    if (of_length[length] > 0) peek_ = length;
  }
  // Start of the codewords of each length in the table.
  std::array<uint64_t, kMaxLength + 1> next{};
  uint64_t filled = 0;
  for (int length = 1; length <= peek_; ++length) {
    next[length] = filled;
    filled += uint64_t{of_length[length]} << (peek_ - length);
  }
  const uint64_t space = uint64_t{1} << peek_;
  // A single codeword, or none, cannot fill the code space.
  if (filled > space || (filled < space && peek_ > 1)) Fail("the lengths are not those of a code");
  table_.resize(space);
  for (size_t symbol = 0; symbol < symbols; ++symbol) {
    const uint8_t length = lengths[symbol];
    if (length == 0) continue;
    const size_t span = size_t{1} << (peek_ - length);
    std::fill_n(table_.begin() + next[length], span, Entry{static_cast<uint16_t>(symbol), length});
    next[length] += span;
  }
}

template <typename Symbol>
void HuffmanDecoder::Decode(const uint8_t* bytes, size_t size, Symbol* out, size_t count) const {
  uint64_t window = 0;  // the next `held` bits at the top; below them later bits, or 0
  int held = 0;
  size_t at = 0;
  for (size_t i = 0; i < count;) {
    if (size - at >= 8) {
      uint64_t word = 0;
      for (int k = 0; k < 8; ++k) word = word << 8 | bytes[at + k];
      window |= word >> held;
      at += (63 - held) / 8;
      held += (63 - held) / 8 * 8;
    } else {
      for (; held <= 56 && at < size; held += 8) window |= uint64_t{bytes[at++]} << (56 - held);
    }
    // At least 56 bits (or all that are left) hold three codewords.
    for (const size_t stop = std::min(count, i + 3); i < stop; ++i) {
      const Entry entry = table_[window >> (64 - peek_)];
      if (entry.length == 0 || entry.length > held) {
        Fail("no codeword at symbol " + std::to_string(i) + " of " + std::to_string(count));
      }
      out[i] = static_cast<Symbol>(entry.symbol);
      window <<= entry.length;
      held -= entry.length;
    }
  }
  if (at != size || held >= 8 || window != 0) Fail("bits follow the last symbol");
}

template void HuffmanDecoder::Decode(const uint8_t*, size_t, uint8_t*, size_t) const;
template void HuffmanDecoder::Decode(const uint8_t*, size_t, uint16_t*, size_t) const;

}  // namespace eie
