#ifndef EIE_CLOCK_SRAM_CONTENTS_H_
#define EIE_CLOCK_SRAM_CONTENTS_H_

#include <cstdint>
#include <vector>

#include "image/encoded_matrix.h"

namespace eie {

/// The contents of all PEs' pointer and weight SRAMs: byte for byte the pointers and entries of the
/// record that the matrix was read from.
///
/// They are reconstructed from the weights and the length of each slice, because the encoding of a
/// run of zeros is unique.
class SramContents {
 public:
  explicit SramContents(const EncodedMatrix& matrix);

  /// Returns one PE's pointers: the start of each column's entries, then the end of the last.
  const uint32_t* pointers(int64_t pe) const { return &pointers_[pe * pointers_per_pe_]; }
  /// Returns one PE's entries.
  const uint8_t* entries(int64_t pe) const { return entries_.data() + first_entries_[pe]; }

 private:
  void EncodeColumn(const EncodedMatrix& matrix, int64_t column);

  const int64_t pointers_per_pe_;
  std::vector<uint32_t> pointers_;
  std::vector<uint8_t> entries_;
  std::vector<int64_t> first_entries_;  // index of each PE's first entry
};

}  // namespace eie

#endif  // EIE_CLOCK_SRAM_CONTENTS_H_
