#ifndef EIE_ENGINE_CYCLE_ACCOUNT_H_
#define EIE_ENGINE_CYCLE_ACCOUNT_H_

#include <cstddef>
#include <cstdint>
#include <vector>

#include "generated/cycle_categories.h"
#include "generated/hardware_config.h"

namespace eie {

/// Account of every cycle of every PE, and of the queues' occupancy (docs/cycles.md).
class CycleAccount {
 public:
  /// An empty account, for callers that do not want one.
  CycleAccount() = default;
  explicit CycleAccount(const HardwareConfig& config)
      : num_pe_(config.num_pe),
        words_((kNumCycleCategories + 1) * config.num_pe + config.queue_columns() + 1) {}

  /// Number of edges of one PE in one category.
  int64_t& Edges(CycleCategory category, int64_t pe) {
    return words_[static_cast<size_t>(category) * num_pe_ + pe];
  }
  /// Number of edges at which a broadcast stalled while this PE's act_queue was full.
  int64_t& Blocking(int64_t pe) { return words_[kNumCycleCategories * num_pe_ + pe]; }
  /// Number of edges, summed over the PEs, after which an act_queue held `columns` columns.
  int64_t& Occupancy(int64_t columns) {
    return words_[(kNumCycleCategories + 1) * num_pe_ + columns];
  }

  CycleAccount& operator+=(const CycleAccount& other) {
    if (words_.empty())
      *this = other;
    else
      for (size_t i = 0; i < other.words_.size(); ++i) words_[i] += other.words_[i];
    return *this;
  }

  /// The account as plain numbers: every PE's edges, category after category; every PE's blocking;
  /// the occupancies.
  const std::vector<int64_t>& words() const { return words_; }

 private:
  int64_t num_pe_ = 0;
  std::vector<int64_t> words_;
};

}  // namespace eie

#endif  // EIE_ENGINE_CYCLE_ACCOUNT_H_
