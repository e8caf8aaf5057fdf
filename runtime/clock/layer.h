#ifndef EIE_CLOCK_LAYER_H_
#define EIE_CLOCK_LAYER_H_

#include <cstdint>

#include "generated/hardware_config.h"
#include "image/encoded_matrix.h"

namespace eie::clock {

/// The current layer, and the machine's sizes.
template <typename Arithmetic>
struct Layer {
  using Word = typename Arithmetic::Word;

  const EncodedMatrix& matrix;
  const HardwareConfig& config;
  const Arithmetic& arithmetic;
  const uint32_t* codebook;  ///< a word per code
  int64_t shift;             ///< right shift of products
  Word one;                  ///< fed to the bias column
  const Word* x;             ///< `cols` words
  Word* acc;                 ///< `rows` words
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_LAYER_H_
