#ifndef EIE_IMAGE_ENCODED_MATRIX_H_
#define EIE_IMAGE_ENCODED_MATRIX_H_

#include <cstdint>
#include <memory>
#include <variant>
#include <vector>

#include "generated/hardware_config.h"
#include "host/large_vector.h"
#include "image/byte_reader.h"
#include "image/dense_column.h"
#include "image/stored_values.h"

namespace eie {

/// A matrix in interleaved compressed sparse columns, checked and prepared once per load.
///
/// Timing and values are separate. `slices` has the time of each PE for a column, and the weight
/// words that it reads; `weights` is the plain list of a column's weights, without paddings.
/// Together they are equivalent to the record: `SramContents` restores its pointers and entries.
/// Memory per weight: 2 bytes if a row and a code fit 16 bits, otherwise 3, or 4 if they exceed 24
/// bits; at most 3 if dense. Memory per (column, PE): 2 bytes, more if a slice is long or its PE's
/// words span many columns. The total is at most 16 times the record.
struct EncodedMatrix {
  static constexpr int64_t kMaxSize = 1 << 24;             ///< rows, and columns
  static constexpr int64_t kMaxCycles = int64_t{1} << 30;  ///< entries + P * stored columns

  /// Rows: all, or one of the halves on which two threads can work concurrently.
  enum class Rows { kAll, kLow, kHigh };
  struct RowRange {
    int64_t begin, end;
  };

  /// A column, over all PEs.
  struct Column {
    uint32_t first_weight;  ///< index into the weights; an additional last `Column` holds the end
    uint32_t first_high;    ///< same, for the weights in the high rows, which follow the low ones
    uint32_t entries;       ///< paddings included
    uint32_t words;         ///< weight words that hold at least one of the entries
  };

  int64_t rows;
  int64_t cols;  ///< inputs; the bias column is not counted
  int64_t num_pe;
  int64_t codebook_bits;
  bool has_bias_column;
  int64_t max_pe_entries;  ///< of the fullest PE, paddings included
  int64_t storage_bytes;   ///< in the machine: entries, pointers and codebook

  std::shared_ptr<const StoredValues>
      table_set;                        ///< a weight for each code; null if given per call
  std::vector<int64_t> entries_per_pe;  ///< paddings included
  std::vector<Column> columns;          ///< stored_cols() + 1
  bool dense;                           ///< weights are codes of all rows; see dense_column.h
  int64_t weight_bytes;                 ///< of a weight, if not dense
  LargeVector<uint8_t> weights;         ///< little-endian: row << codebook_bits | code

  /// The slices, which are a column's parts in the PEs. For each column: the number of entries of
  /// each PE's slice, then the `sharers` of each slice.
  ///
  /// `sharers` is the number of earlier columns that share the first weight word of the slice: the
  /// word has already been read if one of these columns, with entries in the PE, was broadcast. 0:
  /// the word is new. The cells have the narrowest type for all lengths, `sharers` and backlogs.
  std::variant<LargeVector<uint8_t>, LargeVector<uint16_t>, LargeVector<uint32_t>> slices;

  int64_t stored_cols() const { return cols + has_bias_column; }
  int64_t column_weights(int64_t column) const {
    return columns[column + 1].first_weight - columns[column].first_weight;
  }
  /// Returns the codes of a column, if dense.
  const uint8_t* codes(int64_t column) const {
    return weights.data() + column * dense_column::Blocks(rows) * dense_column::kBlockBytes;
  }
  /// Returns the weights of a column, if not dense.
  const uint8_t* weights_begin(int64_t column, Rows part) const {
    const Column& at = columns[column];
    return weights.data() + weight_bytes * (part == Rows::kHigh ? at.first_high : at.first_weight);
  }
  const uint8_t* weights_end(int64_t column, Rows part) const {
    return part == Rows::kLow ? weights_begin(column, Rows::kHigh)
                              : weights_begin(column + 1, Rows::kAll);
  }
  /// Returns the row range of a part; a half consists of whole blocks of a dense column.
  RowRange row_range(Rows part) const {
    const int64_t middle = dense_column::Blocks(rows) / 2 * dense_column::kBlockRows;
    return {part == Rows::kHigh ? middle : 0, part == Rows::kLow ? middle : rows};
  }
  /// Calls `visit(row, code)` for every weight of a column; the rows of a PE come in order.
  template <typename Visit>
  void ForEachWeight(int64_t column, Visit visit) const {
    if (dense) {
      for (int64_t row = 0; row < rows; ++row) {
        const int64_t code = dense_column::CodeOf(codes(column), row);
        if (code != 0) visit(row, code);
      }
      return;
    }
    const uint8_t* const end = weights_end(column, Rows::kAll);
    for (const uint8_t* w = weights_begin(column, Rows::kAll); w < end; w += weight_bytes) {
      int64_t weight = 0;
      for (int64_t byte = 0; byte < weight_bytes; ++byte) weight |= int64_t{w[byte]} << 8 * byte;
      visit(weight >> codebook_bits, weight & ((int64_t{1} << codebook_bits) - 1));
    }
  }
  /// Returns the number of entries of one column in one PE.
  int64_t length(int64_t column, int64_t pe) const {
    return std::visit([&](const auto& s) -> int64_t { return s[2 * num_pe * column + pe]; },
                      slices);
  }
};

/// A matrix's sizes as an image states them.
struct MatrixSizes {
  uint32_t rows, cols, has_bias_column, pointer_bytes;
};

/// Reads pointers and entries (layout: docs/image.md), and checks them and the sizes; throws
/// ImageError. The matrix has no table set yet.
EncodedMatrix ReadEncodedMatrix(ByteReader& reader, const HardwareConfig& config,
                                const MatrixSizes& sizes);

}  // namespace eie

#endif  // EIE_IMAGE_ENCODED_MATRIX_H_
