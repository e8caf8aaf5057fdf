#ifndef EIE_IMAGE_CRC32_H_
#define EIE_IMAGE_CRC32_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace eie {

/// CRC-32 of zlib and PNG (reflected polynomial 0xEDB88320).
inline uint32_t Crc32(const uint8_t* data, size_t size) {
  static const auto table = [] {
    std::array<uint32_t, 256> t{};
    for (uint32_t i = 0; i < t.size(); ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0);
      t[i] = value;
    }
    return t;
  }();
  uint32_t crc = ~uint32_t{0};
  for (size_t i = 0; i < size; ++i) crc = crc >> 8 ^ table[(crc ^ data[i]) & 0xFF];
  return ~crc;
}

}  // namespace eie

#endif  // EIE_IMAGE_CRC32_H_
