#ifndef EIE_EVENT_ROW_SCAN_H_
#define EIE_EVENT_ROW_SCAN_H_

#include <algorithm>
#include <cstdint>

namespace eie {

/// Timing of CCU and LNZD: the edge at which each row enters and each column is broadcast.
class RowScan {
 public:
  explicit RowScan(int64_t num_pe) : num_pe_(num_pe) {}

  /// Returns the edge of the broadcast of `input`; the queues have room from edge `gate` on.
  int32_t Broadcast(int64_t input, int32_t gate) {
    if (input >= row_end_) Enter(input / num_pe_);
    const int32_t edge = std::max(earliest_, gate);
    earliest_ = edge + 1;
    leave_ = edge + (input + 1 < row_end_);
    return edge;
  }

  /// Moves on to `row`, past rows without a non-zero. Returns the edge at which it enters.
  int32_t Enter(int64_t row) {
    if (row == row_) return entered_;
    entered_ = leave_ + static_cast<int32_t>(row - row_ - 1);
    leave_ = entered_ + 1;
    earliest_ = entered_ + 1;
    row_ = row;
    row_end_ = (row + 1) * num_pe_;
    return entered_;
  }

  /// Edge from which the entered row's next non-zero can be broadcast.
  int32_t earliest() const { return earliest_; }

 private:
  int64_t num_pe_;
  int64_t row_ = -1;
  int64_t row_end_ = 0;
  int32_t entered_ = 0;  // edge at which the row entered the LNZD register
  int32_t earliest_ = 0;
  int32_t leave_ = 1;  // edge at which the next row enters
};

}  // namespace eie

#endif  // EIE_EVENT_ROW_SCAN_H_
