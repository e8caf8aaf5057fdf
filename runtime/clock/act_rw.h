#ifndef EIE_CLOCK_ACT_RW_H_
#define EIE_CLOCK_ACT_RW_H_

#include <cstdint>
#include <optional>
#include <string>

#include "clock/unit.h"

namespace eie::clock {

/// Source and destination registers of one PE, which hold every P-th value of the layer's vectors.
template <typename Word>
class ActRw final : public Unit {
 public:
  ActRw(const Word* source, Word* destination, int64_t pe, int64_t num_pe)
      : source_(source + pe), destination_(destination + pe), num_pe_(num_pe) {}

  /// Port read by the CCU.
  Word ReadSource(int64_t row) {
    ++source_reads_;
    return source_[row * num_pe_];
  }
  int64_t source_reads() const { return source_reads_; }

  Word ReadDestination(int64_t row) const { return destination_[row * num_pe_]; }
  /// Port written by arith.
  void WriteDestination(int64_t row, Word value) { write_ = {row, value}; }

  void Evaluate() override {}

  void Commit() override {
    written_ = write_;
    if (!write_) return;
    destination_[write_->row * num_pe_] = write_->value;
    write_.reset();
  }

  std::string Describe() const override {
    return "act_rw: " + std::to_string(source_reads_) + " source registers read";
  }

  void Show(Signals* signals) const override {
    signals->Number("source_reads", source_reads_);
    signals->Number("row", written_ ? std::optional(written_->row) : std::nullopt);
    signals->Number("value", written_ ? std::optional(BitsOf(written_->value)) : std::nullopt);
  }

 private:
  struct Write {
    int64_t row;
    Word value;
  };

  const Word* const source_;
  Word* const destination_;
  const int64_t num_pe_;
  int64_t source_reads_ = 0;
  std::optional<Write> write_;
  std::optional<Write> written_;  // at the last edge
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_ACT_RW_H_
