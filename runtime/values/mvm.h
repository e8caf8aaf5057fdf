#ifndef EIE_VALUES_MVM_H_
#define EIE_VALUES_MVM_H_

#include <algorithm>
#include <array>
#include <cstdint>
#include <cstring>
#include <vector>

#include "host/prefetch.h"
#include "host/vector_clones.h"
#include "image/encoded_matrix.h"
#include "values/add_dense_column.h"

namespace eie {

/// Destination registers for some rows of a matrix, to which columns times inputs are added.
template <typename Arithmetic>
class Accumulator {
 public:
  using Word = typename Arithmetic::Word;

  /// `codebook` has a word per code and `acc` one per row of the matrix.
  Accumulator(const EncodedMatrix& matrix, EncodedMatrix::Rows part, const Arithmetic& arithmetic,
              const uint32_t* codebook, int64_t shift, Word* acc)
      : matrix_(matrix),
        part_(part),
        rows_(matrix.row_range(part)),
        arithmetic_(arithmetic),
        codebook_(codebook),
        shift_(shift),
        acc_(acc) {
    if (matrix.dense) {
      sums_.resize(blocks() * dense_column::kBlockRows);
      std::copy(acc + rows_.begin, acc + rows_.end, sums_.begin());
    }
    for (int64_t i = rows_.begin; i < rows_.end; ++i) {
      bound_ = std::max(bound_, Arithmetic::Magnitude(acc[i]));
    }
  }

  /// Adds a column times `x`. A column has each row once, so the order within it does not matter.
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

  /// Prefetches the weights of a column that will be added soon.
  EIE_INLINE void PrefetchColumn(int64_t column) const {
    if (matrix_.dense) {
      Prefetch(codes(column), blocks() * dense_column::kBlockBytes);
    } else {
      const uint8_t* const first = matrix_.weights_begin(column, part_);
      Prefetch(first, matrix_.weights_end(column, part_) - first);
    }
  }

  /// Writes the sums to `acc`; no column may be added after that.
  void Finish() {
    if (matrix_.dense) std::copy_n(sums_.begin(), rows_.end - rows_.begin, acc_ + rows_.begin);
  }

  int64_t saturations() const { return saturations_; }

 private:
  using Product = typename Arithmetic::Product;

  using Products = std::array<Product, 128>;  // by code, of at most 7 bits

  /// The blocks of a dense column in this part of the rows, and their codes.
  int64_t blocks() const { return dense_column::Blocks(rows_.end - rows_.begin); }
  const uint8_t* codes(int64_t column) const {
    return matrix_.codes(column) + dense_column::Blocks(rows_.begin) * dense_column::kBlockBytes;
  }

  void AddDense(int64_t column, const Products& products) {
    std::array<Word, int64_t{1} << dense_column::kCodeBits> words{};
    for (size_t code = 1; code < words.size() >> (dense_column::kCodeBits - matrix_.codebook_bits);
         ++code) {
      words[code] = static_cast<Word>(products[code]);
    }
    words[0] = static_cast<Word>(-0.0);  // changes no float
    AddDenseColumn(codes(column), blocks(), words.data(), sums_.data());
  }

  template <typename Add>
  void ForEachWeight(int64_t column, const Products& products, Add add) {
    if (matrix_.dense) {
      const uint8_t* const in_part = codes(column);
      for (int64_t row = 0; row < rows_.end - rows_.begin; ++row) {
        const int code = dense_column::CodeOf(in_part, row);
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
    const uint8_t* const end = matrix_.weights_end(column, part_);
    Word* const acc = acc_;
#if defined(__GNUC__) && !defined(__clang__)
#pragma GCC unroll 4
#endif
    for (const uint8_t* w = matrix_.weights_begin(column, part_); w < end; w += kBytes) {
      uint32_t weight = w[0] | w[1] << 8;
      if (kBytes > 2) weight |= w[2] << 16;
      if (kBytes > 3) weight |= static_cast<uint32_t>(w[3]) << 24;
      Word& sum = acc[weight >> code_bits];
      sum = add(sum, products[weight & code_mask]);
    }
  }

  const EncodedMatrix& matrix_;
  const EncodedMatrix::Rows part_;
  const EncodedMatrix::RowRange rows_;
  const Arithmetic& arithmetic_;
  const uint32_t* const codebook_;
  const int64_t shift_;
  Word* const acc_;
  std::vector<Word> sums_;  // for a dense matrix, until Finish, in whole blocks
  int64_t bound_ = 0;       // bound of all sums' magnitude; while it fits, nothing can saturate
  int64_t saturations_ = 0;
};

/// Computes some rows of one sparse matrix-vector product: adds the active `columns` times `x` to
/// `acc`. Returns the number of saturations.
///
/// `x` has `cols` words and `acc` has `rows`. The bias column's 1 has `frac_bits`.
template <typename Arithmetic>
int64_t MultiplyAdd(const EncodedMatrix& matrix, EncodedMatrix::Rows part,
                    const std::vector<uint32_t>& columns, const Arithmetic& arithmetic,
                    const uint32_t* codebook, const typename Arithmetic::Word* x, int64_t shift,
                    int64_t frac_bits, typename Arithmetic::Word* acc) {
  constexpr size_t kAhead = 8;  // distance of prefetching, in columns
  Accumulator<Arithmetic> accumulator(matrix, part, arithmetic, codebook, shift, acc);
  for (size_t n = 0; n < columns.size(); ++n) {
    if (n + 2 * kAhead < columns.size()) Prefetch(&matrix.columns[columns[n + 2 * kAhead]], 1);
    if (n + kAhead < columns.size()) accumulator.PrefetchColumn(columns[n + kAhead]);
    const uint32_t column = columns[n];
    accumulator.AddColumn(column, column == matrix.cols ? arithmetic.One(frac_bits) : x[column]);
  }
  accumulator.Finish();
  return accumulator.saturations();
}

}  // namespace eie

#endif  // EIE_VALUES_MVM_H_
