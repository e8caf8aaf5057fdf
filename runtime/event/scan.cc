#include "event/scan.h"

#include <algorithm>
#include <array>
#include <cstddef>
#include <limits>
#include <memory>
#include <type_traits>
#include <utility>
#include <variant>
#include <vector>

#include "event/row_scan.h"
#include "generated/timing.h"
#include "host/prefetch.h"
#include "host/vector_clones.h"

namespace eie {
namespace {

constexpr size_t kAhead = 8;  // columns by which memory is asked for before it is used

template <typename T>
T Max(T a, T b) {
  return a > b ? a : b;
}

template <typename T>
T Min(T a, T b) {
  return a < b ? a : b;
}

/// State of the PEs at the last broadcast, a cell per PE, with times relative to that broadcast.
///
/// If `kNumPe` is not 0, it is the number of PEs, and all of the state stays in vector registers.
template <typename Cell, size_t kNumPe>
struct PeState {
  static constexpr Cell kMax = std::numeric_limits<Cell>::max();

  using Cells = std::conditional_t<kNumPe != 0, std::array<Cell, kNumPe>, std::vector<Cell>>;

  EIE_INLINE explicit PeState(size_t num_pe) {
    if constexpr (kNumPe == 0) {
      for (Cells* cells : {&late, &age, &shared}) cells->resize(num_pe);
    }
    for (Cell& columns : age) columns = kMax;
  }

  /// Feeds one column, `edges` after and `columns` behind the one before, to all PEs.
  ///
  /// Returns the largest `late` at its pop. The loop has neither branch nor call, and both
  /// subtraction and addition saturate, so that compilers vectorise it.
  EIE_INLINE Cell Feed(const Cell* __restrict slices, Cell edges, Cell columns) {
    const Cell* const lengths = slices;
    const Cell* const sharers = slices + late.size();
    const Cell oldest = kMax - columns;
    Cell latest = 0;
    for (size_t k = 0; k < late.size(); ++k) {
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

  /// Returns how many words were not read again since the last call.
  EIE_INLINE int64_t CollectShared() {
    int64_t sum = 0;
    for (Cell& count : shared) sum += std::exchange(count, Cell{0});
    return sum;
  }

  /// Edges by which the PE can take its next column later than the edge after the broadcast.
  ///
  /// A broadcast waits until all PEs have popped the column that makes room, so a PE has at most a
  /// full queue and one slice more before it, and `late` fits a cell.
  Cells late{};
  Cells age{};     ///< columns since the last in which the PE has entries; at most kMax
  Cells shared{};  ///< words not read again
};

/// Number of the broadcast from which on every PE that issues anything issues its last entry.
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

/// `Scan` in cells of one width.
///
/// What the loop reads has local names: as far as a compiler knows, a write to a byte could change
/// any member.
template <size_t kNumPe, typename Cell>
EIE_INLINE void ScanCells(const EncodedMatrix& matrix, const LargeVector<Cell>& slices,
                          const HardwareConfig& config, const std::vector<uint32_t>& columns,
                          Counters* counters) {
  const int64_t num_pe = kNumPe != 0 ? kNumPe : matrix.num_pe;
  const int64_t input_rows = (matrix.cols + num_pe - 1) / num_pe;
  const int64_t cols = matrix.cols;
  const size_t count = columns.size();
  const uint32_t* const broadcast = columns.data();
  const Cell* const all_cells = slices.data();
  const EncodedMatrix::Column* const all_columns = matrix.columns.data();
  RowScan scan(num_pe);
  PeState<Cell, kNumPe> pes(num_pe);
  constexpr int64_t kMax = std::numeric_limits<Cell>::max();
  // A queue holds `capacity` columns: column n waits for the pop of column n - capacity.
  const size_t capacity = std::min<size_t>(config.queue_columns(), count);
  const std::unique_ptr<int32_t[]> pops(new int32_t[capacity]());
  size_t slot = 0;
  const size_t first_of_last = FirstOfLastSlices(matrix, all_cells, columns);
  int32_t end = 0;  // one past the edge of the last issued entry
  int32_t edge = 0;
  int64_t before = -1;
  int64_t room = kMax;  // columns until a PE's shared words may no longer fit a cell
  int64_t entries = 0, weights = 0, words = 0;
  for (size_t n = 0; n < count; ++n) {
    if (n + kAhead < count) {
      Prefetch(&all_cells[2 * num_pe * broadcast[n + kAhead]], 2 * num_pe);
    }
    const int64_t column = broadcast[n];
    const int32_t previous = edge;
    const int64_t input = column == cols ? input_rows * num_pe : column;  // bias: a new row
    edge = scan.Broadcast(input, 1 + pops[slot]);
    const Cell* const cells = all_cells + 2 * num_pe * column;
    const Cell late = pes.Feed(cells, static_cast<Cell>(std::min<int64_t>(edge - previous, kMax)),
                               static_cast<Cell>(std::min(column - before, kMax)));
    before = column;
    pops[slot] = edge + 1 + static_cast<int32_t>(late);
    slot = slot + 1 == capacity ? 0 : slot + 1;
    if (n >= first_of_last) {
      for (int64_t k = 0; k < num_pe; ++k) {
        if (cells[k] > 0) end = std::max(end, edge + 1 + static_cast<int32_t>(pes.late[k]));
      }
    }
    if (--room == 0) {
      words -= pes.CollectShared();
      room = kMax;
    }
    words += all_columns[column].words;
    entries += all_columns[column].entries;
    weights += all_columns[column + 1].first_weight - all_columns[column].first_weight;
  }
  counters->spmat_reads += words - pes.CollectShared();
  counters->entries += entries;
  counters->padding_entries += entries - weights;
  counters->cycles +=
      (end > 0 ? end - 1 : scan.Enter(input_rows - 1 + matrix.has_bias_column)) + kPipelineEdges;
  counters->broadcasts += static_cast<int64_t>(count);
  counters->ptr_reads += static_cast<int64_t>(count) * num_pe;
}

// Nearly every matrix has bytes, and the paper's machine 64 PEs.
EIE_VECTOR_CLONES void ScanBytesOf64(const EncodedMatrix& matrix, const HardwareConfig& config,
                                     const std::vector<uint32_t>& columns, Counters* counters) {
  ScanCells<64>(matrix, std::get<0>(matrix.slices), config, columns, counters);
}

EIE_VECTOR_CLONES void ScanBytes(const EncodedMatrix& matrix, const HardwareConfig& config,
                                 const std::vector<uint32_t>& columns, Counters* counters) {
  ScanCells<0>(matrix, std::get<0>(matrix.slices), config, columns, counters);
}

template <size_t kWidth>
void ScanWide(const EncodedMatrix& matrix, const HardwareConfig& config,
              const std::vector<uint32_t>& columns, Counters* counters) {
  ScanCells<0>(matrix, std::get<kWidth>(matrix.slices), config, columns, counters);
}

}  // namespace

void Scan(const EncodedMatrix& matrix, const HardwareConfig& config,
          const std::vector<uint32_t>& columns, Counters* counters) {
  constexpr decltype(&ScanBytes) kScans[] = {ScanBytes, ScanWide<1>, ScanWide<2>};
  const bool bytes_of_64 = matrix.slices.index() == 0 && matrix.num_pe == 64;
  const auto scan = bytes_of_64 ? ScanBytesOf64 : kScans[matrix.slices.index()];
  scan(matrix, config, columns, counters);
}

}  // namespace eie
