// A fuzz target without libFuzzer, for any compiler: `replay_TARGET MUTATIONS FOLDER` hands it the
// files of a folder, and mutations of them that are the same every time. If one ends the program,
// it is the file `last` in the working folder.

#include <algorithm>
#include <cstdint>
#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <iostream>
#include <iterator>
#include <map>
#include <random>
#include <string>

#include "tests/byte_writer.h"

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size);
/// Some targets have one.
extern "C" __attribute__((weak)) size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size,
                                                                size_t max_size, unsigned int seed);
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using eie::Bytes;

constexpr size_t kMaxSize = 4096;
constexpr size_t kMostMutations = 4;  ///< of one input

std::minstd_rand random_number;

size_t Below(size_t limit) { return random_number() % limit; }

void Test(const Bytes& input) {
  std::ofstream file("last", std::ios::binary);
  file.write(reinterpret_cast<const char*>(input.data()),
             static_cast<std::streamsize>(input.size()));
  if (!file.flush()) {
    std::cerr << "cannot write `last` in the working folder" << std::endl;
    std::exit(1);
  }
  // A copy of the exact size, so that reading past its end is noticed.
  const Bytes exact(input.begin(), input.end());
  LLVMFuzzerTestOneInput(exact.data(), exact.size());
}

Bytes Mutated(Bytes input) {
  for (size_t n = 1 + Below(kMostMutations); n > 0; --n) {
    const size_t size = input.size();
    input.resize(kMaxSize);
    const auto seed = static_cast<unsigned int>(random_number());
    input.resize(LLVMFuzzerCustomMutator != nullptr
                     ? LLVMFuzzerCustomMutator(input.data(), size, kMaxSize, seed)
                     : LLVMFuzzerMutate(input.data(), size, kMaxSize));
  }
  return input;
}

}  // namespace

/// In the place of libFuzzer's: changes, inserts or erases a byte.
extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size) {
  if (size == 0) return 0;
  const size_t at = Below(size);
  switch (Below(4)) {
    case 0:
      data[at] ^= 1 << Below(8);
      return size;
    case 1:
      data[at] = static_cast<uint8_t>(Below(256));
      return size;
    case 2:
      if (size == max_size) return size;
      std::copy_backward(data + at, data + size, data + size + 1);
      return size + 1;
    default:
      std::copy(data + at + 1, data + size, data + at);
      return size - 1;
  }
}

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: " << argv[0] << " MUTATIONS FOLDER" << std::endl;
    return 1;
  }
  std::map<std::string, Bytes> seeds;  // sorted: a folder has no order
  for (const auto& entry : std::filesystem::directory_iterator(argv[2])) {
    std::ifstream file(entry.path(), std::ios::binary);
    seeds[entry.path().filename()] = Bytes(std::istreambuf_iterator<char>(file), {});
  }
  if (seeds.empty()) {
    std::cerr << argv[2] << ": no files" << std::endl;
    return 1;
  }
  for (const auto& [name, seed] : seeds) Test(seed);
  for (int64_t n = std::atoll(argv[1]); n > 0; --n) {
    Test(Mutated(std::next(seeds.begin(), static_cast<int64_t>(Below(seeds.size())))->second));
  }
  std::cout << seeds.size() << " files, " << argv[1] << " mutations" << std::endl;
  return 0;
}
