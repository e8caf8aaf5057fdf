#ifndef EIE_EVENT_SLICE_RUNS_H_
#define EIE_EVENT_SLICE_RUNS_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "image/encoded_matrix.h"

namespace eie {

/// Where the paddings are among the entries of one column, PE by PE.
class SliceRuns {
 public:
  explicit SliceRuns(const EncodedMatrix& matrix) : matrix_(matrix) {}

  /// Moves on to a column, unless it is the one read last.
  void Read(int64_t column) {
    if (column == column_) return;
    column_ = column;
    gaps_.clear();
    if (matrix_.columns[column].entries == matrix_.column_weights(column)) return;
    gaps_.resize(matrix_.num_pe);
    std::vector<int64_t> next(matrix_.num_pe);  // local row from which zeros count
    const int64_t rows_per_padding = 256 >> matrix_.codebook_bits;
    matrix_.ForEachWeight(column, [&](int64_t row, int64_t) {
      const int64_t pe = row % matrix_.num_pe, local_row = row / matrix_.num_pe;
      gaps_[pe].push_back(static_cast<int32_t>((local_row - next[pe]) / rows_per_padding));
      next[pe] = local_row + 1;
    });
  }

  /// Calls `visit(is_padding, entries)` for the runs of the `length` entries of one PE, in order.
  template <typename Visit>
  void ForEach(size_t pe, int32_t length, Visit visit) const {
    if (gaps_.empty()) return visit(false, length);
    for (const int32_t paddings : gaps_[pe]) {
      visit(true, paddings);
      visit(false, 1);
      length -= paddings + 1;
    }
    visit(true, length);
  }

 private:
  const EncodedMatrix& matrix_;
  int64_t column_ = -1;
  std::vector<std::vector<int32_t>> gaps_;  // paddings before each weight; none: no paddings at all
};

}  // namespace eie

#endif  // EIE_EVENT_SLICE_RUNS_H_
