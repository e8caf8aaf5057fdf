#ifndef EIE_CLOCK_PTR_READ_H_
#define EIE_CLOCK_PTR_READ_H_

#include <cstddef>
#include <cstdint>
#include <optional>
#include <string>

#include "clock/act_queue.h"
#include "clock/unit.h"

namespace eie::clock {

/// An entry on its way to the weight SRAM.
template <typename Word>
struct IssuedEntry {
  int64_t index;  ///< in the weight SRAM of the PE
  bool is_first;  ///< first entry of its column
  Word value;     ///< the column's activation
};

/// Pointer stage: pops columns, reads their pointers and issues their entries, one per edge.
///
/// Two banks hold the pointers of even and odd columns, so one access reads p[j] and p[j + 1].
template <typename Word>
class PtrRead final : public Unit {
 public:
  enum class Activity { kIdle, kEmptyColumn, kEntry };

  /// `pointers` are this PE's column pointers.
  PtrRead(const uint32_t* pointers, ActQueue<Word>* queue) : pointers_(pointers), queue_(*queue) {}

  /// The stage's activity at the last edge.
  Activity activity() const { return now_.activity; }
  /// The column popped last.
  int64_t column() const { return now_.column; }
  const std::optional<IssuedEntry<Word>>& issued() const { return now_.issued; }
  /// Number of pointer pairs read.
  int64_t reads() const { return now_.reads; }
  bool idle() const { return now_.at == now_.end && !now_.issued; }

  void Evaluate() override {
    next_ = now_;
    next_.issued.reset();
    // 1. A column occupies the stage until its last entry is issued.
    if (now_.at < now_.end) {
      Issue(false);
      return;
    }
    // 2. Then the next column, if there is one, is popped and issues its first entry at that edge.
    if (queue_.empty()) {
      next_.activity = Activity::kIdle;
      return;
    }
    const Activation<Word>& popped = queue_.front();
    queue_.Pop();
    next_.at = pointers_[popped.column];
    next_.end = pointers_[popped.column + 1];
    ++next_.reads;
    next_.value = popped.value;
    next_.column = popped.column;
    if (next_.at < next_.end) {
      Issue(true);
    } else {
      // 3. An empty column occupies the stage for one edge.
      next_.activity = Activity::kEmptyColumn;
    }
  }

  void Commit() override { now_ = next_; }

  std::string Describe() const override {
    return "ptr_read: next entry " + std::to_string(now_.at) + " of a column that ends at " +
           std::to_string(now_.end);
  }

  void Show(Signals* signals) const override {
    constexpr const char* kNames[] = {"idle", "empty_column", "entry"};
    const bool idle = now_.activity == Activity::kIdle;
    signals->State("activity", kNames[static_cast<size_t>(now_.activity)]);
    signals->Number("column", idle ? std::nullopt : std::optional(now_.column));
    signals->Number("entry", now_.issued ? std::optional(now_.issued->index) : std::nullopt);
  }

 private:
  struct State {
    int64_t at = 0;
    int64_t end = 0;
    Word value{};
    int64_t column = -1;
    int64_t reads = 0;
    Activity activity = Activity::kIdle;
    std::optional<IssuedEntry<Word>> issued;
  };

  void Issue(bool is_first) {
    next_.issued = IssuedEntry<Word>{next_.at, is_first, next_.value};
    next_.activity = Activity::kEntry;
    ++next_.at;
  }

  const uint32_t* const pointers_;
  ActQueue<Word>& queue_;
  State now_, next_;
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_PTR_READ_H_
