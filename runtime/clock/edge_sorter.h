#ifndef EIE_CLOCK_EDGE_SORTER_H_
#define EIE_CLOCK_EDGE_SORTER_H_

#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "clock/ccu.h"
#include "clock/pe.h"
#include "engine/cycle_account.h"

namespace eie::clock {

/// Sorts every edge of every PE into its category (docs/cycles.md) while the machine is stepped.
template <typename Arithmetic>
class EdgeSorter {
 public:
  using CcuActivity = typename Ccu<Arithmetic>::Activity;

  EdgeSorter(const std::deque<Pe<Arithmetic>>& pes, int64_t fifo_depth)
      : pes_(pes), edges_(pes.size()), occupancy_(fifo_depth) {}

  /// Sorts one edge; `before` is the CCU's activity at the previous edge, `now` at this one.
  void Sort(CcuActivity before, CcuActivity now) {
    using Activity = typename PtrRead<typename Arithmetic::Word>::Activity;
    for (size_t k = 0; k < pes_.size(); ++k) {
      Edges& edges = edges_[k];
      ++occupancy_[pes_[k].act_queue.size()];
      edges.blocking += now == CcuActivity::kHeldBack && edges.was_full;
      edges.was_full = pes_[k].act_queue.full();
      const Activity activity = pes_[k].ptr_read.activity();
      if (activity == Activity::kIdle) {
        ++edges.open[static_cast<size_t>(before)];
        continue;
      }
      edges.empty_column += activity == Activity::kEmptyColumn;
      for (size_t i = 0; i < kCcuActivities; ++i) edges.idle[i] += edges.open[i];
      edges.open = {};
    }
  }

  /// Returns the account for a layer that ends at this edge.
  CycleAccount Close() const {
    CycleAccount account(static_cast<int64_t>(pes_.size()),
                         static_cast<int64_t>(occupancy_.size()));
    for (size_t k = 0; k < pes_.size(); ++k) {
      const Edges& edges = edges_[k];
      const auto idle = [&edges](CcuActivity cause) {
        return edges.idle[static_cast<size_t>(cause)];
      };
      const int64_t paddings = pes_[k].spmat_read.paddings();
      const int64_t pe = static_cast<int64_t>(k);
      account.Edges(CycleCategory::kMultiply, pe) = pes_[k].spmat_read.entries() - paddings;
      account.Edges(CycleCategory::kPadding, pe) = paddings;
      account.Edges(CycleCategory::kEmptyColumn, pe) = edges.empty_column;
      account.Edges(CycleCategory::kStarved, pe) = idle(CcuActivity::kEmptyRow);
      account.Edges(CycleCategory::kWaiting, pe) = idle(CcuActivity::kHeldBack);
      account.Edges(CycleCategory::kScan, pe) =
          idle(CcuActivity::kNotStarted) + idle(CcuActivity::kRow);
      account.Blocking(pe) = edges.blocking;
      for (const int64_t open : edges.open) account.Edges(CycleCategory::kDrain, pe) += open;
    }
    for (size_t i = 0; i < occupancy_.size(); ++i) {
      account.Occupancy(static_cast<int64_t>(i)) = occupancy_[i];
    }
    return account;
  }

 private:
  static constexpr size_t kCcuActivities = static_cast<size_t>(CcuActivity::kFinished) + 1;

  struct Edges {
    int64_t empty_column = 0;
    int64_t blocking = 0;
    bool was_full = false;                       // after the previous edge
    std::array<int64_t, kCcuActivities> idle{};  // by the CCU's activity at the previous edge
    std::array<int64_t, kCcuActivities> open{};  // same, since the last column
  };

  const std::deque<Pe<Arithmetic>>& pes_;
  std::vector<Edges> edges_;
  std::vector<int64_t> occupancy_;
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_EDGE_SORTER_H_
