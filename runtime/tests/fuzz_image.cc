// Any bytes are refused with an ImageError, or are programs that run; reading takes little
// memory.
//
// Half of the mutations know the image's fields: they put a number that is hard to get right in the
// place of a number, change a block within its bounds, and drop or repeat an item of a table with
// its count and the lengths around it. The checksums always fit, otherwise no mutation would get
// past them.

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <random>
#include <vector>

#include "image/byte_reader.h"
#include "image/image.h"
#include "tests/byte_writer.h"
#include "tests/example_image.h"
#include "tests/image_fields.h"
#include "tests/peak_memory.h"
#include "tests/run_small.h"

extern "C" size_t LLVMFuzzerMutate(uint8_t* data, size_t size, size_t max_size);

namespace {

using eie::Bytes;
using eie::ImageFields;

/// What `ReadImage` promises: bytes of memory for each of the image, and beside these.
constexpr size_t kMemoryMultiple = 32;
constexpr size_t kMemoryBase = 4096;

/// Prints the largest multiple at the end, for benchmarks/fuzz.py.
struct Largest {
  double multiple = 0;
  ~Largest() { std::printf("largest memory multiple: %.2f\n", multiple); }
} largest;

using Random = std::minstd_rand;

size_t Below(Random& random, size_t limit) { return random() % limit; }

void Put(Bytes* image, ImageFields::Span span, uint64_t value) {
  for (size_t i = 0; i < span.size; ++i) {
    (*image)[span.at + i] = static_cast<uint8_t>(value >> 8 * i);
  }
}

uint64_t Get(const Bytes& image, ImageFields::Span span) {
  return eie::NumberAt(image, span.at, static_cast<int>(span.size));
}

void Add(Bytes* image, const std::vector<ImageFields::Span>& numbers, size_t amount) {
  for (const ImageFields::Span& number : numbers) {
    Put(image, number, Get(*image, number) + amount);
  }
}

/// A neighbour of the value, or one at which sizes overflow.
uint64_t HardNumber(Random& random, uint64_t value) {
  const uint64_t power = uint64_t{1} << Below(random, 64);
  const uint64_t numbers[] = {
      value + 1ULL, value - 1ULL, 2ULL * value, power - 1, power, power + 1, 0};
  return numbers[Below(random, std::size(numbers))];
}

void DropOrRepeat(Random& random, const ImageFields::Item& item, Bytes* image) {
  const auto begin = image->begin() + static_cast<ptrdiff_t>(item.span.at);
  const auto end = begin + static_cast<ptrdiff_t>(item.span.size);
  const bool drops = Below(random, 2) == 0;
  if (drops) {
    image->erase(begin, end);
  } else {
    const Bytes copy(begin, end);
    image->insert(end, copy.begin(), copy.end());
  }
  Add(image, item.counts, drops ? -size_t{1} : 1);
  Add(image, item.lengths, drops ? -item.span.size : item.span.size);
}

void MutateField(Random& random, Bytes* image) {
  const ImageFields fields = eie::FieldFinder(*image).Find();
  switch (Below(random, 3)) {
    case 0:
      if (!fields.numbers.empty()) {
        const ImageFields::Span at = fields.numbers[Below(random, fields.numbers.size())];
        Put(image, at, HardNumber(random, Get(*image, at)));
      }
      return;
    case 1:
      if (!fields.blocks.empty()) {
        const ImageFields::Span at = fields.blocks[Below(random, fields.blocks.size())];
        if (at.size > 0) LLVMFuzzerMutate(image->data() + at.at, at.size, at.size);
      }
      return;
    default:
      if (!fields.items.empty()) {
        DropOrRepeat(random, fields.items[Below(random, fields.items.size())], image);
      }
  }
}

}  // namespace

extern "C" size_t LLVMFuzzerCustomMutator(uint8_t* data, size_t size, size_t max_size,
                                          unsigned int seed) {
  Random random(seed);
  Bytes image(data, data + size);
  if (Below(random, 2) == 0) {
    image.resize(max_size);
    image.resize(LLVMFuzzerMutate(image.data(), size, max_size));
  } else {
    for (size_t n = 1 + Below(random, 3); n > 0; --n) MutateField(random, &image);
  }
  image.resize(std::min(image.size(), max_size));
  eie::FixChecksums(&image);
  std::copy(image.begin(), image.end(), data);
  return image.size();
}

extern "C" int LLVMFuzzerTestOneInput(const uint8_t* data, size_t size) {
  Bytes image(data, data + size);
  eie::FixChecksums(&image);
  std::vector<eie::Program> programs;
  eie::PeakMemory::Start();
  try {
    programs = eie::ReadImage(image.data(), image.size());
  } catch (const eie::ImageError&) {
  }
  const size_t peak = eie::PeakMemory::Bytes();
  if (peak > kMemoryBase + kMemoryMultiple * size) {
    std::fprintf(stderr, "%zu bytes of memory for an image of %zu\n", peak, size);
    std::abort();
  }
  if (!programs.empty()) {
    largest.multiple =
        std::max(largest.multiple, static_cast<double>(peak) / static_cast<double>(size));
    for (const eie::Program& program : programs) eie::RunIfSmall(program);
  }
  return 0;
}
