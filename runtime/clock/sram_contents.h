#ifndef EIE_CLOCK_SRAM_CONTENTS_H_
#define EIE_CLOCK_SRAM_CONTENTS_H_

#include <cstdint>
#include <vector>

#include "image/encoded_matrix.h"

namespace eie {

/// What the pointer and weight SRAMs of all PEs hold: exactly the record that a matrix was read
/// from.
///
/// A run of zeros has one encoding, so the weights and the length of each slice say it all.
class SramContents {
 public:
  explicit SramContents(const EncodedMatrix& matrix);

  /// Of one PE: where each column's entries begin, then where the last one's end.
  const uint32_t* pointers(int64_t pe) const { return &pointers_[pe * pointers_per_pe_]; }
  /// Of one PE.
  const uint8_t* entries(int64_t pe) const { return entries_.data() + first_entries_[pe]; }

 private:
  void EncodeColumn(const EncodedMatrix& matrix, int64_t column);

  const int64_t pointers_per_pe_;
  std::vector<uint32_t> pointers_;
  std::vector<uint8_t> entries_;
  std::vector<int64_t> first_entries_;  // of each PE
};

}  // namespace eie

#endif  // EIE_CLOCK_SRAM_CONTENTS_H_
