#ifndef EIE_SOFT_ERRORS_STRUCK_MVM_H_
#define EIE_SOFT_ERRORS_STRUCK_MVM_H_

#include <cstdint>
#include <cstring>
#include <vector>

#include "image/encoded_matrix.h"
#include "soft_errors/soft_errors.h"

namespace eie {

/// `MultiplyAdd` where bits flip in queues. `slots` are the slots with wrong bits, ascending: that
/// of broadcast n in PE k is word n * P + k. Returns how often a sum saturated.
///
/// A PE takes what its queue holds: the value as it is now, and the column of that number, which is
/// empty if the matrix has none. Sums belong to one PE, so each takes its products in the order of
/// broadcasts.
template <typename Arithmetic>
int64_t MultiplyAddStruck(const EncodedMatrix& matrix, const std::vector<uint32_t>& columns,
                          const std::vector<WordFlips>& slots, int64_t value_bits,
                          const Arithmetic& arithmetic, const uint32_t* codebook,
                          const typename Arithmetic::Word* x, int64_t shift, int64_t frac_bits,
                          typename Arithmetic::Word* acc) {
  using Word = typename Arithmetic::Word;
  const int64_t num_pe = matrix.num_pe;
  int64_t saturations = 0;
  std::vector<bool> struck(num_pe);
  const auto add = [&](int64_t row, int64_t code, Word value) {
    Word weight;
    std::memcpy(&weight, &codebook[code], sizeof weight);
    acc[row] = arithmetic.Add(acc[row], arithmetic.Multiply(weight, value, shift), &saturations);
  };
  auto slot = slots.begin();
  for (size_t n = 0; n < columns.size(); ++n) {
    const int64_t first = static_cast<int64_t>(n) * num_pe;
    const int64_t column = columns[n];
    const Word value = column == matrix.cols ? arithmetic.One(frac_bits) : x[column];
    const auto begin = slot;
    for (; slot != slots.end() && slot->word < first + num_pe; ++slot) {
      const int64_t pe = slot->word - first;
      const int64_t taken = column ^ static_cast<int64_t>(slot->mask >> value_bits);
      const uint64_t value_mask = (uint64_t{1} << value_bits) - 1;
      const Word flipped = Arithmetic::Flip(value, slot->mask & value_mask);
      struck[pe] = true;
      if (taken >= matrix.stored_cols()) continue;
      matrix.ForEachWeight(taken, [&](int64_t row, int64_t code) {
        if (row % num_pe == pe) add(row, code, flipped);
      });
    }
    matrix.ForEachWeight(column, [&](int64_t row, int64_t code) {
      if (!struck[row % num_pe]) add(row, code, value);
    });
    for (auto one = begin; one != slot; ++one) struck[one->word - first] = false;
  }
  return saturations;
}

}  // namespace eie

#endif  // EIE_SOFT_ERRORS_STRUCK_MVM_H_
