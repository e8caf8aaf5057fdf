#include <array>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "engine/engine.h"
#include "host/share_work.h"
#include "image/image.h"
#include "machine/machine.h"
#include "machine/profile.h"
#include "tests/check.h"
#include "tests/example_image.h"

namespace {

using namespace eie;  // NOLINT: a test names little else

constexpr int kThreads = 8;
constexpr int kSamples = 50;

/// Outputs and counters of `kSamples` inputs, one after another.
struct Results {
  std::vector<float> outputs;
  std::vector<int64_t> counters;

  bool operator==(const Results& other) const {
    return outputs == other.outputs && counters == other.counters;
  }
};

Results RunSamples(const Program& program, int64_t threads_of_mvm = 1) {
  Results results;
  EngineOptions options;
  options.threads = threads_of_mvm;
  const auto machine = Machine::Create(program, options);
  for (int n = 0; n < kSamples; ++n) {
    const std::array<float, kExampleInputs> input = {0.1F * n, n % 2 == 0 ? 0.0F : -1.0F, 1.5F - n};
    std::array<float, kExampleOutputs> output{};
    const std::vector<Counters>& layers = machine->Run(input.data(), output.data());
    results.outputs.insert(results.outputs.end(), output.begin(), output.end());
    for (const Counters& layer : layers) {
      for (const int64_t value : layer.Values()) results.counters.push_back(value);
    }
  }
  return results;
}

Program Read(const Bytes& image) { return ReadImage(image.data(), image.size()).front(); }

template <typename Body>
std::vector<Results> OnThreads(Body body) {
  std::vector<Results> results(kThreads);
  std::vector<std::thread> threads;
  for (Results& result : results) threads.emplace_back([&result, body] { result = body(); });
  for (std::thread& thread : threads) thread.join();
  return results;
}

void ThreadsAgree(bool is_float) {
  const Bytes image = ExampleImage(is_float, is_float);
  const auto own_programs = OnThreads([&image] { return RunSamples(Read(image)); });
  const Program program = Read(image);
  const auto one_program = OnThreads([&program] { return RunSamples(program); });
  const Results expected = RunSamples(program);
  for (int i = 0; i < kThreads; ++i) {
    CHECK(own_programs[i] == expected);
    CHECK(one_program[i] == expected);
  }
  CHECK(RunSamples(program, 2) == expected);
  CHECK(RunSamples(program, 3) == expected);
}

/// The rows that a caller's own profiler has of `kSamples` inputs, shared among three threads.
std::vector<ProfileRow> ProfileSamples(const std::shared_ptr<const Program>& program, int calls) {
  Profiler profiler(true);
  EngineOptions options;
  options.account = true;
  std::vector<ProfileRow> no_rows;
  for (const std::string& layer : program->layers) no_rows.push_back({program->symbol, layer});
  for (int call = 0; call < calls; ++call) {
    std::vector<ProfileRow> rows = no_rows;
    std::mutex mutex;  // of `rows`
    ShareWork(kSamples, 3, [&](Pieces& samples) {
      const auto machine = Machine::Create(*program, options);
      std::vector<ProfileRow> own = no_rows;
      for (int64_t n = 0; samples.Take(&n);) {
        const std::array<float, kExampleInputs> input = {0.1F * n, n % 2 == 0 ? 0.0F : -1.0F, 1.5F};
        std::array<float, kExampleOutputs> output{};
        const std::vector<Counters>& layers = machine->Run(input.data(), output.data());
        for (size_t i = 0; i < own.size(); ++i) own[i].Add(layers[i]);
      }
      const std::lock_guard<std::mutex> lock(mutex);
      for (size_t i = 0; i < own.size(); ++i) rows[i].Merge(own[i]);
    });
    profiler.Record(program, rows);
  }
  return profiler.Rows();
}

/// Callers whose calls share samples among threads of their own do not see each other's counters.
void ProfilersAreApart() {
  const auto program = std::make_shared<const Program>(Read(ExampleImage(false, false)));
  std::array<std::vector<ProfileRow>, kThreads> found;
  std::vector<std::thread> threads;
  for (int i = 0; i < kThreads; ++i) {
    threads.emplace_back([&, i] { found[i] = ProfileSamples(program, i + 1); });
  }
  for (std::thread& thread : threads) thread.join();
  const std::vector<ProfileRow> once = ProfileSamples(program, 1);
  for (int i = 0; i < kThreads; ++i) {
    CHECK(found[i].size() == once.size());
    for (size_t row = 0; row < once.size(); ++row) {
      CHECK(found[i][row].samples == (i + 1) * once[row].samples);
      if (once[row].samples == 0) continue;  // the setup, which ran once
      CHECK(found[i][row].counters.cycles == (i + 1) * once[row].counters.cycles);
      CHECK(found[i][row].max_cycles == once[row].max_cycles);
    }
  }
}

}  // namespace

int main() {
  ProfilersAreApart();
  ThreadsAgree(true);
  ThreadsAgree(false);
}
