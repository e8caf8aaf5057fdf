#ifndef EIE_IMAGE_IMAGE_H_
#define EIE_IMAGE_IMAGE_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "image/program.h"

namespace eie {

/// Reads and checks a complete image of version 3 or 2 (layout: docs/image.md); throws ImageError.
///
/// Its programs have different symbols, and share the matrices and biases that they have in common.
std::vector<Program> ReadImage(const uint8_t* data, size_t size);

}  // namespace eie

#endif  // EIE_IMAGE_IMAGE_H_
