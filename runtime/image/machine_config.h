#ifndef EIE_IMAGE_MACHINE_CONFIG_H_
#define EIE_IMAGE_MACHINE_CONFIG_H_

#include <cstdint>
#include <vector>

#include "generated/hardware_config.h"
#include "image/byte_reader.h"

namespace eie {

/// Returns the configuration with the fields `words`, in order; throws std::invalid_argument.
HardwareConfig CheckedHardwareConfig(const std::vector<uint32_t>& words);

/// Reads the number of fields and the fields; throws ImageError.
HardwareConfig ReadConfig(ByteReader& reader);

}  // namespace eie

#endif  // EIE_IMAGE_MACHINE_CONFIG_H_
