#ifndef EIE_IMAGE_HUFFMAN_H_
#define EIE_IMAGE_HUFFMAN_H_

#include <cstddef>
#include <cstdint>
#include <vector>

namespace eie {

/// Decoder of canonical Huffman codes, most significant bit first, from untrusted bytes.
///
/// The codeword lengths determine a canonical code: shorter codewords come first, codewords of one
/// length are in symbol order, and each codeword is the previous one plus one.
class HuffmanDecoder {
 public:
  static constexpr int kMaxLength = 16;

  /// `lengths[symbol]` is the length of its codeword in bits, 0 if it has none. The codewords must
  /// fill the code space; a single symbol has the codeword 0. Throws ImageError otherwise.
  HuffmanDecoder(const uint8_t* lengths, size_t symbols);

  /// Reads `count` symbols from exactly `size` bytes, the last one padded with 0 bits. Throws
  /// ImageError if the bytes hold fewer or more symbols.
  template <typename Symbol>
  void Decode(const uint8_t* bytes, size_t size, Symbol* out, size_t count) const;

 private:
  struct Entry {
    uint16_t symbol;
    uint16_t length;  ///< 0: no codeword starts with these bits
  };

  std::vector<Entry> table_;  ///< indexed by the next `peek_` bits
  int peek_ = 1;              ///< length of the longest codeword
};

}  // namespace eie

#endif  // EIE_IMAGE_HUFFMAN_H_
