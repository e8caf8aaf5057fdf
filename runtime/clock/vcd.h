#ifndef EIE_CLOCK_VCD_H_
#define EIE_CLOCK_VCD_H_

#include <cstddef>
#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <vector>

#include "clock/signals.h"

namespace eie::clock {

/// Writer of the units' registers as a value change dump (IEEE 1364), for a window of clock edges
/// and up to a size. One unit of time is one edge; edges count from 1 through all mvms.
class Vcd final : private Signals {
 public:
  /// Writes edges from `from` up to, but without, `to`.
  Vcd(int64_t from, int64_t to, int64_t max_bytes)
      : from_(from), end_(to), max_bytes_(static_cast<size_t>(max_bytes)) {}

  /// Samples from now on belong to this step of the program.
  void Begin(int64_t step) { step_ = step; }

  /// Samples one edge of the mvm; `show` passes its argument to every unit.
  template <typename Show>
  void Sample(int64_t edge, Show show) {
    const int64_t time = start_ + edge;
    if (time < from_ || time >= end_) return;
    const size_t before = text_.size();
    if (text_.empty()) Declare(show);
    text_ += "#" + std::to_string(time) + "\n";
    ShowAll(show);
    if (text_.size() <= max_bytes_) return;
    text_.resize(before);
    end_ = time;
  }

  /// Marks this edge as the mvm's end, unless another call follows.
  void MarkEnd() { marked_ = text_.size(); }

  /// Ends the mvm after `cycles` cycles, drops later samples, and begins the next mvm.
  void Finish(int64_t cycles) {
    text_.resize(marked_);
    start_ += cycles;
    values_.clear();
  }

  /// Returns the edge after the last one that is or will be written.
  int64_t end() const { return end_; }
  const std::string& text() const { return text_; }

 private:
  static constexpr int64_t kNothing = std::numeric_limits<int64_t>::min();

  template <typename Show>
  void Declare(Show show) {
    declaring_ = true;
    text_ += "$timescale 1 ns $end\n";
    ShowAll(show);
    text_ += "$enddefinitions $end\n";
    declaring_ = false;
  }

  template <typename Show>
  void ShowAll(Show show) {
    signal_ = 0;
    Enter("program");
    Number("step", step_);
    Leave();
    show(static_cast<Signals*>(this));
  }

  void Enter(const std::string& scope) override {
    if (declaring_) text_ += "$scope module " + scope + " $end\n";
  }

  void Leave() override {
    if (declaring_) text_ += "$upscope $end\n";
  }

  void Number(const char* name, std::optional<int64_t> value) override {
    if (!Changes("integer 32", name, value.value_or(kNothing))) return;
    text_ += 'b';
    if (value) {
      size_t bit = 32;
      while (bit > 1 && (*value >> (bit - 1) & 1) == 0) --bit;
      while (bit > 0) text_ += static_cast<char>('0' + (*value >> --bit & 1));
    } else {
      text_ += 'z';
    }
    EndChange();
  }

  void State(const char* name, const char* value) override {
    if (!Changes("string 1", name, reinterpret_cast<intptr_t>(value))) return;
    text_ += 's';
    text_ += value;
    EndChange();
  }

  /// Moves on to the next signal. In the declarations, declares it; otherwise returns whether its
  /// value differs from that at the previous edge.
  bool Changes(const char* type, const char* name, int64_t value) {
    const size_t signal = signal_++;
    if (declaring_) {
      text_ += std::string("$var ") + type + " " + Code(signal) + " " + name + " $end\n";
      return false;
    }
    if (signal == values_.size()) {
      values_.push_back(value);
      return true;
    }
    const bool changes = values_[signal] != value;
    values_[signal] = value;
    return changes;
  }

  void EndChange() { text_ += " " + Code(signal_ - 1) + "\n"; }

  /// Returns a signal's identifier: its number with printable characters as digits.
  static std::string Code(size_t signal) {
    constexpr size_t kFirst = '!', kDigits = '~' - '!' + 1;
    std::string code;
    for (; code.empty() || signal > 0; signal /= kDigits) {
      code += static_cast<char>(kFirst + signal % kDigits);
    }
    return code;
  }

  int64_t from_;
  int64_t end_;
  size_t max_bytes_;
  int64_t start_ = 0;  // edges of earlier mvms
  int64_t step_ = 0;
  std::string text_;
  size_t marked_ = 0;            // size of the text if the mvm ends here
  std::vector<int64_t> values_;  // of all signals at the previous edge of this mvm
  size_t signal_ = 0;
  bool declaring_ = false;
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_VCD_H_
