#ifndef EIE_IMAGE_SECTIONS_H_
#define EIE_IMAGE_SECTIONS_H_

#include <map>
#include <string>
#include <vector>

#include "image/byte_reader.h"

namespace eie {

/// Readers of an image's sections, by tag; a tag has one but for `kProgramTag`, which has some.
using Sections = std::map<std::string, std::vector<ByteReader>>;

constexpr const char* kConfigTag = "CONF";
constexpr const char* kTableSetTag = "SETS";
constexpr const char* kMatrixTag = "MATR";
constexpr const char* kBiasTag = "BIAS";
constexpr const char* kProgramTag = "PROG";

/// Reads all sections (layout: docs/image.md): the five above are there, besides only optional
/// ones. Throws ImageError.
Sections ReadSections(ByteReader& reader);

}  // namespace eie

#endif  // EIE_IMAGE_SECTIONS_H_
