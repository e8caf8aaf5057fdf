#ifndef EIE_IMAGE_VERSION_2_H_
#define EIE_IMAGE_VERSION_2_H_

#include "image/byte_reader.h"
#include "image/program.h"

namespace eie {

/// Reads what follows the header of an image of version 2 (layout:
/// eie_backend/isa/image/version_2.py) to its end, and checks it; throws ImageError.
Program ReadVersion2(ByteReader& reader);

}  // namespace eie

#endif  // EIE_IMAGE_VERSION_2_H_
