#ifndef EIE_IMAGE_IMAGE_H_
#define EIE_IMAGE_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "generated/hardware_config.h"
#include "image/program.h"

namespace eie {

/// Returns the configuration with the fields `words`, in order; throws std::invalid_argument.
HardwareConfig CheckedHardwareConfig(const std::vector<uint32_t>& words);

/// Reads and checks a complete image (layout: eie_backend/isa/image.py); throws ImageError.
Program ReadImage(const uint8_t* data, size_t size);

}  // namespace eie

#endif  // EIE_IMAGE_IMAGE_H_
