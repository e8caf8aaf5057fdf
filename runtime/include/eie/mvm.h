#ifndef EIE_MVM_H_
#define EIE_MVM_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "eie/encoded_matrix.h"
#include "eie/generated/counters.h"
#include "eie/prefetch.h"

namespace eie {

/// Destination registers to which columns of one matrix are added.
template <typename Arithmetic>
class Accumulator {
 public:
  using Word = typename Arithmetic::Word;

  /// `codebook` has a word per code and `acc` one per row.
  Accumulator(const EncodedMatrix& matrix, const Arithmetic& arithmetic, const uint32_t* codebook,
              int64_t shift, Word* acc)
      : matrix_(matrix),
        arithmetic_(arithmetic),
        codebook_(codebook),
        shift_(shift),
        acc_(acc),
        blocks_(matrix.dense ? dense_column::Blocks(matrix.rows) : 0),
        sums_(acc, acc + (matrix.dense ? matrix.rows : 0)) {
    sums_.resize(blocks_ * dense_column::kBlockRows);
    for (int64_t i = 0; i < matrix.rows; ++i) {
      bound_ = std::max(bound_, Arithmetic::Magnitude(acc[i]));
    }
  }

  /// Adds a column times `x`. A column meets a row once, so the order within it is free.
  void AddColumn(int64_t column, Word x) {
    Products products;
    int64_t largest = 0;
    for (int64_t code = 0; code < int64_t{1} << matrix_.codebook_bits; ++code) {
      Word weight;
      std::memcpy(&weight, &codebook_[code], sizeof weight);
      products[code] = arithmetic_.Multiply(weight, x, shift_);
      largest = std::max(largest, Arithmetic::Magnitude(products[code]));
    }
    bound_ += largest;
    if (arithmetic_.Holds(bound_)) {
      if (matrix_.dense) {
        AddDense(column, products);
      } else {
        ForEachWeight(column, products, Arithmetic::AddUnsaturated);
      }
      return;
    }
    int64_t saturations = 0;
    ForEachWeight(column, products, [this, &saturations](Word sum, Product product) {
      return arithmetic_.Add(sum, product, &saturations);
    });
    saturations_ += saturations;
  }

  /// Writes the sums to `acc`; no column may follow.
  void Finish() {
    if (matrix_.dense) std::copy_n(sums_.begin(), matrix_.rows, acc_);
  }

  int64_t saturations() const { return saturations_; }

 private:
  using Product = typename Arithmetic::Product;

  using Products = std::array<Product, 128>;  // by code, of at most 7 bits

  void AddDense(int64_t column, const Products& products) {
    std::array<Word, int64_t{1} << dense_column::kCodeBits> words{};
    for (size_t code = 1; code < words.size() >> (dense_column::kCodeBits - matrix_.codebook_bits);
         ++code) {
      words[code] = static_cast<Word>(products[code]);
    }
    words[0] = static_cast<Word>(-0.0);  // which changes no float
    dense_column::Add(matrix_.codes(column), blocks_, words.data(), sums_.data());
  }

  template <typename Add>
  void ForEachWeight(int64_t column, const Products& products, Add add) {
    if (matrix_.dense) {
      const uint8_t* const codes = matrix_.codes(column);
      for (int64_t row = 0; row < matrix_.rows; ++row) {
        const int code = codes[dense_column::ByteOf(row)] >> dense_column::ShiftOf(row) & 15;
        if (code != 0) sums_[row] = add(sums_[row], products[code]);
      }
      return;
    }
    switch (matrix_.weight_bytes) {
      case 2:
        return AddWeights<2>(column, products, add);
      case 3:
        return AddWeights<3>(column, products, add);
      default:
        return AddWeights<4>(column, products, add);
    }
  }

  template <int kBytes, typename Add>
  void AddWeights(int64_t column, const Products& products, Add add) {
    const int code_bits = static_cast<int>(matrix_.codebook_bits);
    const uint32_t code_mask = (1U << code_bits) - 1;
    const uint8_t* const end = matrix_.first_weight(column + 1);
    Word* const acc = acc_;
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 4
#endif
    for (const uint8_t* w = matrix_.first_weight(column); w < end; w += kBytes) {
      uint32_t weight = w[0] | w[1] << 8;
      if (kBytes > 2) weight |= w[2] << 16;
      if (kBytes > 3) weight |= static_cast<uint32_t>(w[3]) << 24;
      Word& sum = acc[weight >> code_bits];
      sum = add(sum, products[weight & code_mask]);
    }
  }

  const EncodedMatrix& matrix_;
  const Arithmetic& arithmetic_;
  const uint32_t* const codebook_;
  const int64_t shift_;
  Word* const acc_;
  const int64_t blocks_;    // of a dense matrix
  std::vector<Word> sums_;  // its sums until Finish, in whole blocks
  int64_t bound_ = 0;       // no sum's magnitude is larger; while it fits, nothing can saturate
  int64_t saturations_ = 0;
};

/// The columns that are broadcast: every input that is not zero, then the bias column.
template <typename Word>
std::vector<uint32_t> ActiveColumns(const EncodedMatrix& matrix, const Word* x) {
  std::vector<uint32_t> columns(matrix.stored_cols());
  size_t count = 0;
  for (int64_t j = 0; j < matrix.cols; ++j) {  // without branches: where the zeros are is random
    columns[count] = static_cast<uint32_t>(j);
    count += x[j] != 0;
  }
  if (matrix.has_bias_column) columns[count++] = static_cast<uint32_t>(matrix.cols);
  columns.resize(count);
  return columns;
}

/// The values of one sparse matrix-vector product: adds to `acc`, reads and saturations to
/// `counters`. Returns the broadcast columns, in order.
///
/// `x` has `cols` words and `acc` has `rows`; without `acc` values play no part, only what it cost
/// is found. The bias column's 1 has `frac_bits`.
template <typename Arithmetic>
std::vector<uint32_t> MultiplyAdd(const EncodedMatrix& matrix, const Arithmetic& arithmetic,
                                  const uint32_t* codebook, const typename Arithmetic::Word* x,
                                  int64_t shift, int64_t frac_bits, typename Arithmetic::Word* acc,
                                  Counters* counters) {
  std::vector<uint32_t> columns = ActiveColumns(matrix, x);
  if (acc != nullptr) {
    Accumulator<Arithmetic> accumulator(matrix, arithmetic, codebook, shift, acc);
    for (size_t n = 0; n < columns.size(); ++n) {
      if (n + 8 < columns.size()) Prefetch(&matrix.columns[columns[n + 8]], 1);
      const uint32_t column = columns[n];
      accumulator.AddColumn(column, column == matrix.cols ? arithmetic.One(frac_bits) : x[column]);
    }
    accumulator.Finish();
    counters->accumulator_saturations += accumulator.saturations();
  }
  counters->act_reads += matrix.cols;
  return columns;
}

}  // namespace eie

#endif  // EIE_MVM_H_
