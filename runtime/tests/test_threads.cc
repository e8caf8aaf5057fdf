#include <array>
#include <thread>
#include <vector>

#include "check.h"
#include "eie/image.h"
#include "eie/machine.h"
#include "example_image.h"

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

Program Read(const Bytes& image) { return ReadImage(image.data(), image.size()); }

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

}  // namespace

int main() {
  ThreadsAgree(true);
  ThreadsAgree(false);
}
