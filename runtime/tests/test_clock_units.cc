// Limits of the clock engine that no valid layer reaches: they fail loudly and show every unit.

#include <cstdint>
#include <stdexcept>
#include <string>
#include <vector>

#include "clock/act_queue.h"
#include "clock/simulation.h"
#include "image/image.h"
#include "tests/check.h"
#include "tests/example_image.h"
#include "values/arithmetic.h"

namespace {

using eie::clock::ActQueue;

template <typename Body>
std::string Fault(Body body) {
  try {
    body();
  } catch (const std::logic_error& error) {
    return error.what();
  }
  return "no fault";
}

void AQueueIsBounded() {
  ActQueue<float> queue(2, 100);
  for (int64_t column = 0; column < 2; ++column) {
    queue.Push({column, 1.0F});
    queue.Commit();
  }
  CHECK_EQ(Fault([&] { queue.Push({2, 1.0F}); }),
           "act_queue overflows: push to act_queue: 2 of 2 columns, first is 0");
  ActQueue<float> empty(2, 100);
  CHECK_EQ(Fault([&] { empty.Pop(); }), "act_queue underflows: pop from act_queue: 0 of 2 columns");
}

/// Queues that are full when they are empty let no column through.
void AMachineThatIsStuckShowsEveryUnit() {
  const eie::Bytes image = eie::ExampleImage(true, true);
  eie::Program program = eie::ReadImage(image.data(), image.size()).front();
  program.config.fifo_depth = 1;
  const eie::EncodedMatrix& matrix = *program.matrices[0];
  const eie::Float32 arithmetic(program.config);
  const std::vector<float> x(matrix.cols, 1.0F);
  std::vector<float> acc(matrix.rows);
  eie::Counters counters;
  eie::clock::Simulation<eie::Float32> simulation(
      {matrix, program.config, arithmetic, matrix.table_set->words.data(), 0, 1, x.data(),
       acc.data()},
      0);
  const std::string pe =
      "  act_queue: 0 of 0 columns\n"
      "  ptr_read: next entry 0 of a column that ends at 0\n"
      "  spmat_read: word -1\n"
      "  arith: local row -1\n";
  CHECK_EQ(Fault([&] { simulation.Run(&counters, nullptr); }),
           "clock engine: nothing moved for 16 edges at edge 18\n"
           "ccu: 1 rows entered, 0 columns broadcast, held back by a full queue\n"
           "lnzd: 2 non-zeros, leading is column 0\n"
           "pe 0\n" +
               pe +
               "  act_rw: 1 source registers read\n"
               "pe 1\n" +
               pe + "  act_rw: 1 source registers read\n");
}

}  // namespace

int main() {
  AQueueIsBounded();
  AMachineThatIsStuckShowsEveryUnit();
  return 0;
}
