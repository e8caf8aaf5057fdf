#ifndef EIE_IMAGE_STORED_VALUES_H_
#define EIE_IMAGE_STORED_VALUES_H_

#include <cstdint>
#include <vector>

namespace eie {

/// A table of shared weights by code, or a bias vector.
struct StoredValues {
  bool is_float;                ///< float32, otherwise int32 words of fixed point
  std::vector<uint32_t> words;  ///< the values' bits
};

}  // namespace eie

#endif  // EIE_IMAGE_STORED_VALUES_H_
