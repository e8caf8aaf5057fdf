#ifndef EIE_CLOCK_ACT_QUEUE_H_
#define EIE_CLOCK_ACT_QUEUE_H_

#include <algorithm>
#include <cstdint>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

#include "clock/unit.h"

namespace eie::clock {

/// FIFO of broadcast activations in one PE: a ring that holds `capacity` columns.
template <typename Word>
class ActQueue final : public Unit {
 public:
  /// `max_columns` bounds the layer's broadcasts, and so the memory of a deep queue.
  ActQueue(int64_t capacity, int64_t max_columns)
      : capacity_(capacity), ring_(std::min(capacity_, max_columns)) {}

  bool empty() const { return size_ == 0; }
  bool full() const { return size_ == capacity_; }
  int64_t size() const { return size_; }
  const Activation<Word>& front() const { return ring_[head_]; }

  /// Port written by the CCU.
  void Push(const Activation<Word>& activation) {
    if (full()) throw std::logic_error("act_queue overflows: push to " + Describe());
    push_ = activation;
  }
  /// Port written by ptr_read.
  void Pop() {
    if (empty()) throw std::logic_error("act_queue underflows: pop from " + Describe());
    pop_ = true;
  }

  void Evaluate() override {}

  void Commit() override {
    if (push_) {
      ring_[(head_ + size_) % ring_.size()] = *push_;
      ++size_;
      push_.reset();
    }
    if (pop_) {
      head_ = (head_ + 1) % ring_.size();
      --size_;
      pop_ = false;
    }
  }

  std::string Describe() const override {
    std::string text =
        "act_queue: " + std::to_string(size_) + " of " + std::to_string(capacity_) + " columns";
    return empty() ? text : text + ", first is " + std::to_string(front().column);
  }

  void Show(Signals* signals) const override {
    signals->Number("size", size_);
    signals->Number("column", empty() ? std::nullopt : std::optional(front().column));
    signals->Number("value", empty() ? std::nullopt : std::optional(BitsOf(front().value)));
  }

 private:
  int64_t capacity_;
  std::vector<Activation<Word>> ring_;
  size_t head_ = 0;
  int64_t size_ = 0;
  std::optional<Activation<Word>> push_;
  bool pop_ = false;
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_ACT_QUEUE_H_
