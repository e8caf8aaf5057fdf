#include <vector>

#include "generated/timing.h"
#include "image/image.h"
#include "machine/machine.h"
#include "tests/byte_writer.h"
#include "tests/check.h"
#include "tests/example_image.h"
#include "tests/run_small.h"

namespace {

using namespace eie;  // NOLINT: a test names little else

const std::vector<float> kInput = {1.5F, 0, 0.3F};

std::vector<Program> ReadAll(const Bytes& image) { return ReadImage(image.data(), image.size()); }
Program Read(const Bytes& image) { return ReadAll(image).front(); }

std::vector<float> Run(const Program& program) {
  std::vector<float> output(program.outputs);
  Machine::Create(program)->Run(kInput.data(), output.data());
  return output;
}

template <typename MakeImage>
void TheOutputsAreKnown(MakeImage make_image) {
  const auto run = [&](bool is_float) { return Run(Read(make_image(is_float))); };
  // h = (2.6, 0.3, 0, 0.5), of which ReLU made -0.3 the 0
  CHECK(run(true) == std::vector<float>({2.0F + 2 * 0.3F + 1.0F - 1.0F, 0.3F + 1.0F}));
  // 0.3 is rounded to 77 / 256
  CHECK(run(false) == std::vector<float>({(512 + 2 * 77) / 256.0F, (77 + 256) / 256.0F}));
}

void TheCyclesAreKnown(const Bytes& image) {
  const Program program = Read(image);
  std::vector<float> output(program.outputs);
  const auto machine = Machine::Create(program);
  const std::vector<Counters>& layers = machine->Run(kInput.data(), output.data());

  // Column 0 is broadcast at edge 2. Row 1 enters at edge 3, so column 2 is broadcast at edge 4 and
  // popped at edge 5. PE 0 issues its two entries at edges 5 and 6.
  CHECK_EQ(layers[0].cycles, 6 + kPipelineEdges);
  CHECK_EQ(layers[0].broadcasts, 2);
  CHECK_EQ(layers[0].ptr_reads, 2 * 2);
  CHECK_EQ(layers[0].spmat_reads, 2);
  CHECK_EQ(layers[0].entries, 2 + 3);
  CHECK_EQ(layers[0].padding_entries, 0);
  CHECK_EQ(layers[0].act_reads, 3);
  CHECK_EQ(layers[0].act_writes, 3 + 4);
  CHECK_EQ(layers[0].load_bytes, 3 * 2 + 4 * 4);
  CHECK_EQ(layers[0].load_cycles, 1 + 2);

  // Columns 0 and 1 are broadcast at edges 2 and 3, column 3 at 4, the bias at 5 and issued at 6.
  CHECK_EQ(layers[1].cycles, 6 + kPipelineEdges);
  CHECK_EQ(layers[1].broadcasts, 4);
  CHECK_EQ(layers[1].ptr_reads, 4 * 2);
  CHECK_EQ(layers[1].spmat_reads, 2);
  CHECK_EQ(layers[1].entries, 5);
  CHECK_EQ(layers[1].act_reads, 4 + 2);
  CHECK_EQ(layers[1].act_writes, 2);
  CHECK_EQ(layers[1].load_bytes, 2 * 2);

  // Entries, 16-bit pointers and a codebook of four 16-bit weights.
  CHECK_EQ(SetupCounters(program).load_bytes, (7 + 2 * 4 * 2 + 8) + (5 + 2 * 6 * 2 + 8));
}

void ProgramsShareWhatTheyHaveInCommon() {
  const std::vector<Program> programs = ReadAll(ExampleImage(true, true, 2));
  CHECK_EQ(programs.size(), 2U);
  CHECK_EQ(programs[0].symbol, "f");
  CHECK_EQ(programs[1].symbol, "g");
  CHECK(programs[0].matrices == programs[1].matrices);  // the same in memory
  CHECK(programs[0].biases == programs[1].biases);
  CHECK(programs[0].matrices[0]->table_set == programs[1].matrices[1]->table_set);
  CHECK(Run(programs[0]) == Run(programs[1]));
}

void ProgramsHaveDifferentSymbols() {
  auto sections = ExampleSections(true, true);
  sections.push_back(sections.back());
  CHECK_THROWS(ImageError, "several programs are called f", ReadAll(ImageOf(sections)));
}

void AMatrixIsInTheNumbersOfItsProgram() {
  auto sections = ExampleSections(true, true);
  sections[3] = ExampleSections(false, true)[3];
  CHECK_THROWS(ImageError, "bias 0 is not in the numbers", ReadAll(ImageOf(sections)));
  sections[1] = ExampleSections(false, true)[1];
  CHECK_THROWS(ImageError, "matrix 0 is not in the numbers", ReadAll(ImageOf(sections)));
}

void TheHeaderIsChecked() {
  Bytes image = ExampleImage(true, true);
  image[0] = 'X';
  CHECK_THROWS(ImageError, "does not start with EIEIMAGE", Read(image));
  for (const uint8_t version : {1, 4}) {
    image = ExampleImage(true, true);
    image[kVersionAt] = version;
    CHECK_THROWS(ImageError, "this runtime reads 2 to 3", Read(image));
  }
  image = ExampleImage(true, true);
  image.push_back(0);
  CHECK_THROWS(ImageError, "checksum mismatch", Read(image));
  image = ExampleImageOfVersion2(true, true);
  image.push_back(0);
  FixChecksums(&image);
  CHECK_THROWS(ImageError, "1 bytes follow the last instruction", Read(image));
}

void EveryTruncationIsRefused(const Bytes& whole) {
  for (size_t size = 0; size < whole.size(); ++size) {
    Bytes image(whole.begin(), whole.begin() + size);
    CHECK_THROWS(ImageError, "image: ", Read(image));
    FixChecksums(&image);
    CHECK_THROWS(ImageError, "image: ", Read(image));
  }
}

/// Without a fixed checksum it is refused; with one it is refused or runs.
void EveryChangeOfOneByteIsHarmless(Bytes image) {
  for (size_t at = 0; at < image.size(); ++at) {
    const Bytes original = image;
    for (int change = 1; change < 256; ++change) {
      image[at] = static_cast<uint8_t>(original[at] ^ change);
      CHECK_THROWS(ImageError, "image: ", Read(image));
      if (at < kHeaderBytes) continue;
      FixChecksums(&image);
      try {
        for (const Program& program : ReadAll(image)) RunIfSmall(program);
      } catch (const ImageError&) {
      }
      image = original;
    }
    image = original;
  }
}

}  // namespace

int main() {
  for (const bool flag : {false, true}) {
    TheOutputsAreKnown([flag](bool is_float) { return ExampleImage(is_float, flag); });
    TheOutputsAreKnown([flag](bool is_float) { return ExampleImageOfVersion2(is_float, flag); });
    TheCyclesAreKnown(ExampleImage(flag, true));
    TheCyclesAreKnown(ExampleImageOfVersion2(flag, true));
  }
  ProgramsShareWhatTheyHaveInCommon();
  ProgramsHaveDifferentSymbols();
  AMatrixIsInTheNumbersOfItsProgram();
  TheHeaderIsChecked();
  EveryTruncationIsRefused(ExampleImage(true, true));
  EveryTruncationIsRefused(ExampleImageOfVersion2(true, true));
  EveryChangeOfOneByteIsHarmless(ExampleImage(true, true, 2));
  EveryChangeOfOneByteIsHarmless(ExampleImage(false, false));
  EveryChangeOfOneByteIsHarmless(ExampleImageOfVersion2(true, true));
}
