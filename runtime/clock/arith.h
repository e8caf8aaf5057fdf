#ifndef EIE_CLOCK_ARITH_H_
#define EIE_CLOCK_ARITH_H_

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>
#include <vector>

#include "clock/act_rw.h"
#include "clock/spmat_read.h"
#include "clock/unit.h"

namespace eie::clock {

/// Arithmetic pipeline of four stages: codebook and address accumulation, multiplier, adder, write.
/// It takes one entry per edge.
template <typename Arithmetic>
class Arith final : public Unit {
 public:
  using Word = typename Arithmetic::Word;

  Arith(const Arithmetic& arithmetic, const uint32_t* codebook, int64_t shift,
        const SpmatRead<Word>* spmat_read, ActRw<Word>* act_rw)
      : arithmetic_(arithmetic),
        codebook_(codebook),
        shift_(shift),
        spmat_read_(*spmat_read),
        act_rw_(*act_rw) {}

  int64_t saturations() const { return now_.saturations; }
  bool idle() const { return !now_.decoded && !now_.product && !now_.sum; }

  void Evaluate() override {
    next_ = now_;
    LookUp();
    Multiply();
    Add();
    Write();
  }

  void Commit() override { now_ = next_; }

  std::string Describe() const override {
    return "arith: local row " + std::to_string(now_.row) + (now_.decoded ? ", weight" : "") +
           (now_.product ? ", product" : "") + (now_.sum ? ", sum" : "");
  }

  void Show(Signals* signals) const override {
    signals->Number("decoded_row", now_.decoded ? std::optional(now_.decoded->row) : std::nullopt);
    signals->Number("product_row", now_.product ? std::optional(now_.product->row) : std::nullopt);
    signals->Number("sum_row", now_.sum ? std::optional(now_.sum->row) : std::nullopt);
    signals->Number("sum", now_.sum ? std::optional(BitsOf(now_.sum->value)) : std::nullopt);
  }

 private:
  struct Decoded {
    int64_t row;
    Word weight;
    Word value;
  };
  struct Product {
    int64_t row;
    typename Arithmetic::Product product;
    Word destination;
  };
  struct Sum {
    int64_t row;
    Word value;
  };
  struct State {
    int64_t row = -1;  // local row of the previous entry
    std::optional<Decoded> decoded;
    std::optional<Product> product;
    std::optional<Sum> sum;
    int64_t saturations = 0;
  };

  /// 1. Codebook look-up, and the sum of zero runs that gives the row. Paddings end here.
  void LookUp() {
    next_.decoded.reset();
    const auto& fetched = spmat_read_.fetched();
    if (!fetched) return;
    next_.row = (fetched->is_first ? -1 : now_.row) + fetched->run + 1;
    if (fetched->code == 0) return;
    Word weight;
    std::memcpy(&weight, &codebook_[fetched->code], sizeof weight);
    next_.decoded = Decoded{next_.row, weight, fetched->value};
  }

  /// 2. Multiplication, with the read of the destination register in parallel.
  void Multiply() {
    next_.product.reset();
    if (!now_.decoded) return;
    const auto& [row, weight, value] = *now_.decoded;
    // Bypass: take a sum of the same row that is written at this edge.
    const Word destination =
        now_.sum && now_.sum->row == row ? now_.sum->value : act_rw_.ReadDestination(row);
    next_.product = Product{row, arithmetic_.Multiply(weight, value, shift_), destination};
  }

  /// 3. Addition.
  void Add() {
    next_.sum.reset();
    if (!now_.product) return;
    const auto& [row, product, destination] = *now_.product;
    // Bypass: take the sum of the same row from the previous edge.
    const Word addend = now_.sum && now_.sum->row == row ? now_.sum->value : destination;
    next_.sum = Sum{row, arithmetic_.Add(addend, product, &next_.saturations)};
  }

  /// 4. Write.
  void Write() {
    if (now_.sum) act_rw_.WriteDestination(now_.sum->row, now_.sum->value);
  }

  const Arithmetic& arithmetic_;
  const uint32_t* codebook_;
  const int64_t shift_;
  const SpmatRead<Word>& spmat_read_;
  ActRw<Word>& act_rw_;
  State now_, next_;
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_ARITH_H_
