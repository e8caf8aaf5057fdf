#ifndef EIE_VALUES_ARITHMETIC_H_
#define EIE_VALUES_ARITHMETIC_H_

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <cstring>

#include "generated/hardware_config.h"

/// Arithmetics: the type of a word, and how words are multiplied, added, read and written.
///
/// Results equal those of eie_backend/machine/numerics.py and isa/instructions bit for bit. A
/// member function that saturates adds 1 to `*saturations`.
///
/// Sizes, bytes moved and timing are those of the 16-bit machine in every arithmetic; a narrow one
/// may take fewer cycles, because an activation that rounds to 0 is skipped.

namespace eie {

/// float32, rounded after the product and after the sum; nothing saturates.
struct Float32 {
  using Word = float;
  using Product = float;

  explicit Float32(const HardwareConfig&) {}

  Product Multiply(Word weight, Word x, int64_t /*shift*/) const { return weight * x; }
  Word Add(Word sum, Product product, int64_t*) const { return sum + product; }
  static Word AddUnsaturated(Word sum, Product product) { return sum + product; }
  /// Not used, because nothing saturates.
  static int64_t Magnitude(Product) { return 0; }
  bool Holds(int64_t /*magnitude*/) const { return true; }
  Word One(int64_t /*frac_bits*/) const { return 1.0F; }
  Word FromInput(float x, double /*scale*/, int64_t*) const { return x; }
  template <typename Epilogue>
  Word WriteBack(Word sum, int64_t parameter, int64_t /*shift*/, int64_t*) const {
    return Epilogue::Apply(sum, FromBits(parameter));
  }
  float ToOutput(Word value, double /*scale*/) const { return value; }
  static Word Flip(Word value, uint64_t bits) {
    uint32_t word;
    std::memcpy(&word, &value, sizeof word);
    return FromBits(word ^ bits);
  }

 private:
  static Word FromBits(uint64_t bits) {
    const auto word = static_cast<uint32_t>(bits);
    Word value;
    std::memcpy(&value, &word, sizeof word);
    return value;
  }
};

/// Right shift, to nearest and ties to even; a left shift (`shift` < 0) stops at +-2^62.
///
/// |value| <= 2^62 and shift <= 62; image/limits.h guarantees both.
inline int64_t ShiftRound(int64_t value, int64_t shift) {
  if (shift <= 0) {
    const int64_t limit = (int64_t{1} << 62) >> -shift;
    return std::clamp(value, -limit, limit) * (int64_t{1} << -shift);
  }
  const int64_t half = int64_t{1} << (shift - 1);
  return (value + (half - 1) + ((value >> shift) & 1)) >> shift;
}

/// Fixed point in int32 words: `value_bits` wide activations and weights, `accumulator_bits` wide
/// sums, saturating. The exact product, of up to 64 bits, is shifted and rounded before it is
/// added.
template <int value_bits>
struct FixedPoint {
  static_assert(value_bits >= 2 && value_bits <= 32, "a value is an int32 word");

  using Word = int32_t;
  using Product = int64_t;

  explicit FixedPoint(const HardwareConfig& config)
      : highest_((int64_t{1} << (config.accumulator_bits - 1)) - 1) {}

  Product Multiply(Word weight, Word x, int64_t shift) const {
    return ShiftRound(int64_t{weight} * x, shift);
  }
  Word Add(Word sum, Product product, int64_t* saturations) const {
    return Saturate(sum + product, highest_, saturations);
  }
  /// `Add` for a sum that is known to fit.
  static Word AddUnsaturated(Word sum, Product product) { return static_cast<Word>(sum + product); }
  /// |value|, limited to 2^32.
  static int64_t Magnitude(Product value) {
    return std::min(value < 0 ? -value : value, int64_t{1} << 32);
  }
  /// Returns whether a destination register can hold every sum up to `magnitude`.
  bool Holds(int64_t magnitude) const { return magnitude <= highest_; }
  Word One(int64_t frac_bits) const { return Word{1} << frac_bits; }
  Word FromInput(float x, double scale, int64_t* saturations) const {
    const double scaled = std::rint(x * scale);
    if (std::isnan(scaled)) {
      ++*saturations;
      return 0;
    }
    return Saturate(static_cast<int64_t>(std::clamp(scaled, -kTwo62, kTwo62)), kHighestValue,
                    saturations);
  }
  template <typename Epilogue>
  Word WriteBack(Word sum, int64_t parameter, int64_t shift, int64_t* saturations) const {
    const int64_t value = Epilogue::Apply(int64_t{sum}, parameter);
    return Saturate(ShiftRound(value, shift), kHighestValue, saturations);
  }
  float ToOutput(Word value, double scale) const { return static_cast<float>(value * scale); }
  /// Returns the value with the two's complement bits in `bits` flipped.
  static Word Flip(Word value, uint64_t bits) {
    if (bits == 0) return value;
    constexpr int kUnused = 32 - value_bits;
    const auto word = (static_cast<uint32_t>(value) ^ static_cast<uint32_t>(bits)) << kUnused;
    return static_cast<Word>(word) >> kUnused;
  }

 private:
  static constexpr int64_t kHighestValue = (int64_t{1} << (value_bits - 1)) - 1;
  static constexpr double kTwo62 = 4611686018427387904.0;

  static Word Saturate(int64_t value, int64_t highest, int64_t* saturations) {
    const int64_t clamped = std::clamp(value, -highest - 1, highest);
    *saturations += clamped != value;
    return static_cast<Word>(clamped);
  }

  int64_t highest_;
};

}  // namespace eie

#endif  // EIE_VALUES_ARITHMETIC_H_
