#ifndef EIE_CLOCK_CCU_H_
#define EIE_CLOCK_CCU_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <deque>
#include <string>
#include <utility>

#include "clock/layer.h"
#include "clock/lnzd.h"
#include "clock/pe.h"
#include "clock/unit.h"

namespace eie::clock {

/// Central control unit: scans the activations and broadcasts the non-zeros to all PEs.
template <typename Arithmetic>
class Ccu final : public Unit {
 public:
  using Word = typename Arithmetic::Word;

  enum class Activity { kNotStarted, kEmptyRow, kRow, kBroadcast, kHeldBack, kFinished };

  Ccu(const Layer<Arithmetic>& layer, Lnzd<Word>* lnzd, std::deque<Pe<Arithmetic>>* pes)
      : layer_(layer),
        lnzd_(*lnzd),
        pes_(*pes),
        input_rows_((layer.matrix.cols + layer.matrix.num_pe - 1) / layer.matrix.num_pe) {}

  /// The unit's activity at the last edge; a row that enters at a broadcast's edge is not shown.
  Activity activity() const { return now_.activity; }
  /// Number of rows that have entered the LNZD register.
  int64_t rows() const { return now_.rows; }
  int64_t broadcasts() const { return now_.broadcasts; }
  /// Column of the last broadcast.
  int64_t column() const { return now_.column; }
  bool finished() const { return now_.activity == Activity::kFinished; }

  void Evaluate() override {
    next_ = now_;
    const bool rows_left = now_.rows < input_rows_ + layer_.matrix.has_bias_column;
    // 1. If the LNZD register has no non-zero, the next row enters, if there is one.
    if (lnzd_.empty()) {
      next_.activity = Activity::kFinished;
      if (rows_left) next_.activity = EnterRow() ? Activity::kRow : Activity::kEmptyRow;
      return;
    }
    // 2. Otherwise the leading non-zero waits until no queue is full.
    const auto full = [](const Pe<Arithmetic>& pe) { return pe.act_queue.full(); };
    if (std::any_of(pes_.begin(), pes_.end(), full)) {
      next_.activity = Activity::kHeldBack;
      return;
    }
    // 3. Then it is pushed into all queues at the same edge.
    next_.activity = Activity::kBroadcast;
    ++next_.broadcasts;
    next_.column = lnzd_.leading().column;
    for (Pe<Arithmetic>& pe : pes_) pe.act_queue.Push(lnzd_.leading());
    lnzd_.Clear();
    // 4. If it was in the last position of its row, the next row enters at the same edge.
    const int64_t num_pe = layer_.matrix.num_pe;
    if (rows_left && lnzd_.leading().column % num_pe == num_pe - 1) EnterRow();
  }

  void Commit() override { now_ = next_; }

  std::string Describe() const override {
    return "ccu: " + std::to_string(now_.rows) + " rows entered, " +
           std::to_string(now_.broadcasts) + " columns broadcast" +
           (now_.activity == Activity::kHeldBack ? ", held back by a full queue" : "");
  }

  void Show(Signals* signals) const override {
    constexpr const char* kNames[] = {"not_started", "empty_row", "row",
                                      "broadcast",   "held_back", "finished"};
    signals->State("activity", kNames[static_cast<size_t>(now_.activity)]);
    signals->Number("rows", now_.rows);
    signals->Number("broadcasts", now_.broadcasts);
  }

 private:
  struct State {
    Activity activity = Activity::kNotStarted;
    int64_t rows = 0;
    int64_t broadcasts = 0;
    int64_t column = -1;
  };

  /// Fetches the next row from the PEs' source registers; returns whether it has a non-zero.
  bool EnterRow() {
    typename Lnzd<Word>::Row row;
    const int64_t first = now_.rows * layer_.matrix.num_pe;
    if (now_.rows == input_rows_) {
      row.push_back({layer_.matrix.cols, layer_.one});  // the bias column
    } else {
      const int64_t end = std::min(first + layer_.matrix.num_pe, layer_.matrix.cols);
      for (int64_t column = first; column < end; ++column) {
        const Word value = pes_[column - first].act_rw.ReadSource(now_.rows);
        if (value != 0) row.push_back({column, value});
      }
    }
    ++next_.rows;
    const bool has_nonzero = !row.empty();
    lnzd_.Enter(std::move(row));
    return has_nonzero;
  }

  const Layer<Arithmetic>& layer_;
  Lnzd<Word>& lnzd_;
  std::deque<Pe<Arithmetic>>& pes_;
  const int64_t input_rows_;
  State now_, next_;
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_CCU_H_
