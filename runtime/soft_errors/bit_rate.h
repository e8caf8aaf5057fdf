#ifndef EIE_SOFT_ERRORS_BIT_RATE_H_
#define EIE_SOFT_ERRORS_BIT_RATE_H_

#include <cstdint>
#include <initializer_list>
#include <stdexcept>
#include <string>
#include <vector>

/// Random flips of bits at a rate: the same on every machine, for a seed.

namespace eie {

/// SplitMix64 (Steele, Lea and Flood, OOPSLA 2014): 64 random bits at a time, of one stream of
/// many.
class RandomStream {
 public:
  /// Other keys, in number, order or value, give another stream.
  explicit RandomStream(std::initializer_list<uint64_t> keys) {
    for (const uint64_t key : keys) state_ = Mix(state_ + kStep) ^ key;
    state_ = Mix(state_ + kStep);
  }

  uint64_t Next() { return Mix(state_ += kStep); }

 private:
  static constexpr uint64_t kStep = 0x9E3779B97F4A7C15;

  static uint64_t Mix(uint64_t z) {
    z = (z ^ (z >> 30)) * 0xBF58476D1CE4E5B9;
    z = (z ^ (z >> 27)) * 0x94D049BB133111EB;
    return z ^ (z >> 31);
  }

  uint64_t state_ = 0;
};

/// Bits that flip independently of each other with the same probability.
///
/// The gaps between flips are geometric numbers. Their binary digits are independent, digit k being
/// 1 with probability q^(2^k) / (1 + q^(2^k)), q = 1 - rate: so only correctly rounded operations
/// are needed, and a stream gives the same flips on every machine.
class BitRate {
 public:
  static constexpr double kLowest = 1e-12;  ///< of the rates above 0

  BitRate() = default;
  /// Throws std::invalid_argument unless `rate` is 0 or from `kLowest` to 1.
  explicit BitRate(double rate) : draws_(rate != 0) {
    if (!(rate == 0 || (rate >= kLowest && rate <= 1))) {
      throw std::invalid_argument("flip rate " + std::to_string(rate) +
                                  " is neither 0 nor in 1e-12..1; correct it");
    }
    constexpr double kNever = 0x1p-53;
    for (double power = 1 - rate; draws_ && power > kNever; power *= power) {
      digits_.push_back(static_cast<uint64_t>(power / (1 + power) * 0x1p64));
    }
  }

  /// Appends the numbers of those of `bits` bits that flip, ascending.
  void Draw(int64_t bits, RandomStream stream, std::vector<int64_t>* flips) const {
    if (!draws_) return;
    for (int64_t at = Gap(&stream); at < bits; at += 1 + Gap(&stream)) flips->push_back(at);
  }

 private:
  /// Bits that do not flip before the next that does.
  int64_t Gap(RandomStream* stream) const {
    int64_t gap = 0;
    for (size_t k = 0; k < digits_.size(); ++k) {
      gap |= int64_t{stream->Next() < digits_[k]} << k;
    }
    return gap;
  }

  bool draws_ = false;            // whether any bit flips
  std::vector<uint64_t> digits_;  // for each binary digit, below which a random number makes it 1
};

}  // namespace eie

#endif  // EIE_SOFT_ERRORS_BIT_RATE_H_
