#include "image/machine_config.h"

#include <stdexcept>
#include <string>

namespace eie {

HardwareConfig CheckedHardwareConfig(const std::vector<uint32_t>& words) {
  const HardwareConfig config = ReadHardwareConfig(words.data(), words.size());
  if (config.spmat_width_bits % 8 != 0) {
    throw std::invalid_argument(
        "HardwareConfig: spmat_width_bits = " + std::to_string(config.spmat_width_bits) +
        " is not a multiple of 8");
  }
  if (config.accumulator_bits != 16 && config.accumulator_bits != 32) {
    throw std::invalid_argument("HardwareConfig: accumulator_bits = " +
                                std::to_string(config.accumulator_bits) + " is neither 16 nor 32");
  }
  return config;
}

HardwareConfig ReadConfig(ByteReader& reader) {
  std::vector<uint32_t> words(reader.Count(4));
  for (uint32_t& word : words) word = reader.U32();
  try {
    return CheckedHardwareConfig(words);
  } catch (const std::invalid_argument& error) {
    reader.Fail(error.what());
  }
}

}  // namespace eie
