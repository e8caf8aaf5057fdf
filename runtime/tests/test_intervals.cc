#include <cstdint>
#include <stdexcept>

#include "engine/intervals.h"
#include "tests/check.h"

namespace eie {
namespace {

constexpr int64_t kEver = INT64_MAX;

Interval Queue(int64_t columns, int64_t first, int64_t stop) {
  return Interval::OfQueue(0, columns, first, stop);
}

void TestWhatContinuesAnIntervalBecomesOneWithIt() {
  Intervals record(1, kEver, 1000);
  record.Add(Queue(1, 1, 3));
  record.Add(Interval::OfQueue(1, 1, 3, 4));  // another track
  record.Add(Queue(1, 3, 5));
  record.Add(Queue(2, 5, 6));  // another state
  record.Add(Queue(2, 7, 8));  // a gap
  record.Add(Queue(0, 8, 9));  // nothing held
  CHECK_EQ(record.all().size(), 4U);
  CHECK_EQ(record.all()[0].stop, 5);
  record.Finish(10);
  record.Add(Queue(2, 8, 9));  // another mvm
  CHECK_EQ(record.all().size(), 5U);
}

void TestAWindowCountsThroughAllMvms() {
  Intervals record(5, 8, 1000);
  CHECK(!record.Covers(1, 5));
  CHECK(record.Covers(4, 6));
  CHECK(record.Covers(7, 9));
  CHECK(!record.Covers(8, 9));
  record.Finish(4);
  CHECK(record.Covers(1, 2));
  CHECK(!record.Covers(4, 5));
  CHECK_EQ(record.end(), 8);
}

void TestALimitKeepsWhatBeginsFirst() {
  Intervals record(1, kEver, 4 * sizeof(Interval));
  for (const int64_t first : {7, 1, 5, 3}) {
    record.Add(Interval::OfQueue(static_cast<size_t>(first), 1, first, first + 1));
  }
  CHECK_EQ(record.end(), kEver);  // four just fit
  record.Add(Interval::OfQueue(2, 1, 2, 3));
  CHECK_EQ(record.end(), 5);  // of four the first three are kept, of which the last begins at 5
  CHECK_EQ(record.all().size(), 3U);
  record.Add(Interval::OfQueue(3, 1, 4, 9));  // continues what was kept
  CHECK_EQ(record.all().size(), 3U);
  CHECK_EQ(record.all()[1].stop, 9);
  record.Add(Interval::OfQueue(9, 1, 5, 6));  // where there is no room any more
  CHECK_EQ(record.all().size(), 3U);
}

void TestEarlierMvmsAreKept() {
  Intervals record(1, kEver, 4 * sizeof(Interval));
  for (int64_t edge = 1; edge < 5; ++edge) record.Add(Queue(edge, edge, edge + 1));
  record.Finish(4);
  record.Add(Queue(1, 1, 2));
  CHECK_EQ(record.end(), 5);
  CHECK_EQ(record.all().size(), 4U);
  Intervals none(1, kEver, sizeof(Interval) - 1);
  none.Add(Queue(1, 1, 2));
  CHECK_EQ(none.end(), 1);
}

void TestARevisionJoinsAndDrops() {
  Intervals record(1, kEver, 1000);
  record.Add(Queue(1, 1, 2));
  record.Finish(2);
  for (int64_t edge = 1; edge < 5; ++edge) record.Add(Queue(edge, edge, edge + 1));
  record.Revise([](Interval* interval) {
    interval->state = 7;
    if (interval->first == 4) interval->stop = 4;
  });
  CHECK_EQ(record.all().size(), 2U);
  CHECK_EQ(record.all()[0].state, 1);
  CHECK_EQ(record.all()[1].stop, 4);
}

void TestTheLargestStateFits() {
  CHECK_EQ(Queue(UINT16_MAX, 1, 2).state, UINT16_MAX);
  CHECK_THROWS(std::logic_error, "both have 16 bits", Queue(UINT16_MAX + 1, 1, 2));
}

}  // namespace
}  // namespace eie

int main() {
  eie::TestWhatContinuesAnIntervalBecomesOneWithIt();
  eie::TestAWindowCountsThroughAllMvms();
  eie::TestALimitKeepsWhatBeginsFirst();
  eie::TestEarlierMvmsAreKept();
  eie::TestARevisionJoinsAndDrops();
  eie::TestTheLargestStateFits();
}
