#ifndef EIE_CLOCK_EDGE_SORTER_H_
#define EIE_CLOCK_EDGE_SORTER_H_

#include <algorithm>
#include <array>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <vector>

#include "clock/ccu.h"
#include "clock/pe.h"
#include "engine/cycle_account.h"
#include "engine/intervals.h"

namespace eie::clock {

/// Sorts every edge of every PE into its category (docs/cycles.md) while the machine is stepped.
template <typename Arithmetic>
class EdgeSorter {
 public:
  using Activity = typename Ccu<Arithmetic>::Activity;

  /// `record`, if given, receives what every unit does.
  EdgeSorter(const Ccu<Arithmetic>& ccu, const std::deque<Pe<Arithmetic>>& pes,
             const HardwareConfig& config, Intervals* record)
      : ccu_(ccu),
        pes_(pes),
        config_(config),
        record_(record),
        edges_(pes.size()),
        occupancy_(config.queue_columns() + 1) {}

  /// Sorts one edge; `before` is the CCU's activity at the previous edge.
  void Sort(int64_t edge, Activity before) {
    const bool records = record_ != nullptr && record_->Covers(edge, edge + 1);
    if (records) RecordCcu(edge);
    for (size_t k = 0; k < pes_.size(); ++k) {
      const Pe<Arithmetic>& pe = pes_[k];
      Edges& edges = edges_[k];
      ++occupancy_[pe.act_queue.size()];
      edges.blocking += ccu_.activity() == Activity::kHeldBack && edges.was_full;
      edges.was_full = pe.act_queue.full();
      const bool idle = pe.ptr_read.activity() == PtrActivity::kIdle;
      const CycleCategory category = idle ? CauseOfIdling(before) : Work(pe);
      ++edges.open[static_cast<size_t>(category)];
      if (!idle) {
        for (size_t i = 0; i < kNumCycleCategories; ++i) edges.settled[i] += edges.open[i];
        edges.open = {};
        edges.last_busy = edge;
      }
      if (!records) continue;
      const int64_t column = idle ? Interval::kNoColumn : pe.ptr_read.column();
      record_->Add(Interval::OfPe(k, category, column, edge, edge + 1));
      record_->Add(Interval::OfQueue(k, pe.act_queue.size(), edge, edge + 1));
    }
  }

  /// Returns the account for a layer that ends at this edge.
  CycleAccount Close() {
    CycleAccount account(config_);
    drained_from_.clear();
    for (size_t k = 0; k < pes_.size(); ++k) {
      const Edges& edges = edges_[k];
      const int64_t pe = static_cast<int64_t>(k);
      account.Blocking(pe) = edges.blocking;
      for (size_t i = 0; i < kNumCycleCategories; ++i) {
        account.Edges(static_cast<CycleCategory>(i), pe) += edges.settled[i];
        account.Edges(CycleCategory::kDrain, pe) += edges.open[i];
      }
      drained_from_.push_back(edges.last_busy + 1);
    }
    for (size_t i = 0; i < occupancy_.size(); ++i) {
      account.Occupancy(static_cast<int64_t>(i)) = occupancy_[i];
    }
    return account;
  }

  /// Ends the record at the layer's last edge, for which `Close` was called last: edges after it
  /// do not count, and those after a PE's last column become `drain`.
  void EndRecord(int64_t end) {
    if (record_ == nullptr) return;
    record_->Revise([&](Interval* interval) {
      interval->stop = static_cast<int32_t>(std::min<int64_t>(interval->stop, end + 1));
      if (interval->track % 2 == 0) return;  // not a PE
      const size_t pe = static_cast<size_t>(interval->track / 2);
      if (interval->first < drained_from_[pe]) return;
      *interval = Interval::OfPe(pe, CycleCategory::kDrain, Interval::kNoColumn, interval->first,
                                 interval->stop);
    });
  }

 private:
  using PtrActivity = typename PtrRead<typename Arithmetic::Word>::Activity;

  struct Edges {
    std::array<int64_t, kNumCycleCategories> settled{};  // up to the last column
    std::array<int64_t, kNumCycleCategories> open{};     // since: drain, if no column follows
    int64_t blocking = 0;
    int64_t last_busy = 0;  // edge
    bool was_full = false;  // after the previous edge
  };

  static CycleCategory Work(const Pe<Arithmetic>& pe) {
    if (pe.ptr_read.activity() == PtrActivity::kEmptyColumn) return CycleCategory::kEmptyColumn;
    const bool is_padding = pe.spmat_read.CodeAt(pe.ptr_read.issued()->index) == 0;
    return is_padding ? CycleCategory::kPadding : CycleCategory::kMultiply;
  }

  /// A PE idles because of what the CCU did, instead of a broadcast, at the edge before.
  static CycleCategory CauseOfIdling(Activity before) {
    if (before == Activity::kHeldBack) return CycleCategory::kWaiting;
    if (before == Activity::kEmptyRow) return CycleCategory::kStarved;
    return CycleCategory::kScan;
  }

  void RecordCcu(int64_t edge) {
    const auto record = [&](CcuActivity activity, int64_t column) {
      record_->Add(Interval::OfCcu(activity, column, edge, edge + 1));
    };
    switch (ccu_.activity()) {
      case Activity::kEmptyRow:
        return record(CcuActivity::kEmptyRow, Interval::kNoColumn);
      case Activity::kRow:
        return record(CcuActivity::kRow, Interval::kNoColumn);
      case Activity::kBroadcast:
        return record(CcuActivity::kBroadcast, ccu_.column());
      case Activity::kHeldBack:
        return record(CcuActivity::kHeldBack, Interval::kNoColumn);
      case Activity::kNotStarted:
      case Activity::kFinished:
        return;
    }
  }

  const Ccu<Arithmetic>& ccu_;
  const std::deque<Pe<Arithmetic>>& pes_;
  const HardwareConfig& config_;
  Intervals* const record_;
  std::vector<Edges> edges_;
  std::vector<int64_t> occupancy_;
  std::vector<int64_t> drained_from_;  // by PE, at the last `Close`
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_EDGE_SORTER_H_
