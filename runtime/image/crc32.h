#ifndef EIE_IMAGE_CRC32_H_
#define EIE_IMAGE_CRC32_H_

#include <array>
#include <cstddef>
#include <cstdint>

namespace eie {

/// CRC-32 of zlib and PNG (reflected polynomial 0xEDB88320).
inline uint32_t Crc32(const uint8_t* data, size_t size) {
  // The byte table, and seven that advance by one more zero byte each: eight bytes take one step.
  constexpr size_t kStep = 8;
  static const auto tables = [] {
    std::array<std::array<uint32_t, 256>, kStep> t{};
    for (uint32_t i = 0; i < 256; ++i) {
      uint32_t value = i;
      for (int bit = 0; bit < 8; ++bit) value = value >> 1 ^ (value & 1 ? 0xEDB88320u : 0);
      t[0][i] = value;
    }
    for (size_t k = 1; k < kStep; ++k) {
      for (uint32_t i = 0; i < 256; ++i) t[k][i] = t[k - 1][i] >> 8 ^ t[0][t[k - 1][i] & 0xFF];
    }
    return t;
  }();
  uint32_t crc = ~uint32_t{0};
  for (; size >= kStep; data += kStep, size -= kStep) {
    uint32_t next = 0;
    for (size_t i = 0; i < kStep; ++i) {
      const uint32_t before = i < 4 ? crc >> 8 * i : 0;
      next ^= tables[kStep - 1 - i][(before ^ data[i]) & 0xFF];
    }
    crc = next;
  }
  for (; size > 0; ++data, --size) crc = crc >> 8 ^ tables[0][(crc ^ *data) & 0xFF];
  return ~crc;
}

}  // namespace eie

#endif  // EIE_IMAGE_CRC32_H_
