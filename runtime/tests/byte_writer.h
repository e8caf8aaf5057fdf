#ifndef EIE_TESTS_BYTE_WRITER_H_
#define EIE_TESTS_BYTE_WRITER_H_

#include <cstdint>
#include <cstring>
#include <initializer_list>
#include <string>
#include <vector>

#include "image/crc32.h"

namespace eie {

using Bytes = std::vector<uint8_t>;

/// Little-endian bytes, appended one after another.
class ByteWriter {
 public:
  const Bytes& bytes() const { return bytes_; }

  ByteWriter& Raw(const Bytes& bytes) {
    bytes_.insert(bytes_.end(), bytes.begin(), bytes.end());
    return *this;
  }
  ByteWriter& Integers(int size_bytes, std::initializer_list<uint32_t> values) {
    for (const uint32_t value : values) {
      for (int i = 0; i < size_bytes; ++i) bytes_.push_back(static_cast<uint8_t>(value >> 8 * i));
    }
    return *this;
  }
  ByteWriter& U16(std::initializer_list<uint32_t> values) { return Integers(2, values); }
  ByteWriter& U32(std::initializer_list<uint32_t> values) { return Integers(4, values); }
  /// Values as the words of an arithmetic: float32, or fixed point with `frac_bits`.
  ByteWriter& Words(bool is_float, int frac_bits, std::initializer_list<float> values) {
    for (const float value : values) {
      uint32_t word;
      if (is_float) {
        std::memcpy(&word, &value, sizeof word);
      } else {
        word =
            static_cast<uint32_t>(static_cast<int32_t>(value * static_cast<float>(1 << frac_bits)));
      }
      U32({word});
    }
    return *this;
  }
  /// A length, and that many bytes.
  ByteWriter& Block(const Bytes& bytes) {
    return U32({static_cast<uint32_t>(bytes.size())}).Raw(bytes);
  }
  ByteWriter& Text(const std::string& text) { return Block(Bytes(text.begin(), text.end())); }
  /// A record: its length, its fields and its data.
  ByteWriter& Record(const std::vector<uint32_t>& fields, const Bytes& data = {}) {
    ByteWriter record;
    record.U32({static_cast<uint32_t>(fields.size())});
    for (const uint32_t field : fields) record.U32({field});
    return Block(record.Raw(data).bytes());
  }
  /// A section of an image.
  ByteWriter& Section(const std::string& tag, const Bytes& content) {
    Raw(Bytes(tag.begin(), tag.end())).U32({static_cast<uint32_t>(content.size()), 0});
    return U32({Crc32(content.data(), content.size())}).Raw(content);
  }

 private:
  Bytes bytes_;
};

/// A field of an instruction: its width and value.
struct Field {
  int bits;
  int64_t value;
};

/// The 16 bytes of an instruction: opcode, layer and the fields after them, from bit 24 up.
inline Bytes InstructionWord(uint8_t opcode, uint16_t layer, std::initializer_list<Field> fields) {
  Bytes word(16, 0);
  word[0] = opcode;
  word[1] = static_cast<uint8_t>(layer);
  word[2] = static_cast<uint8_t>(layer >> 8);
  int at = 24;
  for (const Field& field : fields) {
    for (int i = 0; i < field.bits; ++i, ++at) {
      word[at / 8] |= static_cast<uint8_t>(((field.value >> i) & 1) << (at % 8));
    }
  }
  return word;
}

}  // namespace eie

#endif  // EIE_TESTS_BYTE_WRITER_H_
