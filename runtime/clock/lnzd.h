#ifndef EIE_CLOCK_LNZD_H_
#define EIE_CLOCK_LNZD_H_

#include <cstddef>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "clock/unit.h"

namespace eie::clock {

/// Leading non-zero detection: holds one row of activations, whose non-zeros leave in order.
template <typename Word>
class Lnzd final : public Unit {
 public:
  using Row = std::vector<Activation<Word>>;  // non-zeros in ascending order of columns

  bool empty() const { return at_ == row_.size(); }
  const Activation<Word>& leading() const { return row_[at_]; }

  /// Port written by the CCU: the leading non-zero leaves.
  void Clear() { clear_ = true; }
  /// Port written by the CCU: a row enters and replaces the rest of the previous row.
  void Enter(Row row) { enter_ = std::move(row); }

  void Evaluate() override {}

  void Commit() override {
    if (clear_) ++at_;
    clear_ = false;
    if (!enter_) return;
    row_ = std::move(*enter_);
    at_ = 0;
    enter_.reset();
  }

  std::string Describe() const override {
    if (empty()) return "lnzd: no non-zero";
    return "lnzd: " + std::to_string(row_.size() - at_) + " non-zeros, leading is column " +
           std::to_string(leading().column);
  }

  void Show(Signals* signals) const override {
    signals->Number("non_zeros", static_cast<int64_t>(row_.size() - at_));
    signals->Number("column", empty() ? std::nullopt : std::optional(leading().column));
  }

 private:
  Row row_;
  size_t at_ = 0;
  std::optional<Row> enter_;
  bool clear_ = false;
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_LNZD_H_
