#include "soft_errors/word_code.h"

#include <algorithm>

namespace eie {

WordCode::WordCode(int64_t data_bits, Protection protection)
    : data_bits_(data_bits), check_bits_(0), protection_(protection) {
  if (protection == Protection::kParity) check_bits_ = 1;
  if (protection != Protection::kSecded) return;
  // Hamming's checks sit at the powers of two, the data at all other positions in order.
  position_of_.resize(data_bits);
  bit_at_ = {0};
  for (int64_t bit = 0, position = 1; bit < data_bits; ++position) {
    if ((position & (position - 1)) == 0) {
      position_of_.push_back(position);
      bit_at_.push_back(data_bits + check_bits_++);
    } else {
      position_of_[bit] = position;
      bit_at_.push_back(bit++);
    }
  }
  position_of_.push_back(0);
  bit_at_[0] = data_bits + check_bits_++;
}

Verdict WordCode::Decode(std::vector<int64_t>* bits) const {
  const bool odd = bits->size() % 2 == 1;
  bool corrects = false;
  if (protection_ == Protection::kParity && odd) {
    bits->clear();
    return Verdict::kDetected;
  }
  if (protection_ == Protection::kSecded) {
    int64_t syndrome = 0;
    for (const int64_t bit : *bits) syndrome ^= position_of_[bit];
    if (odd ? syndrome >= static_cast<int64_t>(bit_at_.size()) : syndrome != 0) {
      bits->clear();
      return Verdict::kDetected;
    }
    if (odd) {
      const int64_t taken = bit_at_[syndrome];
      const auto found = std::find(bits->begin(), bits->end(), taken);
      corrects = found != bits->end();
      corrects ? void(bits->erase(found)) : bits->push_back(taken);
    }
  }
  bits->erase(
      std::remove_if(bits->begin(), bits->end(), [this](int64_t bit) { return bit >= data_bits_; }),
      bits->end());
  return corrects && bits->empty() ? Verdict::kCorrected : Verdict::kUnnoticed;
}

}  // namespace eie
