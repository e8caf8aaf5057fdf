#ifndef EIE_MVM_H_
#define EIE_MVM_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "eie/encoded_matrix.h"
#include "eie/generated/counters.h"

namespace eie {

/// Destination registers to which columns of one matrix are added.
template <typename Arithmetic>
class Accumulator {
 public:
  using Word = typename Arithmetic::Word;

  /// `acc` has one word per row.
  Accumulator(const EncodedMatrix& matrix, const Arithmetic& arithmetic, int64_t shift, Word* acc)
      : matrix_(matrix), arithmetic_(arithmetic), shift_(shift), acc_(acc) {
    for (int64_t i = 0; i < matrix.rows; ++i) {
      bound_ = std::max(bound_, Arithmetic::Magnitude(acc[i]));
    }
  }

  /// Adds a column times `x`. A column meets a row once, so the order within it is free.
  void AddColumn(int64_t column, Word x) {
    std::array<Product, 128> products;  // by code, of at most 7 bits
    int64_t largest = 0;
    for (size_t code = 0; code < matrix_.codebook.size(); ++code) {
      Word weight;
      std::memcpy(&weight, &matrix_.codebook[code], sizeof weight);
      products[code] = arithmetic_.Multiply(weight, x, shift_);
      largest = std::max(largest, Arithmetic::Magnitude(products[code]));
    }
    bound_ += largest;
    if (arithmetic_.Holds(bound_)) {
      ForEachWeight(column, products, Arithmetic::AddUnsaturated);
      return;
    }
    int64_t saturations = 0;
    ForEachWeight(column, products, [this, &saturations](Word sum, Product product) {
      return arithmetic_.Add(sum, product, &saturations);
    });
    saturations_ += saturations;
  }

  int64_t saturations() const { return saturations_; }

 private:
  using Product = typename Arithmetic::Product;

  template <typename Add>
  void ForEachWeight(int64_t column, const std::array<Product, 128>& products, Add add) {
    const uint32_t* const end = matrix_.weights.data() + matrix_.weight_starts[column + 1];
    Word* const acc = acc_;
    for (const uint32_t* w = matrix_.weights.data() + matrix_.weight_starts[column]; w < end; ++w) {
      Word& sum = acc[*w >> EncodedMatrix::kCodeBits];
      sum = add(sum, products[static_cast<uint8_t>(*w)]);
    }
  }

  const EncodedMatrix& matrix_;
  const Arithmetic& arithmetic_;
  const int64_t shift_;
  Word* const acc_;
  int64_t bound_ = 0;  // no sum's magnitude is larger; while it fits, nothing can saturate
  int64_t saturations_ = 0;
};

/// The values of one sparse matrix-vector product: adds to `acc`, reads and saturations to
/// `counters`. Returns the broadcast columns, in order.
///
/// `x` has `cols` words and `acc` has `rows`. The bias column's 1 has `frac_bits`.
template <typename Arithmetic>
std::vector<uint32_t> MultiplyAdd(const EncodedMatrix& matrix, const Arithmetic& arithmetic,
                                  const typename Arithmetic::Word* x, int64_t shift,
                                  int64_t frac_bits, typename Arithmetic::Word* acc,
                                  Counters* counters) {
  std::vector<uint32_t> columns;
  columns.reserve(matrix.stored_cols());
  Accumulator<Arithmetic> accumulator(matrix, arithmetic, shift, acc);
  for (int64_t j = 0; j < matrix.cols; ++j) {
    if (x[j] == 0) continue;
    columns.push_back(static_cast<uint32_t>(j));
    accumulator.AddColumn(j, x[j]);
  }
  if (matrix.has_bias_column) {
    columns.push_back(static_cast<uint32_t>(matrix.cols));
    accumulator.AddColumn(matrix.cols, arithmetic.One(frac_bits));
  }
  counters->accumulator_saturations += accumulator.saturations();
  counters->act_reads += matrix.cols;
  return columns;
}

}  // namespace eie

#endif  // EIE_MVM_H_
