#ifndef EIE_IMAGE_DENSE_COLUMN_H_
#define EIE_IMAGE_DENSE_COLUMN_H_

#include <cstdint>

namespace eie {

/// Layout of a dense column: one code of 4 bits per row, zeros included.
///
/// Where at least a sixth of the weights is left, adding all rows with vector instructions is
/// faster than adding only those with a weight, one by one, and takes no more than 3 bytes per
/// weight. 32 rows make a block of 16 bytes, laid out as the vector instructions yield their
/// products.
namespace dense_column {

constexpr int64_t kBlockRows = 32;
constexpr int64_t kBlockBytes = 16;
constexpr int64_t kCodeBits = 4;
constexpr int64_t kMaxBytesPerWeight = 3;

/// Blocks of a column of so many rows.
inline int64_t Blocks(int64_t rows) { return (rows + kBlockRows - 1) / kBlockRows; }

/// Byte of a row's code within its column.
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
