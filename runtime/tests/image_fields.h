#ifndef EIE_TESTS_IMAGE_FIELDS_H_
#define EIE_TESTS_IMAGE_FIELDS_H_

#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "image/byte_reader.h"
#include "tests/byte_writer.h"
#include "tests/example_image.h"

namespace eie {

/// Where the fields of an image are (layout: docs/image.md), as far as its bytes go.
struct ImageFields {
  struct Span {
    size_t at, size;
  };
  /// An item of a table, a record or a section.
  struct Item {
    Span span;
    std::vector<Span> counts;   ///< the table's count, if it has one
    std::vector<Span> lengths;  ///< of the records and sections around it, in bytes
  };
  std::vector<Span> numbers;  ///< sizes, counts, lengths, pointers, table words and operands
  std::vector<Span> blocks;   ///< tags, texts, entries, biases and instructions
  std::vector<Item> items;
};

/// Finds the fields of an image that may be wrong anywhere; what is not reached has none.
class FieldFinder {
 public:
  explicit FieldFinder(const Bytes& image) : image_(image), end_(image.size()) {}

  ImageFields Find() {
    try {
      Take(kHeaderBytes);
      if (NumberAt(image_, kVersionAt, 4) == 2) {
        WalkVersion2();
      } else {
        WalkSections();
      }
    } catch (const ImageError&) {  // ends early
    }
    return std::move(fields_);
  }

 private:
  using Span = ImageFields::Span;

  size_t Take(size_t size) {
    if (size > end_ - at_) throw ImageError("");
    at_ += size;
    return at_ - size;
  }

  uint64_t Number(int size = 4) {
    const size_t at = Take(size);
    fields_.numbers.push_back({at, static_cast<size_t>(size)});
    return NumberAt(image_, at, size);
  }

  void Block(size_t size) { fields_.blocks.push_back({Take(size), size}); }
  void Text() { Block(Number()); }

  /// Walks what the last number, of `size` bytes, is the length of; `skip` bytes lie between.
  template <typename Body>
  void Inside(uint64_t length, size_t size, size_t skip, Body body) {
    lengths_.push_back({at_ - size, size});
    Take(skip);
    const size_t outer = end_;
    end_ = at_ + std::min<uint64_t>(length, end_ - at_);
    body();
    at_ = end_;
    end_ = outer;
    lengths_.pop_back();
  }

  template <typename Body>
  void Item(const std::vector<Span>& counts, Body body) {
    const size_t begin = at_;
    body();
    fields_.items.push_back({{begin, at_ - begin}, counts, lengths_});
  }

  template <typename Body>
  void Table(Body body) {
    const Span count{at_, 4};
    for (uint64_t n = Number(); n > 0; --n) Item({count}, body);
  }

  void WalkSections() {
    while (at_ < end_) {
      Item({}, [this] {
        Block(4);
        const std::string tag(image_.begin() + static_cast<ptrdiff_t>(at_ - 4),
                              image_.begin() + static_cast<ptrdiff_t>(at_));
        const uint64_t length = Number(8);
        Inside(length, 8, 4, [&] {
          while (at_ < end_) Item({}, [&] { Record(tag); });
        });
      });
    }
  }

  void Record(const std::string& tag) {
    const uint64_t length = Number();
    Inside(length, 4, 0, [&] {
      std::vector<uint64_t> fields;
      Table([&] { fields.push_back(Number()); });
      if (tag == "CONF") config_ = fields;
      if (tag == "MATR" && fields.size() >= 4) Weights(fields);
      if (tag == "PROG") Program();
      if (tag == "SETS" || tag == "BIAS") {
        while (at_ < end_) Number();
      }
    });
  }

  void Program() {
    Text();
    Text();
    Table([this] { Text(); });
    for (int part = 0; part < 2; ++part) Table([this] { Number(); });
    for (int part = 0; part < 2; ++part) Table([this] { Instruction(); });
  }

  void WalkVersion2() {
    Table([this] { config_.push_back(Number()); });
    for (int i = 0; i < 4; ++i) Number();
    Text();
    Text();
    Table([this] { Text(); });
    Table([this] {
      std::vector<uint64_t> sizes;
      for (int i = 0; i < 4; ++i) sizes.push_back(Number());
      for (uint64_t n = uint64_t{1} << Config(kCodebookBits, 8); n > 0; --n) Number();
      Weights(sizes);
    });
    Table([this] { Table([this] { Number(); }); });
    for (int part = 0; part < 2; ++part) Table([this] { Instruction(); });
  }

  /// A size of the machine, at most `limit`.
  uint64_t Config(size_t field, uint64_t limit) const {
    if (config_.size() <= field || config_[field] > limit) throw ImageError("");
    return config_[field];
  }

  void Weights(const std::vector<uint64_t>& sizes) {
    const uint64_t pointer_bytes = sizes[3];
    if (pointer_bytes != 2 && pointer_bytes != 4) throw ImageError("");
    const uint64_t pointers = Config(kNumPe, 1 << 16) * (sizes[1] + sizes[2] + 1);
    for (uint64_t n = pointers; n > 0; --n) Number(static_cast<int>(pointer_bytes));
    Block(Number());
  }

  void Instruction() {
    Number(1);  // opcode
    Number(2);  // layer
    Block(kInstructionBytes - 3);
  }

  static constexpr size_t kNumPe = 0, kCodebookBits = 8;

  const Bytes& image_;
  size_t at_ = 0;
  size_t end_;
  std::vector<uint64_t> config_;
  std::vector<Span> lengths_;
  ImageFields fields_;
};

}  // namespace eie

#endif  // EIE_TESTS_IMAGE_FIELDS_H_
