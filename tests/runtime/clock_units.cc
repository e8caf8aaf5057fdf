// Limits of the clock engine that no valid layer reaches. The argument is a file with the record of
// a matrix for one PE; prints the message of each fault.
#include <cstdint>
#include <exception>
#include <fstream>
#include <iostream>
#include <iterator>
#include <string>
#include <vector>

#include "clock/act_queue.h"
#include "clock/simulation.h"
#include "image/byte_reader.h"
#include "image/encoded_matrix.h"
#include "image/records.h"
#include "values/arithmetic.h"

namespace {

template <typename Body>
void PrintFault(Body body) {
  try {
    body();
    std::cout << "no fault\n";
  } catch (const std::exception& error) {
    std::cout << error.what() << "\n";
  }
}

void Stick(const std::string& path) {
  eie::HardwareConfig config{};
  config.num_pe = 1;
  config.fifo_depth = 1;  // full when empty
  config.spmat_width_bits = 64;
  config.codebook_bits = 4;
  config.accumulator_bits = 16;
  std::ifstream file(path, std::ios::binary);
  const std::vector<uint8_t> record{std::istreambuf_iterator<char>(file), {}};
  eie::ByteReader reader("matrix", record.data(), record.size());
  eie::ByteReader one = eie::ReadRecord(reader);
  const eie::EncodedMatrix matrix = eie::ReadMatrixAlone(one, config);
  const std::vector<uint32_t> codebook(16);
  const eie::Float32 arithmetic(config);
  const float x = 1;
  float acc = 0;
  eie::Counters counters;
  eie::clock::Simulation<eie::Float32>(
      {matrix, config, arithmetic, codebook.data(), 0, 1, &x, &acc}, 0)
      .Run(&counters, nullptr);
}

}  // namespace

int main(int, char** arguments) {
  eie::clock::ActQueue<float> queue(2, 100);
  for (int64_t column = 0; column < 2; ++column) {
    PrintFault([&] {
      queue.Push({column, 1.0F});
      queue.Commit();
    });
  }
  PrintFault([&] { queue.Push({2, 1.0F}); });
  eie::clock::ActQueue<float> empty(2, 100);
  PrintFault([&] { empty.Pop(); });
  PrintFault([&] { Stick(arguments[1]); });
  return 0;
}
