#include "soft_errors/soft_errors.h"

#include <tvm/ffi/container/array.h>
#include <tvm/ffi/container/map.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>

#include <algorithm>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "bridge/convert.h"
#include "bridge/thread_state.h"
#include "image/image.h"
#include "soft_errors/bit_rate.h"
#include "soft_errors/word_code.h"

namespace eie {
namespace {

Protection ToProtection(int64_t number) {
  RequireRange("protection", number, 0, kNumProtections - 1);
  return static_cast<Protection>(number);
}

/// Injects errors into the calls of this thread until StopSoftErrors. `images` replace the programs
/// of the same names. `rates` are flips per bit, by FlipUnit. `listed` holds unit, sample, step,
/// word and bit of each flip; `symbols` has the flip's program at the same index.
void StartSoftErrors(ffi::Array<ffi::Bytes> images, int64_t seed, int64_t protection,
                     ffi::Array<double> rates, ffi::Array<ffi::String> symbols,
                     ffi::Array<int64_t> listed) {
  Translate([&] {
    SoftErrors errors;
    errors.seed = static_cast<uint64_t>(seed);
    errors.protection = ToProtection(protection);
    RequireLength("rates", static_cast<int64_t>(rates.size()), kNumFlipUnits);
    for (uint32_t unit = 0; unit < kNumFlipUnits; ++unit) errors.rates[unit] = BitRate(rates[unit]);
    for (const ffi::Bytes& image : images) {
      const auto* const data = reinterpret_cast<const uint8_t*>(image.data());
      for (Program& program : ReadImage(data, image.size())) {
        const std::string symbol = program.symbol;
        errors.damaged[symbol] = std::make_shared<const Program>(std::move(program));
      }
    }
    constexpr int64_t kFields = 5;
    const auto flips = static_cast<int64_t>(symbols.size());
    RequireLength("listed", static_cast<int64_t>(listed.size()), kFields * flips);
    for (int64_t n = 0; n < flips; ++n) {
      const auto field = [&](const char* name, int64_t at, int64_t low, int64_t high) {
        const int64_t value = listed[kFields * n + at];
        RequireRange(name, value, low, high);
        return value;
      };
      constexpr int64_t kMost = INT32_MAX;
      errors.listed.push_back({static_cast<FlipUnit>(field("unit", 0, 0, kNumFlipUnits - 1)),
                               symbols[n], field("sample", 1, -1, INT64_MAX),
                               field("step", 2, 0, kMost), field("word", 3, 0, kMost),
                               field("bit", 4, 0, kMost)});
    }
    StateOfThisThread().soft_errors.push_back(std::move(errors));
  });
}

/// Ends the injection; returns each sample's corrected, detected and unnoticed words, int64.
ffi::Map<ffi::String, ffi::Bytes> StopSoftErrors() {
  const SoftErrors errors = EndInnermost(&StateOfThisThread().soft_errors, "soft errors were");
  ffi::Map<ffi::String, ffi::Bytes> all;
  for (const auto& [symbol, tallies] : errors.tallies) {
    std::vector<int64_t> words;
    for (const FlipTally& t : tallies) {
      words.insert(words.end(), {t.corrected, t.detected, t.unnoticed});
    }
    all.Set(symbol, ToBytes(words));
  }
  return all;
}

/// Flips bits in a memory of `words` words: at random with `rate` per bit, and the `listed` ones.
ffi::Map<ffi::String, ffi::Any> StrikeMemory(int64_t words, int64_t data_bits, int64_t protection,
                                             double rate, ffi::Array<int64_t> keys,
                                             ffi::Array<int64_t> listed) {
  return Translate([&]() -> ffi::Map<ffi::String, ffi::Any> {
    RequireRange("words", words, 0, int64_t{1} << 40);
    RequireRange("data_bits", data_bits, 1, 1 << 12);
    RequireLength("keys", static_cast<int64_t>(keys.size()), 4);
    const WordCode code(data_bits, ToProtection(protection));
    const int64_t bits = words * code.stored_bits();
    const auto key = [&](int64_t n) { return static_cast<uint64_t>(keys[n]); };
    std::vector<int64_t> flips;
    BitRate(rate).Draw(bits, RandomStream{key(0), key(1), key(2), key(3)}, &flips);
    for (const int64_t flip : listed) {
      RequireRange("listed bit", flip, 0, bits - 1);
      flips.push_back(flip);
    }
    std::sort(flips.begin(), flips.end());
    FlipTally tally;
    const std::vector<int64_t> wrong = CheckWords(code, flips, &tally);
    return {{"flips", static_cast<int64_t>(flips.size())},
            {"wrong", ToBytes(wrong)},
            {"corrected", tally.corrected},
            {"detected", tally.detected},
            {"unnoticed", tally.unnoticed}};
  });
}

/// Returns the number of check bits of a word.
int64_t CheckBits(int64_t data_bits, int64_t protection) {
  return Translate([&] {
    RequireRange("data_bits", data_bits, 1, 1 << 12);
    return WordCode(data_bits, ToProtection(protection)).check_bits();
  });
}

TVM_FFI_STATIC_INIT_BLOCK() {
  tvm::ffi::reflection::GlobalDef()
      .def("eie.soft_errors_start", StartSoftErrors)
      .def("eie.soft_errors_stop", StopSoftErrors)
      .def("eie.strike_memory", StrikeMemory)
      .def("eie.check_bits", CheckBits);
}

}  // namespace
}  // namespace eie
