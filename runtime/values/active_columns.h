#ifndef EIE_VALUES_ACTIVE_COLUMNS_H_
#define EIE_VALUES_ACTIVE_COLUMNS_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <vector>

#if defined(__SSE2__)
#include <emmintrin.h>
#endif

#include "image/encoded_matrix.h"

/// Active columns, which a matrix-vector product broadcasts; they are found eight inputs at a time.

namespace eie {

constexpr int64_t kGroup = 8;  // inputs processed at a time

/// Returns a mask of the non-zero inputs in a group, one bit each; -0.0 counts as zero.
template <typename Word>
unsigned NonZeros(const Word* x) {
  unsigned bits = 0;
  for (int64_t i = 0; i < kGroup; ++i) bits |= unsigned{x[i] != 0} << i;
  return bits;
}

#if defined(__SSE2__)
inline unsigned NonZeros(const float* x) {
  const __m128 zero = _mm_setzero_ps();
  const int low = _mm_movemask_ps(_mm_cmpneq_ps(_mm_loadu_ps(x), zero));
  const int high = _mm_movemask_ps(_mm_cmpneq_ps(_mm_loadu_ps(x + 4), zero));
  return low | high << 4;
}
#endif

/// The positions of the one bits in a byte, in order, and their number.
struct Ones {
  std::array<uint8_t, kGroup> places;
  uint8_t count;
};

constexpr std::array<Ones, 256> MakeOnes() {
  std::array<Ones, 256> all{};
  for (unsigned bits = 0; bits < all.size(); ++bits) {
    for (unsigned place = 0; place < kGroup; ++place) {
      if ((bits >> place & 1) != 0) all[bits].places[all[bits].count++] = place;
    }
  }
  return all;
}

/// Returns the broadcast columns: every non-zero input, then the bias column.
///
/// The loop has no branches, because the positions of zeros are random. Each group writes as many
/// columns as it has inputs, and the next group overwrites those beyond the active ones.
template <typename Word>
std::vector<uint32_t> ActiveColumns(const EncodedMatrix& matrix, const Word* x) {
  static constexpr std::array<Ones, 256> kOnes = MakeOnes();
  std::vector<uint32_t> columns(matrix.stored_cols() + kGroup);
  size_t count = 0;
  int64_t j = 0;
  for (; j + kGroup <= matrix.cols; j += kGroup) {
    const Ones& ones = kOnes[NonZeros(x + j)];
    uint32_t* const next = &columns[count];
    for (int64_t i = 0; i < kGroup; ++i) next[i] = static_cast<uint32_t>(j) + ones.places[i];
    count += ones.count;
  }
  for (; j < matrix.cols; ++j) {
    if (x[j] != 0) columns[count++] = static_cast<uint32_t>(j);
  }
  if (matrix.has_bias_column) columns[count++] = static_cast<uint32_t>(matrix.cols);
  columns.resize(count);
  return columns;
}

}  // namespace eie

#endif  // EIE_VALUES_ACTIVE_COLUMNS_H_
