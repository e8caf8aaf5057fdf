#include "eie/scan.h"

#include <algorithm>
#include <limits>
#include <utility>
#include <variant>

#include "eie/prefetch.h"
#include "eie/row_scan.h"
#include "eie/vector_clones.h"

namespace eie {
namespace {

constexpr int32_t kPipelineEdges = 6;  // from the issue of the last entry to the layer's end
constexpr size_t kAhead = 8;           // columns by which memory is asked for before it is used

template <typename T>
T Max(T a, T b) {
  return a > b ? a : b;
}

template <typename T>
T Min(T a, T b) {
  return a < b ? a : b;
}

/// What the PEs know, per PE, in cells relative to the column broadcast last.
template <typename Cell>
struct PeState {
  static constexpr Cell kMax = std::numeric_limits<Cell>::max();

  explicit PeState(size_t num_pe) : late(num_pe), age(num_pe, kMax), shared(num_pe) {}

  /// Edges by which the PE can take its next column later than the edge after the broadcast.
  ///
  /// A broadcast waits until column n - fifo_depth + 1 is popped everywhere, so a PE has less than
  /// `fifo_depth` slices before it, and `late` fits a cell.
  std::vector<Cell> late;
  std::vector<Cell> age;     ///< columns since the last in which the PE has entries; at most kMax
  std::vector<Cell> shared;  ///< words not read again
};

/// Feeds one column, `edges` after and `columns` behind the one before, to all PEs.
///
/// Returns the largest `late` at its pop. The loop has neither branch nor call, and both
/// subtraction and addition saturate, so that compilers vectorise it.
template <typename Cell>
EIE_INLINE Cell Feed(size_t num_pe, const Cell* slices, Cell edges, Cell columns,
                     Cell* __restrict late, Cell* __restrict age, Cell* __restrict shared) {
  const Cell* const lengths = slices;
  const Cell* const sharers = slices + num_pe;
  const Cell oldest = PeState<Cell>::kMax - columns;
  Cell latest = 0;
  for (size_t k = 0; k < num_pe; ++k) {
    const Cell length = lengths[k];
    const Cell pop = Max(late[k], edges) - edges;
    latest = Max(latest, pop);
    late[k] = pop + Max(length, Cell{1});
    const Cell older = Min(age[k], oldest) + columns;
    shared[k] += older <= sharers[k];
    age[k] = length > 0 ? Cell{0} : older;
  }
  return latest;
}

template <typename Cell>
EIE_INLINE int64_t CollectShared(PeState<Cell>* pes) {
  int64_t sum = 0;
  for (Cell& count : pes->shared) sum += std::exchange(count, Cell{0});
  return sum;
}

/// From this broadcast on, every PE that issues anything issues its last entry.
template <typename Cell>
size_t FirstOfLastSlices(const EncodedMatrix& matrix, const Cell* slices,
                         const std::vector<uint32_t>& columns) {
  std::vector<bool> found(matrix.num_pe);
  int64_t missing = 0;
  for (int64_t k = 0; k < matrix.num_pe; ++k) missing += matrix.entries_per_pe[k] > 0;
  size_t n = columns.size();
  while (n > 0 && missing > 0) {
    const Cell* const lengths = slices + 2 * matrix.num_pe * columns[--n];
    for (int64_t k = 0; k < matrix.num_pe; ++k) {
      if (lengths[k] == 0 || found[k]) continue;
      found[k] = true;
      --missing;
    }
  }
  return n;
}

template <typename Cell>
EIE_INLINE void ScanCells(const EncodedMatrix& matrix, const std::vector<Cell>& slices,
                          const HardwareConfig& config, const std::vector<uint32_t>& columns,
                          Counters* counters) {
  const int64_t num_pe = matrix.num_pe;
  const int64_t input_rows = (matrix.cols + num_pe - 1) / num_pe;
  RowScan scan(num_pe);
  PeState<Cell> pes(num_pe);
  constexpr int64_t kMax = PeState<Cell>::kMax;
  // A queue holds `capacity` columns: column n waits for the pop of column n - capacity.
  const size_t capacity = config.fifo_depth - 1;
  std::vector<int32_t> pops(std::min(capacity, columns.size()), 0);
  size_t slot = 0;
  const size_t first_of_last = FirstOfLastSlices(matrix, slices.data(), columns);
  int32_t end = 0;  // one past the edge of the last issued entry
  int32_t edge = 0;
  int64_t before = -1;
  int64_t words = 0;
  for (size_t n = 0; n < columns.size(); ++n) {
    if (n + kAhead < columns.size()) {
      const int64_t later = columns[n + kAhead];
      Prefetch(&slices[2 * num_pe * later], 2 * num_pe * sizeof(Cell));
      Prefetch(&matrix.columns[later], sizeof(EncodedMatrix::Column));
    }
    const int64_t column = columns[n];
    const int32_t previous = edge;
    const int64_t input = column == matrix.cols ? input_rows * num_pe : column;  // bias: a new row
    edge = scan.Broadcast(input, 1 + pops[slot]);
    const Cell* const cells = slices.data() + 2 * num_pe * column;
    const Cell late =
        Feed(num_pe, cells, static_cast<Cell>(std::min<int64_t>(edge - previous, kMax)),
             static_cast<Cell>(std::min(column - before, kMax)), pes.late.data(), pes.age.data(),
             pes.shared.data());
    before = column;
    pops[slot] = edge + 1 + static_cast<int32_t>(late);
    slot = slot + 1 == pops.size() ? 0 : slot + 1;
    if (n >= first_of_last) {
      for (int64_t k = 0; k < num_pe; ++k) {
        if (cells[k] > 0) end = std::max(end, edge + 1 + static_cast<int32_t>(pes.late[k]));
      }
    }
    if (n % kMax == kMax - 1) words -= CollectShared(&pes);
    words += matrix.columns[column].words;
    counters->entries += matrix.columns[column].entries;
    counters->padding_entries += matrix.columns[column].entries - matrix.column_weights(column);
  }
  counters->spmat_reads += words - CollectShared(&pes);
  counters->cycles +=
      (end > 0 ? end - 1 : scan.Enter(input_rows - 1 + matrix.has_bias_column)) + kPipelineEdges;
  counters->broadcasts += static_cast<int64_t>(columns.size());
  counters->ptr_reads += static_cast<int64_t>(columns.size()) * num_pe;
}

// One function for each width of cells; nearly every matrix has bytes.
EIE_VECTOR_CLONES void ScanBytes(const EncodedMatrix& matrix, const HardwareConfig& config,
                                 const std::vector<uint32_t>& columns, Counters* counters) {
  ScanCells(matrix, std::get<0>(matrix.slices), config, columns, counters);
}

template <size_t kWidth>
void ScanWide(const EncodedMatrix& matrix, const HardwareConfig& config,
              const std::vector<uint32_t>& columns, Counters* counters) {
  ScanCells(matrix, std::get<kWidth>(matrix.slices), config, columns, counters);
}

}  // namespace

void Scan(const EncodedMatrix& matrix, const HardwareConfig& config,
          const std::vector<uint32_t>& columns, Counters* counters) {
  constexpr decltype(&ScanBytes) kScans[] = {ScanBytes, ScanWide<1>, ScanWide<2>};
  kScans[matrix.slices.index()](matrix, config, columns, counters);
}

}  // namespace eie
