#include <array>
#include <cstdint>
#include <string>
#include <thread>
#include <vector>

#include "image/image.h"
#include "machine/machine.h"
#include "soft_errors/bit_rate.h"
#include "soft_errors/soft_errors.h"
#include "soft_errors/word_code.h"
#include "tests/check.h"
#include "tests/example_image.h"

namespace {

using namespace eie;  // NOLINT: a test names little else

constexpr int kSamples = 200;

Program Read(bool is_float) {
  const Bytes image = ExampleImage(is_float, true);
  return ReadImage(image.data(), image.size()).front();
}

/// Outputs of inputs that `errors` strikes; `threads` share the samples.
std::vector<float> Run(const Program& program, const SoftErrors& errors, Engine engine,
                       int threads = 1) {
  const ProgramFlips flips(errors, program);
  std::vector<float> outputs(kSamples * kExampleOutputs);
  std::vector<std::thread> workers;
  for (int first = 0; first < threads; ++first) {
    workers.emplace_back([&, first] {
      EngineOptions options;
      options.engine = engine;
      const auto machine = Machine::Create(program, options);
      for (int n = first; n < kSamples; n += threads) {
        const std::array<float, kExampleInputs> input = {0.1F * n, n % 2 == 0 ? 0.0F : -1.0F, 1.5F};
        SampleFlips sample{flips, n};
        machine->Run(input.data(), &outputs[n * kExampleOutputs], &sample);
      }
    });
  }
  for (std::thread& worker : workers) worker.join();
  return outputs;
}

/// Words as bytes: what is compared may be no number.
bool SameBits(const std::vector<float>& a, const std::vector<float>& b) {
  for (size_t i = 0; i < a.size(); ++i) {
    if (a[i] != b[i] && (a[i] == a[i] || b[i] == b[i])) return false;
  }
  return a.size() == b.size();
}

void AnyRateRunsOnAllEnginesAndThreads(bool is_float) {
  const Program program = Read(is_float);
  for (const double rate : {0.0, 1e-4, 0.01, 0.3, 1.0}) {
    for (const Protection protection :
         {Protection::kNone, Protection::kParity, Protection::kSecded}) {
      SoftErrors errors;
      errors.seed = 5;
      errors.protection = protection;
      errors.rates = {BitRate(rate), BitRate(rate)};
      const std::vector<float> expected = Run(program, errors, Engine::kEvent);
      for (const Engine engine : {Engine::kFunctional, Engine::kEvent, Engine::kClock}) {
        CHECK(SameBits(Run(program, errors, engine), expected));
      }
      CHECK(SameBits(Run(program, errors, Engine::kEvent, 4), expected));
    }
  }
}

/// Extreme places: bits of the sign, columns far out of the matrix, words that no step has.
void ListedFlipsReachNothingElse(bool is_float) {
  const Program program = Read(is_float);
  const std::vector<float> before = Run(program, SoftErrors(), Engine::kEvent);
  SoftErrors errors;
  for (const FlipUnit unit : {FlipUnit::kActQueue, FlipUnit::kAct}) {
    for (const int64_t far : {int64_t{1000}, int64_t{INT32_MAX}}) {
      errors.listed.push_back({unit, "f", -1, 2, far, 0});
      errors.listed.push_back({unit, "f", -1, 2, 0, far});
      errors.listed.push_back({unit, "f", -1, far, 0, 0});
      errors.listed.push_back({unit, "f", INT64_MAX, 2, 0, 0});
      errors.listed.push_back({unit, "g", -1, 2, 0, 0});
    }
  }
  CHECK(SameBits(Run(program, errors, Engine::kEvent), before));
  errors.listed.clear();
  const int64_t bits = ValueBits(program.arithmetic) + ColumnBits(program.config);
  for (int64_t word = 0; word < 6; ++word) {
    for (int64_t bit = 0; bit < bits; ++bit) {
      errors.listed = {{FlipUnit::kActQueue, "f", -1, 2, word, bit},
                       {FlipUnit::kAct, "f", -1, 5, word % 4, bit % ValueBits(program.arithmetic)}};
      Run(program, errors, Engine::kEvent);
    }
  }
}

void AWordIsCheckedAsItsCodeSays() {
  const WordCode secded(16, Protection::kSecded);
  CHECK_EQ(secded.stored_bits(), 22);
  for (int64_t bit = 0; bit < secded.stored_bits(); ++bit) {
    std::vector<int64_t> flips = {bit};
    CHECK(secded.Decode(&flips) == Verdict::kCorrected);
    CHECK(flips.empty());
    for (int64_t other = bit + 1; other < secded.stored_bits(); ++other) {
      flips = {bit, other};
      CHECK(secded.Decode(&flips) == Verdict::kDetected);
    }
  }
  // Every number of flips, up to all: some verdict, and no bit that the word does not have.
  std::vector<int64_t> all;
  for (int64_t bit = 0; bit < secded.stored_bits(); ++bit) {
    all.push_back(bit);
    std::vector<int64_t> flips = all;
    secded.Decode(&flips);
    for (const int64_t wrong : flips) CHECK(wrong >= 0 && wrong < 16);
  }
  FlipTally tally;
  CHECK(CheckWords(secded, {3, 3, 22, 44, 45}, &tally).empty());  // twice; one; two flips
  CHECK_EQ(tally.corrected, 1);
  CHECK_EQ(tally.detected, 1);
  CHECK_EQ(tally.unnoticed, 0);
}

void RatesAreProbabilities() {
  for (const double rate : {-1.0, 1.1, 1e-13, 0.0 / 0.0}) {
    CHECK_THROWS(std::invalid_argument, "flip rate", BitRate(rate));
  }
  std::vector<int64_t> flips;
  BitRate(1.0).Draw(5, RandomStream{1}, &flips);
  CHECK_EQ(flips.size(), size_t{5});
  BitRate(0.0).Draw(5, RandomStream{1}, &flips);
  BitRate(1e-12).Draw(5, RandomStream{1}, &flips);
  CHECK_EQ(flips.size(), size_t{5});
}

}  // namespace

int main() {
  for (const bool is_float : {false, true}) {
    AnyRateRunsOnAllEnginesAndThreads(is_float);
    ListedFlipsReachNothingElse(is_float);
  }
  AWordIsCheckedAsItsCodeSays();
  RatesAreProbabilities();
}
