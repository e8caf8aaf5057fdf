#ifndef EIE_IMAGE_DENSE_COLUMN_H_
#define EIE_IMAGE_DENSE_COLUMN_H_

#include <cstdint>

namespace eie {

/// Layout of a dense column: one code of 4 bits per row, zeros included.
///
/// If at least a sixth of the weights is non-zero, adding all rows with vector instructions is
/// faster than adding only the rows with a weight one by one, and takes at most 3 bytes per weight.
/// A block of 16 bytes has 32 rows, in the order in which the vector instructions produce their
/// products.
namespace dense_column {

constexpr int64_t kBlockRows = 32;
constexpr int64_t kBlockBytes = 16;
constexpr int64_t kCodeBits = 4;
constexpr int64_t kMaxBytesPerWeight = 3;

/// Number of blocks of a column with `rows` rows.
inline int64_t Blocks(int64_t rows) { return (rows + kBlockRows - 1) / kBlockRows; }

/// Index of the byte with a row's code, within its column.
inline int64_t ByteOf(int64_t row) {
  return row / kBlockRows * kBlockBytes + row % kBlockRows / 8 * 4 + row % 4;
}
/// Lowest bit of a row's code within its byte.
inline int ShiftOf(int64_t row) { return row % 8 < 4 ? 0 : 4; }
inline int CodeOf(const uint8_t* column, int64_t row) {
  return column[ByteOf(row)] >> ShiftOf(row) & 15;
}

}  // namespace dense_column
}  // namespace eie

#endif  // EIE_IMAGE_DENSE_COLUMN_H_
