#include "clock/sram_contents.h"

namespace eie {

SramContents::SramContents(const EncodedMatrix& matrix)
    : pointers_per_pe_(matrix.stored_cols() + 1), pointers_(matrix.num_pe * pointers_per_pe_) {
  int64_t entries = 0;
  for (int64_t k = 0; k < matrix.num_pe; ++k) {
    first_entries_.push_back(entries);
    entries += matrix.entries_per_pe[k];
    uint32_t* const pointers = &pointers_[k * pointers_per_pe_];
    for (int64_t j = 0; j < matrix.stored_cols(); ++j) {
      pointers[j + 1] = pointers[j] + static_cast<uint32_t>(matrix.length(j, k));
    }
  }
  entries_.resize(entries);
  for (int64_t j = 0; j < matrix.stored_cols(); ++j) EncodeColumn(matrix, j);
}

void SramContents::EncodeColumn(const EncodedMatrix& matrix, int64_t column) {
  const int64_t max_run = 255 >> matrix.codebook_bits;
  const auto padding = static_cast<uint8_t>(max_run << matrix.codebook_bits);
  struct Slice {
    uint8_t* next;    // entry
    int64_t row = 0;  // local row from which the entry's run of zeros counts
  };
  std::vector<Slice> slices(matrix.num_pe);
  for (int64_t k = 0; k < matrix.num_pe; ++k) {
    slices[k].next = entries_.data() + first_entries_[k] + pointers(k)[column];
  }
  matrix.ForEachWeight(column, [&](int64_t row, int64_t code) {
    Slice& slice = slices[row % matrix.num_pe];
    const int64_t local_row = row / matrix.num_pe;
    int64_t run = local_row - slice.row;
    for (; run > max_run; run -= max_run + 1) *slice.next++ = padding;
    *slice.next++ = static_cast<uint8_t>(run << matrix.codebook_bits | code);
    slice.row = local_row + 1;
  });
  // A slice may end with paddings.
  for (int64_t k = 0; k < matrix.num_pe; ++k) {
    const uint8_t* const end = entries_.data() + first_entries_[k] + pointers(k)[column + 1];
    while (slices[k].next < end) *slices[k].next++ = padding;
  }
}

}  // namespace eie
