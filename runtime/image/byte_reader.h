#ifndef EIE_IMAGE_BYTE_READER_H_
#define EIE_IMAGE_BYTE_READER_H_

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

namespace eie {

/// Error for bytes that are not a valid image or matrix; it says what, got, allowed and where.
class ImageError : public std::runtime_error {
 public:
  using std::runtime_error::runtime_error;
};

/// Bounds-checked little-endian cursor over untrusted bytes, which must outlive it.
class ByteReader {
 public:
  /// `name` starts every error message.
  ByteReader(const char* name, const uint8_t* data, size_t size)
      : name_(name), data_(data), size_(size) {}

  size_t remaining() const { return size_ - at_; }
  /// What is left, without reading it.
  const uint8_t* rest() const { return data_ + at_; }

  [[noreturn]] void Fail(const std::string& message) const {
    throw ImageError(std::string(name_) + ": byte " + std::to_string(at_) + ": " + message);
  }

  /// Reads the next `size` bytes.
  const uint8_t* Take(uint64_t size) {
    if (size > remaining()) {
      Fail("truncated: " + std::to_string(size) + " more bytes expected, " +
           std::to_string(remaining()) + " left");
    }
    const uint8_t* bytes = data_ + at_;
    at_ += size;
    return bytes;
  }

  static uint32_t U32At(const uint8_t* bytes) {
    return bytes[0] | bytes[1] << 8 | bytes[2] << 16 | static_cast<uint32_t>(bytes[3]) << 24;
  }

  /// Reads the next `size` bytes by a reader of their own.
  ByteReader Part(uint64_t size) {
    ByteReader part = *this;
    Take(size);
    part.size_ = at_;
    return part;
  }

  uint32_t U32() { return U32At(Take(4)); }

  uint64_t U64() {
    const uint64_t low = U32();
    return low | uint64_t{U32()} << 32;
  }

  /// Reads the length of a table whose items take at least `item_bytes`; throws if the remaining
  /// bytes cannot hold so many.
  size_t Count(size_t item_bytes) {
    const uint64_t count = U32();
    if (count * item_bytes > remaining()) {
      Fail("truncated: a table of " + std::to_string(count) + " items, " +
           std::to_string(remaining()) + " bytes left");
    }
    return count;
  }

  /// Reads a length and that many bytes of UTF-8.
  std::string Text() {
    const size_t size = Count(1);
    const uint8_t* bytes = Take(size);
    if (!IsUtf8(bytes, size)) Fail("a text is not UTF-8");
    return {reinterpret_cast<const char*>(bytes), size};
  }

 private:
  static bool IsUtf8(const uint8_t* bytes, size_t size) {
    for (size_t i = 0; i < size;) {
      const uint8_t lead = bytes[i++];
      if (lead < 0x80) continue;
      const int more = lead >= 0xC2 && lead < 0xE0 ? 1 : lead >= 0xE0 && lead < 0xF0 ? 2 : 3;
      if (lead < 0xC2 || lead > 0xF4 || size - i < static_cast<size_t>(more)) return false;
      uint32_t point = lead & (0x3F >> more);
      for (int k = 0; k < more; ++k, ++i) {
        if ((bytes[i] & 0xC0) != 0x80) return false;
        point = point << 6 | (bytes[i] & 0x3F);
      }
      const bool overlong = (more == 2 && point < 0x800) || (more == 3 && point < 0x10000);
      if (overlong || (point >= 0xD800 && point < 0xE000) || point > 0x10FFFF) return false;
    }
    return true;
  }

  const char* name_;
  const uint8_t* data_;
  size_t size_;  // where it ends
  size_t at_ = 0;
};

}  // namespace eie

#endif  // EIE_IMAGE_BYTE_READER_H_
