#ifndef EIE_SOFT_ERRORS_WORD_CODE_H_
#define EIE_SOFT_ERRORS_WORD_CODE_H_

#include <cstdint>
#include <vector>

#include "generated/choices.h"

namespace eie {

/// What the decoder of a word makes of the word's flips.
enum class Verdict { kUnnoticed, kCorrected, kDetected };

/// A word as stored: its data bits, then its check bits, of which the last is the parity of all.
/// SECDED is an extended Hamming code.
class WordCode {
 public:
  WordCode(int64_t data_bits, Protection protection);

  int64_t data_bits() const { return data_bits_; }
  int64_t check_bits() const { return check_bits_; }
  int64_t stored_bits() const { return data_bits_ + check_bits_; }

  /// Decodes a word. `bits` are the stored bits that flipped, each once; they become the bits of
  /// the data that are wrong as it is read.
  ///
  /// A detected word is not used, so nothing of it is wrong. More flips than the code stands may
  /// pass unnoticed, and the decoder may add one that it takes for the error.
  Verdict Decode(std::vector<int64_t>* bits) const;

 private:
  /// Bit of the word at a position of the Hamming code, which count from 1; position 0 is the
  /// parity of all.
  std::vector<int64_t> bit_at_;
  std::vector<int64_t> position_of_;
  int64_t data_bits_;
  int64_t check_bits_;
  Protection protection_;
};

}  // namespace eie

#endif  // EIE_SOFT_ERRORS_WORD_CODE_H_
