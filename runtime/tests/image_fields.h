#ifndef EIE_TESTS_IMAGE_FIELDS_H_
#define EIE_TESTS_IMAGE_FIELDS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <utility>
#include <vector>

#include "image/byte_reader.h"
#include "tests/byte_writer.h"
#include "tests/example_image.h"

namespace eie {

/// Where the fields of an image are (layout: eie_backend/isa/image.py), as far as its bytes go.
struct ImageFields {
  struct Span {
    size_t at, size;
  };
  /// An item of a table, whose count is the u32 at `count_at`.
  struct Item {
    Span span;
    size_t count_at;
  };
  std::vector<Span> numbers;  ///< sizes, counts, lengths, pointers, codebook words and operands
  std::vector<Span> blocks;   ///< texts, entries, biases and instructions
  std::vector<Item> items;
};

/// Finds the fields of an image that may be wrong anywhere; what is not reached has none.
class FieldFinder {
 public:
  explicit FieldFinder(const Bytes& image) : image_(image) {}

  ImageFields Find() {
    try {
      Walk();
    } catch (const ImageError&) {  // ends early
    }
    return std::move(fields_);
  }

 private:
  size_t Take(size_t size) {
    if (size > image_.size() - at_) throw ImageError("");
    at_ += size;
    return at_ - size;
  }

  uint32_t Number(size_t size = 4) {
    const size_t at = Take(size);
    fields_.numbers.push_back({at, size});
    uint32_t value = 0;
    for (size_t i = 0; i < size; ++i) value |= static_cast<uint32_t>(image_[at + i]) << 8 * i;
    return value;
  }

  void Block(size_t size) { fields_.blocks.push_back({Take(size), size}); }

  template <typename Item>
  void Table(Item item) {
    const size_t count_at = at_;
    for (uint32_t n = Number(); n > 0; --n) {
      const size_t begin = at_;
      item();
      fields_.items.push_back({{begin, at_ - begin}, count_at});
    }
  }

  void Walk() {
    Take(std::min(kHeaderBytes, image_.size()));
    std::vector<uint32_t> config;
    Table([&] { config.push_back(Number()); });
    for (int i = 0; i < 4; ++i) Number();
    const auto text = [this] { Block(Number()); };
    text();
    text();
    Table(text);
    Table([&] { Matrix(config); });
    Table([&] { Table([this] { Number(); }); });
    for (int part = 0; part < 2; ++part) Table([this] { Instruction(); });
  }

  void Matrix(const std::vector<uint32_t>& config) {
    constexpr size_t kNumPe = 0, kCodebookBits = 8;
    Number();
    const uint64_t cols = Number();
    const uint64_t has_bias = Number();
    const uint32_t pointer_bytes = Number();
    if (config.size() <= kCodebookBits || config[kCodebookBits] > 8 ||
        (pointer_bytes != 2 && pointer_bytes != 4)) {
      throw ImageError("");
    }
    for (uint32_t n = 1U << config[kCodebookBits]; n > 0; --n) Number();
    for (uint64_t n = config[kNumPe] * (cols + has_bias + 1); n > 0; --n) Number(pointer_bytes);
    Block(Number());
  }

  void Instruction() {
    Number(1);  // opcode
    Number(2);  // layer
    Block(kInstructionBytes - 3);
  }

  const Bytes& image_;
  size_t at_ = 0;
  ImageFields fields_;
};

}  // namespace eie

#endif  // EIE_TESTS_IMAGE_FIELDS_H_
