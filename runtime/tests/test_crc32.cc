#include <string>

#include "image/crc32.h"
#include "tests/check.h"

namespace {

uint32_t Crc(const std::string& text) {
  return eie::Crc32(reinterpret_cast<const uint8_t*>(text.data()), text.size());
}

}  // namespace

int main() {
  CHECK_EQ(Crc(""), 0U);
  CHECK_EQ(Crc("123456789"), 0xCBF43926U);  // the check value of CRC-32/ISO-HDLC
  // Long enough for an implementation that takes many bytes at once; the values are zlib's.
  CHECK_EQ(Crc(std::string(1000, 'a')), 0x9A38DA03U);
  std::string rising;
  for (int i = 0; i < 255; ++i) rising += static_cast<char>(i);
  CHECK_EQ(Crc(rising.substr(0, 7)), 0xAD5809F9U);
  CHECK_EQ(Crc(rising.substr(0, 8)), 0x88AA689FU);
  CHECK_EQ(Crc(rising.substr(0, 9)), 0xBCE14302U);
  CHECK_EQ(Crc(rising), 0xD32F9BA0U);
  CHECK_EQ(Crc(std::string(1001, '\0')), 0x3FBC67BAU);
}
