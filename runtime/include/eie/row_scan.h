#ifndef EIE_ROW_SCAN_H_
#define EIE_ROW_SCAN_H_

#include <algorithm>
#include <cstdint>

namespace eie {

/// CCU and LNZD: the edge at which each row enters and each column is broadcast.
class RowScan {
 public:
  explicit RowScan(int64_t num_pe) : num_pe_(num_pe) {}

  /// Goes on to the non-zero at `position` of `row`; the rows between have none.
  void Seek(int64_t row, int64_t position) {
    position_ = position;
    if (row == row_) return;
    entered_ = leave_ + static_cast<int32_t>(row - row_ - 1);
    leave_ = entered_ + 1;
    earliest_ = entered_ + 1;
    row_ = row;
  }

  /// The edge of the broadcast, which the queues allow from edge `gate` on.
  int32_t Broadcast(int32_t gate) {
    const int32_t edge = std::max(earliest_, gate);
    earliest_ = edge + 1;
    leave_ = position_ == num_pe_ - 1 ? edge : edge + 1;
    return edge;
  }

  int32_t entered() const { return entered_; }
  int32_t earliest() const { return earliest_; }

 private:
  int64_t num_pe_;
  int64_t row_ = 0;
  int64_t position_ = 0;
  int32_t entered_ = 1;   // edge at which the row entered the LNZD register
  int32_t earliest_ = 2;  // edge from which its next non-zero can be broadcast
  int32_t leave_ = 2;     // edge at which the next row enters
};

}  // namespace eie

#endif  // EIE_ROW_SCAN_H_
