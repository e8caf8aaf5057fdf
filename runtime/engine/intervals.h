#ifndef EIE_ENGINE_INTERVALS_H_
#define EIE_ENGINE_INTERVALS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "generated/cycle_categories.h"

namespace eie {

/// What one unit did from edge `first` up to, but without, `stop`; edges count from the start of
/// its mvm.
struct Interval {
  static constexpr int32_t kNoColumn = -1;

  uint16_t track;  ///< 0: the CCU; 1 + 2k: PE k; 2 + 2k: its act_queue
  uint16_t state;  ///< number of a `CcuActivity` or a `CycleCategory`; columns in the act_queue
  int32_t column;  ///< the broadcast column that the unit worked on, or `kNoColumn`
  int32_t first;
  int32_t stop;

  static Interval OfCcu(CcuActivity activity, int64_t column, int64_t first, int64_t stop) {
    return Of(0, static_cast<int64_t>(activity), column, first, stop);
  }
  static Interval OfPe(size_t pe, CycleCategory category, int64_t column, int64_t first,
                       int64_t stop) {
    return Of(2 * pe + 1, static_cast<int64_t>(category), column, first, stop);
  }
  /// A queue that holds nothing is in no interval.
  static Interval OfQueue(size_t pe, int64_t columns, int64_t first, int64_t stop) {
    return Of(2 * pe + 2, columns, kNoColumn, first, columns > 0 ? stop : first);
  }

 private:
  static Interval Of(size_t track, int64_t state, int64_t column, int64_t first, int64_t stop) {
    if (track > UINT16_MAX || state > UINT16_MAX) {
      throw std::logic_error("an interval of track " + std::to_string(track) + " in state " +
                             std::to_string(state) + ": both have 16 bits");
    }
    return {static_cast<uint16_t>(track), static_cast<uint16_t>(state),
            static_cast<int32_t>(column), static_cast<int32_t>(first), static_cast<int32_t>(stop)};
  }
};

/// Record of what every unit did, for a window of clock edges and up to a size.
///
/// The window's edges count from 1 through all mvms. An engine adds what overlaps the window, in
/// any order but that of a track's edges; what continues an interval becomes one with it. If the
/// record grows too large, it gives up its last edges, and so is complete before `end`.
class Intervals {
 public:
  /// A record of the edges from `from` up to, but without, `to`.
  Intervals(int64_t from, int64_t to, int64_t max_bytes)
      : from_(from), to_(to), max_size_(static_cast<size_t>(max_bytes) / sizeof(Interval)) {}

  /// Whether edges of the mvm from `first` up to, but without, `stop` are to be recorded.
  bool Covers(int64_t first, int64_t stop) const {
    return start_ + stop > from_ && start_ + first < end();
  }

  /// Adds an interval, after all earlier ones of its track; one without edges is none.
  void Add(const Interval& added) {
    if (added.first >= added.stop) return;
    if (added.track >= last_.size()) last_.resize(added.track + 1, kNone);
    if (last_[added.track] != kNone) {
      Interval& last = all_[last_[added.track]];
      if (last.stop == added.first && last.state == added.state && last.column == added.column) {
        last.stop = added.stop;
        return;
      }
    }
    if (all_.size() == max_size_) GiveUpLastEdges();
    if (start_ + added.first >= room_end_) return;
    last_[added.track] = all_.size();
    all_.push_back(added);
  }

  /// Has `change` correct every interval of the mvm, once its end is known.
  template <typename Change>
  void Revise(Change change) {
    const std::vector<Interval> own(all_.begin() + static_cast<int64_t>(mvm_), all_.end());
    BeginMvm(mvm_);
    for (Interval interval : own) {
      change(&interval);
      Add(interval);
    }
  }

  /// Ends the mvm after `cycles` cycles, and begins the next.
  void Finish(int64_t cycles) {
    start_ += cycles;
    BeginMvm(all_.size());
  }

  /// Returns the edge after the last one that the record covers.
  int64_t end() const { return std::min(to_, room_end_); }
  const std::vector<Interval>& all() const { return all_; }

 private:
  static constexpr size_t kNone = SIZE_MAX;

  void BeginMvm(size_t size) {
    mvm_ = size;
    all_.resize(size);
    last_.clear();
  }

  /// Keeps three quarters of the intervals, those that begin first; none of the mvm if earlier mvms
  /// have as many.
  void GiveUpLastEdges() {
    const size_t kept = max_size_ - max_size_ / 4;
    room_end_ = start_ + 1;
    if (mvm_ < kept) {
      std::vector<int32_t> firsts;
      for (size_t i = mvm_; i < all_.size(); ++i) firsts.push_back(all_[i].first);
      const auto nth = firsts.begin() + static_cast<int64_t>(kept - mvm_ - 1);
      std::nth_element(firsts.begin(), nth, firsts.end());
      room_end_ = start_ + *nth;
    }
    std::fill(last_.begin(), last_.end(), kNone);
    size_t size = mvm_;
    for (size_t i = mvm_; i < all_.size(); ++i) {
      if (start_ + all_[i].first >= room_end_) continue;
      last_[all_[i].track] = size;
      all_[size++] = all_[i];
    }
    all_.resize(size);
  }

  int64_t from_;
  int64_t to_;
  size_t max_size_;
  int64_t room_end_ = INT64_MAX;  // edge from which there is no room
  int64_t start_ = 0;             // edges of earlier mvms
  size_t mvm_ = 0;                // intervals of earlier mvms
  std::vector<Interval> all_;
  std::vector<size_t> last_;  // by track: the mvm's last interval
};

}  // namespace eie

#endif  // EIE_ENGINE_INTERVALS_H_
