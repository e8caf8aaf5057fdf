#ifndef EIE_SOFT_ERRORS_SOFT_ERRORS_H_
#define EIE_SOFT_ERRORS_SOFT_ERRORS_H_

#include <array>
#include <cstdint>
#include <map>
#include <memory>
#include <string>
#include <vector>

#include "generated/choices.h"
#include "image/program.h"
#include "soft_errors/bit_rate.h"
#include "soft_errors/word_code.h"

namespace eie {

/// A flip that the caller lists: one bit, in one step of a program.
///
/// Words of `kActQueue` are slots, broadcast after broadcast and PE after PE, each with the value,
/// then the column; words of `kAct` are those that the step reads.
struct ListedFlip {
  FlipUnit unit;
  std::string symbol;  ///< of the program
  int64_t sample;      ///< counted over the thread's calls of the program; -1: every one
  int64_t step;
  int64_t word;
  int64_t bit;  ///< of the stored word
};

/// A word with wrong bits as it is read.
struct WordFlips {
  int64_t word;
  uint64_t mask;  ///< the wrong bits
};

/// Words with flips, by what their code made of them.
struct FlipTally {
  int64_t corrected = 0;
  int64_t detected = 0;
  int64_t unnoticed = 0;
};

/// What strikes the next calls of a thread, and what it did so far.
struct SoftErrors {
  uint64_t seed = 0;
  Protection protection = Protection::kNone;
  std::array<BitRate, kNumFlipUnits> rates;  ///< per bit, by FlipUnit
  std::vector<ListedFlip> listed;
  std::map<std::string, std::shared_ptr<const Program>> damaged;  ///< each runs for its namesake
  std::map<std::string, std::vector<FlipTally>> tallies;          ///< of each sample, by symbol
};

/// Wrong bits of the data when words of `code` are read whose stored bits flipped at `flips`; both
/// are ascending and counted over all words.
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
  std::array<WordCode, kNumFlipUnits> codes_;
};

/// The flips that strike one sample of a program.
struct SampleFlips {
  const ProgramFlips& program;
  int64_t sample;
  FlipTally tally{};

  std::vector<WordFlips> Strike(FlipUnit unit, int64_t step, int64_t words) {
    return program.Strike(unit, sample, step, words, &tally);
  }
};

/// Bits of a column's number, which a queue keeps beside the value: enough for the inputs of a
/// block and the bias column.
int64_t ColumnBits(const HardwareConfig& config);

}  // namespace eie

#endif  // EIE_SOFT_ERRORS_SOFT_ERRORS_H_
