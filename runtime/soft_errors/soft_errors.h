#ifndef EIE_SOFT_ERRORS_SOFT_ERRORS_H_
#define EIE_SOFT_ERRORS_SOFT_ERRORS_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "image/program.h"
#include "soft_errors/bit_rate.h"
#include "soft_errors/word_code.h"

namespace eie {

/// Where a flip is gone after use, and so belongs to one step of one sample.
enum class FlipUnit {
  kActQueue,  ///< slots, broadcast after broadcast and PE after PE: the value, then the column
  kAct,       ///< words of the activation SRAM that the step reads
};

/// A flip that was asked for, in samples that this thread runs of a program.
struct ListedFlip {
  FlipUnit unit;
  std::string symbol;
  int64_t sample;  ///< counted over all calls; -1: every one
  int64_t step;
  int64_t word;
  int64_t bit;  ///< of the stored word
};

/// The wrong bits of a word as it is read.
struct WordFlips {
  int64_t word;
  uint64_t mask;
};

/// What the code of the words made of a sample's flips.
struct FlipTally {
  int64_t corrected = 0;  ///< words
  int64_t detected = 0;
  int64_t unnoticed = 0;
};

/// The soft errors of a thread's next calls.
struct SoftErrors {
  uint64_t seed = 0;
  Protection protection = Protection::kNone;
  std::array<BitRate, 2> rates;  ///< per bit, by FlipUnit
  std::vector<ListedFlip> listed;
  std::map<std::string, std::shared_ptr<const Program>> damaged;  ///< run in place of its namesake
  std::map<std::string, std::vector<FlipTally>> tallies;          ///< by symbol, for each sample
};

/// Checks words of `code`: flips of stored bits in, wrong bits of the data out, both ascending and
/// counted over all words.
std::vector<int64_t> CheckWords(const WordCode& code, const std::vector<int64_t>& flips,
                                FlipTally* tally);

/// The flips that strike one program.
class ProgramFlips {
 public:
  ProgramFlips(const SoftErrors& errors, const Program& program);

  /// The wrong words among those that a unit handles in a step; any thread may ask.
  std::vector<WordFlips> Strike(FlipUnit unit, int64_t sample, int64_t step, int64_t words,
                                FlipTally* tally) const;

 private:
  const SoftErrors& errors_;
  std::string symbol_;
  uint64_t key_;  // of the program's random streams
  std::array<WordCode, 2> codes_;
};

/// The same for one sample of it.
struct SampleFlips {
  const ProgramFlips& program;
  int64_t sample;
  FlipTally tally{};

  std::vector<WordFlips> Strike(FlipUnit unit, int64_t step, int64_t words) {
    return program.Strike(unit, sample, step, words, &tally);
  }
};

/// Bits of a column's number beside its value in a queue: the block's inputs, and the bias column.
int64_t ColumnBits(const HardwareConfig& config);

}  // namespace eie

#endif  // EIE_SOFT_ERRORS_SOFT_ERRORS_H_
