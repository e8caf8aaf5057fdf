#ifndef EIE_CLOCK_SRAM_CONTENTS_H_
#define EIE_CLOCK_SRAM_CONTENTS_H_

#include <cstdint>
#include <vector>

#include "image/encoded_matrix.h"

namespace eie {

/// What the pointer and weight SRAMs of all PEs hold: the pointers and entries of the record that
/// the matrix was read from, byte for byte.
///
/// They follow from the weights and the length of each slice, since a run of zeros has one
/// encoding.
class SramContents {
 public:
  explicit SramContents(const EncodedMatrix& matrix);

  /// Pointers of one PE: where each column's entries begin, then where the last one's end.
  const uint32_t* pointers(int64_t pe) const { return &pointers_[pe * pointers_per_pe_]; }
  /// Entries of one PE.
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
