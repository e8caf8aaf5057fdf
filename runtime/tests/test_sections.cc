#include <string>
#include <utility>
#include <vector>

#include "image/image.h"
#include "image/sections.h"
#include "tests/byte_writer.h"
#include "tests/check.h"
#include "tests/example_image.h"

namespace {

using namespace eie;  // NOLINT: a test names little else

using SectionList = std::vector<std::pair<std::string, Bytes>>;

size_t Programs(const SectionList& sections) {
  const Bytes image = ImageOf(sections);
  return ReadImage(image.data(), image.size()).size();
}

const SectionList kSections = ExampleSections(true, true);

void SectionsComeInAnyOrder() {
  CHECK_EQ(Programs(kSections), 1U);
  CHECK_EQ(Programs(SectionList(kSections.rbegin(), kSections.rend())), 1U);
}

void EachIsThereOnceButPrograms() {
  for (size_t n = 0; n < kSections.size(); ++n) {
    SectionList sections = kSections;
    const std::string tag = sections[n].first;
    sections.erase(sections.begin() + static_cast<ptrdiff_t>(n));
    CHECK_THROWS(ImageError, "section " + tag + " is missing", Programs(sections));
    sections = kSections;
    sections.push_back(sections[n]);
    const std::string message =
        tag == kProgramTag ? "several programs are called" : "section " + tag + " is there more";
    CHECK_THROWS(ImageError, message, Programs(sections));
  }
}

void UnknownOnesAreRefusedUnlessOptional() {
  SectionList sections = kSections;
  sections.emplace_back("nEWS", Bytes{1, 2, 3});
  CHECK_EQ(Programs(sections), 1U);
  sections.emplace_back("nEWS", Bytes{});
  CHECK_EQ(Programs(sections), 1U);
  sections.back().first = "NEWS";
  CHECK_THROWS(ImageError, "section NEWS is unknown; use the release", Programs(sections));
  for (const char* tag : {"NEW1", "new ", "@EWS", "[EWS", "`EWS", "{EWS"}) {
    sections.back().first = tag;
    CHECK_THROWS(ImageError, "not four letters", Programs(sections));
  }
}

void EachHasAChecksum() {
  Bytes image = ImageOf(kSections);
  image[kHeaderBytes + kSectionBytes] ^= 1;
  PutChecksum(&image, kChecksumAt, kHeaderBytes, image.size());
  CHECK_THROWS(ImageError, "section CONF: checksum mismatch",
               ReadImage(image.data(), image.size()));
}

void LengthsAreWithinTheImage() {
  for (const size_t byte : {4, 7, 11}) {
    Bytes image = ImageOf(kSections);
    image[kHeaderBytes + byte] += 0x80;
    PutChecksum(&image, kChecksumAt, kHeaderBytes, image.size());
    CHECK_THROWS(ImageError, byte == 4 ? "checksum mismatch" : "truncated",
                 ReadImage(image.data(), image.size()));
  }
}

}  // namespace

int main() {
  SectionsComeInAnyOrder();
  EachIsThereOnceButPrograms();
  UnknownOnesAreRefusedUnlessOptional();
  EachHasAChecksum();
  LengthsAreWithinTheImage();
}
