#include "image/encoded_matrix.h"

#include <algorithm>
#include <string>
#include <utility>

#include "host/avx2.h"
#include "image/dense_column.h"
#include "image/pointer_table.h"

namespace eie {
namespace {

void RequireSize(const ByteReader& reader, const char* name, int64_t value) {
  if (value < 1 || value > EncodedMatrix::kMaxSize) {
    reader.Fail("matrix " + std::string(name) + " = " + std::to_string(value) + ", allowed is 1.." +
                std::to_string(EncodedMatrix::kMaxSize));
  }
}

/// Cuts one PE's entries into weight words, column after column.
class WordCutter {
 public:
  explicit WordCutter(int64_t entries_per_word) : entries_per_word_(entries_per_word) {}

  struct Slice {
    int64_t sharers;  ///< see EncodedMatrix::slices
    int64_t words;    ///< words with an entry of this slice, shared ones included
  };

  Slice Next(int64_t column, int64_t length) {
    if (length == 0) return {0, 0};
    Slice slice{0, 0};
    if (room_ > 0) slice = {column - began_, 1};
    if (length > room_) {
      const int64_t more = (length - room_ + entries_per_word_ - 1) / entries_per_word_;
      slice.words += more;
      room_ += more * entries_per_word_;
      began_ = column;
    }
    room_ -= length;
    return slice;
  }

 private:
  int64_t entries_per_word_;
  int64_t room_ = 0;   // free places in the current word
  int64_t began_ = 0;  // column of the current word's first entry
};

/// Checks the pointers and fills `entries_per_pe`; returns the total number of entries.
int64_t CheckPointers(const ByteReader& reader, const PointerTable& pointers,
                      EncodedMatrix* matrix) {
  const int64_t columns = matrix->stored_cols();
  matrix->entries_per_pe.reserve(matrix->num_pe);
  int64_t total = 0;
  for (int64_t k = 0; k < matrix->num_pe; ++k) {
    const std::string pe = "PE " + std::to_string(k);
    int64_t at = pointers.At(k, 0);
    if (at != 0) reader.Fail(pe + ": first pointer is " + std::to_string(at) + ", not 0");
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t next = pointers.At(k, j + 1);
      if (next < at || next > EncodedMatrix::kMaxCycles) {
        reader.Fail(pe + ": pointer " + std::to_string(next) + " of column " +
                    std::to_string(j + 1) + " follows " + std::to_string(at));
      }
      at = next;
    }
    matrix->entries_per_pe.push_back(at);
    total += at;
  }
  if (total + matrix->num_pe * columns > EncodedMatrix::kMaxCycles) {
    reader.Fail("matrix of " + std::to_string(total) + " entries is too large");
  }
  return total;
}

/// Calls `visit(pe, column, length, slice)` for every slice, PE after PE.
template <typename Visit>
void ForEachSlice(const PointerTable& pointers, const EncodedMatrix& matrix,
                  const HardwareConfig& config, Visit visit) {
  for (int64_t k = 0; k < matrix.num_pe; ++k) {
    WordCutter cutter(config.spmat_width_bits / 8);
    int64_t at = 0;
    for (int64_t j = 0; j < matrix.stored_cols(); ++j) {
      const int64_t next = pointers.At(k, j + 1);
      visit(k, j, next - at, cutter.Next(j, next - at));
      at = next;
    }
  }
}

template <typename Cell>
void FillSlices(const PointerTable& pointers, const HardwareConfig& config, EncodedMatrix* matrix) {
  const int64_t num_pe = matrix->num_pe;
  LargeVector<Cell> slices(2 * num_pe * matrix->stored_cols());
  ForEachSlice(pointers, *matrix, config,
               [&](int64_t k, int64_t j, int64_t length, const WordCutter::Slice& slice) {
                 Cell* const cells = &slices[2 * num_pe * j];
                 cells[k] = static_cast<Cell>(length);
                 cells[num_pe + k] = static_cast<Cell>(slice.sharers);
               });
  matrix->slices = std::move(slices);
}

/// Fills `slices`, and `columns` except for the weights.
void PrepareSlices(const PointerTable& pointers, const HardwareConfig& config,
                   EncodedMatrix* matrix) {
  matrix->columns.resize(matrix->stored_cols() + 1);
  int64_t longest = 1;  // of all slices; an empty one also occupies its PE for an edge
  int64_t sharers = 0;
  ForEachSlice(pointers, *matrix, config,
               [&](int64_t, int64_t j, int64_t length, const WordCutter::Slice& slice) {
                 longest = std::max(longest, length);
                 sharers = std::max(sharers, slice.sharers);
                 matrix->columns[j].entries += static_cast<uint32_t>(length);
                 matrix->columns[j].words += static_cast<uint32_t>(slice.words);
               });
  // A PE lags at most this far behind a broadcast; see PeState in scan.cc.
  const int64_t backlog = longest * (config.queue_columns() + 1);
  const int64_t highest = std::max(backlog, sharers + 1);
  if (highest <= UINT8_MAX) {
    FillSlices<uint8_t>(pointers, config, matrix);
  } else if (highest <= UINT16_MAX) {
    FillSlices<uint16_t>(pointers, config, matrix);
  } else {
    FillSlices<uint32_t>(pointers, config, matrix);
  }
}

int64_t DenseColumnBytes(const EncodedMatrix& matrix) {
  return dense_column::Blocks(matrix.rows) * dense_column::kBlockBytes;
}

/// Chooses the layout of the weights in `entries` and allocates memory for them.
void PrepareWeights(const uint8_t* entries, int64_t count, EncodedMatrix* matrix) {
  const int64_t code_mask = (int64_t{1} << matrix->codebook_bits) - 1;
  const int64_t weights = std::count_if(entries, entries + count,
                                        [=](uint8_t entry) { return (entry & code_mask) != 0; });
  const int64_t dense_bytes = matrix->stored_cols() * DenseColumnBytes(*matrix);
  matrix->dense = HasAvx2() && matrix->codebook_bits <= dense_column::kCodeBits &&
                  dense_bytes <= dense_column::kMaxBytesPerWeight * weights;
  const int64_t highest = (matrix->rows << matrix->codebook_bits) - 1;
  matrix->weight_bytes = highest < 1 << 16 ? 2 : highest < 1 << 24 ? 3 : 4;
  matrix->weights.resize(matrix->dense ? dense_bytes : weights * matrix->weight_bytes);
}

/// Appends the weights of one column after the other.
class WeightWriter {
 public:
  explicit WeightWriter(EncodedMatrix* matrix)
      : matrix_(*matrix),
        middle_(matrix->row_range(EncodedMatrix::Rows::kHigh).begin),
        low_(matrix->weights.data()) {
    uint32_t most = 0;  // entries of a column
    for (const EncodedMatrix::Column& column : matrix->columns) {
      most = std::max(most, column.entries);
    }
    if (!matrix->dense) high_rows_.resize(most * matrix->weight_bytes);
    high_ = high_rows_.data();
  }

  void Add(int64_t row, int64_t code) {
    ++count_;
    if (matrix_.dense) {
      low_[dense_column::ByteOf(row)] |= code << dense_column::ShiftOf(row);
      return;
    }
    uint8_t*& at = row < middle_ ? low_ : high_;
    const auto word = static_cast<uint32_t>(row << matrix_.codebook_bits | code);
    for (int64_t byte = 0; byte < matrix_.weight_bytes; ++byte) {
      *at++ = static_cast<uint8_t>(word >> 8 * byte);
    }
  }

  void EndColumn(int64_t column) {
    matrix_.columns[column + 1].first_weight = count_;
    if (matrix_.dense) {
      low_ += DenseColumnBytes(matrix_);
      return;
    }
    const int64_t high_bytes = high_ - high_rows_.data();
    matrix_.columns[column].first_high =
        count_ - static_cast<uint32_t>(high_bytes / matrix_.weight_bytes);
    low_ = std::copy_n(high_rows_.data(), high_bytes, low_);
    high_ = high_rows_.data();
  }

 private:
  EncodedMatrix& matrix_;
  const int64_t middle_;  // the first of the high rows
  uint8_t* low_;          // the next weight in the low rows; if dense, the column
  std::vector<uint8_t> high_rows_;
  uint8_t* high_;  // the next weight in the high rows, until the column ends
  uint32_t count_ = 0;
};

/// Walks all entries column by column, checks them and fills the weights.
void DecodeEntries(const ByteReader& reader, const uint8_t* entries, const PointerTable& pointers,
                   EncodedMatrix* matrix) {
  const int64_t num_pe = matrix->num_pe;
  const int64_t code_mask = (int64_t{1} << matrix->codebook_bits) - 1;
  const int64_t max_run = 255 >> matrix->codebook_bits;
  std::vector<const uint8_t*> at;  // the next entry of each PE
  for (int64_t k = 0; k < num_pe; ++k) {
    at.push_back(entries);
    entries += matrix->entries_per_pe[k];
  }
  const std::vector<const uint8_t*> base = at;
  WeightWriter writer(matrix);
  for (int64_t j = 0; j < matrix->stored_cols(); ++j) {
    for (int64_t k = 0; k < num_pe; ++k) {
      const uint8_t* const end = base[k] + pointers.At(k, j + 1);
      int64_t row = k - num_pe;
      for (const uint8_t*& entry = at[k]; entry < end; ++entry) {
        const int64_t code = *entry & code_mask;
        const int64_t run = *entry >> matrix->codebook_bits;
        row += (run + 1) * num_pe;
        // A padding writes nothing, even past the last row: damage may add paddings to a slice.
        if (code == 0 ? run != max_run : row >= matrix->rows) {
          reader.Fail("PE " + std::to_string(k) + ", column " + std::to_string(j) + ": entry " +
                      std::to_string(entry - base[k]) + " (code " + std::to_string(code) +
                      ", run " + std::to_string(run) +
                      (code == 0 ? ") is not a padding" : ") is past the last row"));
        }
        if (code != 0) writer.Add(row, code);
      }
    }
    writer.EndColumn(j);
  }
}

}  // namespace

EncodedMatrix ReadEncodedMatrix(ByteReader& reader, const HardwareConfig& config,
                                const MatrixSizes& sizes) {
  EncodedMatrix matrix{};
  matrix.num_pe = config.num_pe;
  matrix.codebook_bits = config.codebook_bits;
  matrix.rows = sizes.rows;
  RequireSize(reader, "rows", matrix.rows);
  matrix.cols = sizes.cols;
  RequireSize(reader, "cols", matrix.cols);
  if (sizes.has_bias_column > 1) {
    reader.Fail("has_bias_column = " + std::to_string(sizes.has_bias_column) + ", not 0 or 1");
  }
  matrix.has_bias_column = sizes.has_bias_column == 1;
  const uint32_t pointer_bytes = sizes.pointer_bytes;
  if (pointer_bytes != 2 && pointer_bytes != 4) {
    reader.Fail("pointer bytes = " + std::to_string(pointer_bytes) + ", not 2 or 4");
  }
  const PointerTable pointers(reader, matrix.num_pe, matrix.stored_cols(), pointer_bytes);
  const int64_t total = CheckPointers(reader, pointers, &matrix);
  const uint32_t stored = reader.U32();
  if (stored != total) {
    reader.Fail(std::to_string(stored) + " entries, but the pointers end at " +
                std::to_string(total));
  }
  const uint8_t* const entries = reader.Take(stored);
  PrepareSlices(pointers, config, &matrix);
  PrepareWeights(entries, total, &matrix);
  DecodeEntries(reader, entries, pointers, &matrix);
  matrix.max_pe_entries =
      *std::max_element(matrix.entries_per_pe.begin(), matrix.entries_per_pe.end());
  const int64_t pointer_bits = matrix.num_pe * (matrix.stored_cols() + 1) * config.ptr_bits;
  matrix.storage_bytes = total + (pointer_bits + 7) / 8 + (int64_t{2} << matrix.codebook_bits);
  return matrix;
}

}  // namespace eie
