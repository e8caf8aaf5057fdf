#ifndef EIE_CLOCK_SPMAT_READ_H_
#define EIE_CLOCK_SPMAT_READ_H_

#include <cstdint>
#include <optional>
#include <string>

#include "clock/ptr_read.h"
#include "clock/unit.h"

namespace eie::clock {

/// An entry on its way to the arithmetic.
template <typename Word>
struct FetchedEntry {
  int64_t code;
  int64_t run;
  bool is_first;
  Word value;
};

/// Weight SRAM stage: takes an entry out of the current word, and reads a new word if needed.
template <typename Word>
class SpmatRead final : public Unit {
 public:
  /// `entries` are this PE's entries.
  SpmatRead(const uint8_t* entries, int64_t entries_per_word, int64_t codebook_bits,
            const PtrRead<Word>* ptr_read)
      : entries_(entries),
        entries_per_word_(entries_per_word),
        codebook_bits_(codebook_bits),
        ptr_read_(*ptr_read) {}

  const std::optional<FetchedEntry<Word>>& fetched() const { return now_.fetched; }
  /// Number of words read.
  int64_t reads() const { return now_.reads; }
  int64_t entries() const { return now_.entries; }
  int64_t paddings() const { return now_.paddings; }
  bool idle() const { return !now_.fetched; }
  /// The code of an entry, which says whether it is a padding.
  int64_t CodeAt(int64_t index) const {
    return entries_[index] & ((int64_t{1} << codebook_bits_) - 1);
  }

  void Evaluate() override {
    next_ = now_;
    next_.fetched.reset();
    const auto& issued = ptr_read_.issued();
    if (!issued) return;
    // 1. A word is read unless it is the current word, even if an earlier column read that.
    const int64_t word = issued->index / entries_per_word_;
    next_.reads += word != now_.word;
    next_.word = word;
    // 2. The entry is taken out of the word.
    const int64_t code = CodeAt(issued->index);
    const int64_t run = entries_[issued->index] >> codebook_bits_;
    next_.fetched = FetchedEntry<Word>{code, run, issued->is_first, issued->value};
    ++next_.entries;
    next_.paddings += code == 0;
  }

  void Commit() override { now_ = next_; }

  std::string Describe() const override {
    return "spmat_read: word " + std::to_string(now_.word) + (idle() ? "" : ", an entry leaves");
  }

  void Show(Signals* signals) const override {
    const auto& fetched = now_.fetched;
    signals->Number("word", now_.word < 0 ? std::nullopt : std::optional(now_.word));
    signals->Number("code", fetched ? std::optional(fetched->code) : std::nullopt);
    signals->Number("run", fetched ? std::optional(fetched->run) : std::nullopt);
  }

 private:
  struct State {
    int64_t word = -1;  // address of the current word
    int64_t reads = 0;
    int64_t entries = 0;
    int64_t paddings = 0;
    std::optional<FetchedEntry<Word>> fetched;
  };

  const uint8_t* const entries_;
  const int64_t entries_per_word_;
  const int64_t codebook_bits_;
  const PtrRead<Word>& ptr_read_;
  State now_, next_;
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_SPMAT_READ_H_
