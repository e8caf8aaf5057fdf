#ifndef EIE_EVENT_TIMELINE_H_
#define EIE_EVENT_TIMELINE_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <vector>

namespace eie {

/// One broadcast of the recurrence; edges count from the start of its mvm.
struct BroadcastTimes {
  int32_t column;
  int32_t entered;   ///< edge at which the column's row entered the LNZD register
  int32_t earliest;  ///< edge from which only a full queue could stall the broadcast
  int32_t edge;      ///< edge of the broadcast
};

/// Recording of the edges at which columns were broadcast and popped, for a window of clock edges
/// and up to a size.
///
/// The window's edges count from 1 through all mvms.
class Timeline {
 public:
  /// Records the broadcasts that affect edges from `from` up to, but without, `to`.
  Timeline(int64_t from, int64_t to, int64_t max_bytes)
      : from_(from), end_(to), max_words_(static_cast<size_t>(max_bytes) / sizeof(int32_t)) {}

  /// Records a broadcast, its pops in all PEs, and the latest pop.
  void Add(const BroadcastTimes& times, const int32_t* pops, size_t num_pe, int32_t latest) {
    if (passed_ || full_) return;
    // When the window begins, all PEs have popped this column: earlier columns do not affect it.
    if (start_ + latest <= from_) words_.resize(mvm_words_);
    if (words_.size() + 4 + num_pe > max_words_) {
      end_ = std::min(end_, start_ + last_ + 1);
      full_ = true;
      return;
    }
    words_.insert(words_.end(), {times.column, times.entered, times.earliest, times.edge});
    words_.insert(words_.end(), pops, pops + num_pe);
    last_ = times.edge;
    passed_ = start_ + times.edge >= end_;  // and all its pops are later
  }

  /// Ends the mvm after `cycles` cycles, and begins the next.
  void Finish(int64_t cycles) {
    start_ += cycles;
    mvm_words_ = words_.size();
    last_ = 0;
  }

  /// Returns the edge after the last one that the recording covers.
  int64_t end() const { return end_; }
  /// Returns a row per broadcast: its times, then its pop in every PE.
  const std::vector<int32_t>& words() const { return words_; }

 private:
  int64_t from_;
  int64_t end_;
  size_t max_words_;
  int64_t start_ = 0;     // edges of earlier mvms
  int64_t last_ = 0;      // edge of the last broadcast recorded
  size_t mvm_words_ = 0;  // words of earlier mvms
  bool passed_ = false;   // the window is over
  bool full_ = false;
  std::vector<int32_t> words_;
};

}  // namespace eie

#endif  // EIE_EVENT_TIMELINE_H_
