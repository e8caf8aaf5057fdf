#include "soft_errors/soft_errors.h"

#include <algorithm>

#include "image/crc32.h"

namespace eie {
namespace {

/// Calls `visit(word, wrong bits)` for every word of `code` among flips of stored bits.
template <typename Visit>
void ForEachStruckWord(const WordCode& code, const std::vector<int64_t>& flips, FlipTally* tally,
                       Visit visit) {
  std::vector<int64_t> bits;
  for (size_t n = 0; n < flips.size();) {
    const int64_t word = flips[n] / code.stored_bits();
    const int64_t end = (word + 1) * code.stored_bits();
    for (bits.clear(); n < flips.size() && flips[n] < end; ++n) {
      const int64_t bit = flips[n] - word * code.stored_bits();
      if (!bits.empty() && bits.back() == bit) {
        bits.pop_back();  // two flips of a bit cancel
      } else {
        bits.push_back(bit);
      }
    }
    if (bits.empty()) continue;
    const Verdict verdict = code.Decode(&bits);
    tally->corrected += verdict == Verdict::kCorrected;
    tally->detected += verdict == Verdict::kDetected;
    tally->unnoticed += verdict == Verdict::kUnnoticed;
    visit(word, bits);
  }
}

WordCode CodeOf(FlipUnit unit, const Program& program, Protection protection) {
  const int64_t value_bits = ValueBits(program.arithmetic);
  const int64_t column_bits = unit == FlipUnit::kActQueue ? ColumnBits(program.config) : 0;
  return WordCode(value_bits + column_bits, protection);
}

}  // namespace

std::vector<int64_t> CheckWords(const WordCode& code, const std::vector<int64_t>& flips,
                                FlipTally* tally) {
  std::vector<int64_t> wrong;
  ForEachStruckWord(code, flips, tally, [&](int64_t word, std::vector<int64_t>& bits) {
    std::sort(bits.begin(), bits.end());
    for (const int64_t bit : bits) wrong.push_back(word * code.data_bits() + bit);
  });
  return wrong;
}

ProgramFlips::ProgramFlips(const SoftErrors& errors, const Program& program)
    : errors_(errors),
      symbol_(program.symbol),
      key_(Crc32(reinterpret_cast<const uint8_t*>(symbol_.data()), symbol_.size())),
      codes_{CodeOf(FlipUnit::kActQueue, program, errors.protection),
             CodeOf(FlipUnit::kAct, program, errors.protection)} {}

std::vector<WordFlips> ProgramFlips::Strike(FlipUnit unit, int64_t sample, int64_t step,
                                            int64_t words, FlipTally* tally) const {
  const auto number = static_cast<size_t>(unit);
  const WordCode& code = codes_[number];
  std::vector<int64_t> flips;
  errors_.rates[number].Draw(words * code.stored_bits(),
                             RandomStream{errors_.seed, number, key_, static_cast<uint64_t>(sample),
                                          static_cast<uint64_t>(step)},
                             &flips);
  for (const ListedFlip& flip : errors_.listed) {
    const bool here = flip.unit == unit && flip.step == step && flip.symbol == symbol_ &&
                      (flip.sample == sample || flip.sample == -1);
    if (here && flip.word < words && flip.bit < code.stored_bits()) {
      flips.push_back(flip.word * code.stored_bits() + flip.bit);
    }
  }
  std::sort(flips.begin(), flips.end());
  std::vector<WordFlips> wrong;
  ForEachStruckWord(code, flips, tally, [&](int64_t word, const std::vector<int64_t>& bits) {
    uint64_t mask = 0;
    for (const int64_t bit : bits) mask |= uint64_t{1} << bit;
    if (mask != 0) wrong.push_back({word, mask});
  });
  return wrong;
}

int64_t ColumnBits(const HardwareConfig& config) {
  int64_t bits = 0;
  for (int64_t most = config.num_pe * config.act_registers; most > 0; most >>= 1) ++bits;
  return bits;
}

}  // namespace eie
