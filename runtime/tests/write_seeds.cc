// write_seeds TARGET FOLDER: writes the inputs from which a fuzz target starts.

#include <cstdlib>
#include <fstream>
#include <iostream>
#include <string>

#include "tests/byte_writer.h"
#include "tests/example_image.h"

namespace {

using eie::Bytes;

void Write(const std::string& path, const Bytes& bytes) {
  std::ofstream file(path, std::ios::binary);
  file.write(reinterpret_cast<const char*>(bytes.data()),
             static_cast<std::streamsize>(bytes.size()));
  if (!file.flush()) {
    std::cerr << "cannot write " << path << std::endl;
    std::exit(1);
  }
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::cerr << "usage: write_seeds fuzz_huffman|fuzz_image|fuzz_instruction FOLDER" << std::endl;
    return 1;
  }
  const std::string folder = std::string(argv[2]) + "/";
  if (argv[1] == std::string("fuzz_huffman")) {
    // Symbols, count, lengths, stream.
    Write(folder + "abcd", {4, 5, 0, 1, 2, 3, 3, 0b01011011, 0b10000000});
    Write(folder + "single", {1, 8, 0, 1, 0});
    return 0;
  }
  for (const bool is_float : {false, true}) {
    const std::string name = is_float ? "float32" : "int16";
    const Bytes streamed = eie::ExampleImage(is_float, false);
    if (argv[1] == std::string("fuzz_image")) {
      Write(folder + name + "_streamed", streamed);
      Write(folder + name + "_resident", eie::ExampleImage(is_float, true));
      Write(folder + name + "_two_programs", eie::ExampleImage(is_float, true, 2));
      Write(folder + name + "_version_2", eie::ExampleImageOfVersion2(is_float, false));
    } else {
      // The ten steps are the end of the image.
      Bytes steps(streamed.end() - 10 * 16, streamed.end());
      steps.insert(steps.begin(), is_float ? 1 : 0);
      Write(folder + name, steps);
    }
  }
}
