#include "event/account.h"

#include <algorithm>
#include <cstddef>
#include <variant>

#include "event/row_scan.h"
#include "event/slice_runs.h"

namespace eie {
namespace {

/// Edges between a broadcast and the previous one, without those at which an empty row entered.
///
/// The order is: `start`, then edges of empty rows, then the rest of `scan`, then `waiting`.
struct Gap {
  int32_t waiting;  ///< edges at which a full queue stalled the broadcast
  int32_t scan;     ///< edges at which the column's row entered, or before the first row
  int32_t start;    ///< those of `scan` before the first row
};

int32_t Max(int32_t a, int32_t b) { return a > b ? a : b; }
int32_t Min(int32_t a, int32_t b) { return a < b ? a : b; }

/// Counts all PEs' edges by category, column by column. Edges after `cycles` do not count.
///
/// The loops over the PEs have no branches and no calls, so that compilers vectorise them.
class PeEdges {
 public:
  PeEdges(size_t num_pe, int32_t cycles)
      : free_(num_pe, 1),
        settled_(num_pe, 1),
        entries_(num_pe),
        empty_(num_pe),
        starved_(num_pe),
        waiting_(num_pe),
        scan_(num_pe),
        cycles_(cycles) {}

  /// Pops one column, which was broadcast at `edge`, in every PE. Writes the edges of the pops to
  /// `pops` and returns the latest.
  template <typename Length>
  int32_t Pop(int32_t edge, Gap gap, const Length* lengths, int32_t* __restrict pops) {
    int32_t latest = 0;
    int32_t* __restrict free = free_.data();
    int32_t* __restrict settled = settled_.data();
    int32_t* __restrict entries = entries_.data();
    int32_t* __restrict empty = empty_.data();
    int32_t* __restrict starved = starved_.data();
    int32_t* __restrict waiting = waiting_.data();
    int32_t* __restrict scan = scan_.data();
    for (size_t k = 0; k < free_.size(); ++k) {
      const int32_t length = lengths[k];
      const int32_t pop = Max(edge + 1, free[k]);
      const int32_t next = pop + Max(length, 1);
      const int32_t counts = -(pop <= cycles_);
      const int32_t idle = (pop - free[k]) & counts;
      const int32_t waited = Min(idle, gap.waiting);
      const int32_t scanned = Min(idle - waited, gap.scan);
      entries[k] += length;
      empty[k] += (length == 0) & counts;
      waiting[k] += waited;
      scan[k] += scanned;
      starved[k] += idle - waited - scanned;
      settled[k] = Max(settled[k], next & counts);
      free[k] = next;
      pops[k] = pop;
      latest = Max(latest, pop);
    }
    return latest;
  }

  /// Records what the last column added to the edges `before` it, in the order of the edges.
  void RecordColumn(const PeEdges& before, Gap gap, int32_t column, SliceRuns* runs,
                    Intervals* record) const {
    for (size_t k = 0; k < free_.size(); ++k) {
      int32_t edge = before.free_[k];
      if (!record->Covers(edge, free_[k])) continue;
      const auto add = [&](CycleCategory category, int32_t edges, int32_t of) {
        record->Add(Interval::OfPe(k, category, of, edge, edge + edges));
        edge += edges;
      };
      const int32_t scan = scan_[k] - before.scan_[k];
      const int32_t start = Min(scan, gap.start);
      add(CycleCategory::kScan, start, Interval::kNoColumn);
      add(CycleCategory::kStarved, starved_[k] - before.starved_[k], Interval::kNoColumn);
      add(CycleCategory::kScan, scan - start, Interval::kNoColumn);
      add(CycleCategory::kWaiting, waiting_[k] - before.waiting_[k], Interval::kNoColumn);
      add(CycleCategory::kEmptyColumn, empty_[k] - before.empty_[k], column);
      runs->Read(column);
      runs->ForEach(k, entries_[k] - before.entries_[k], [&](bool is_padding, int32_t entries) {
        add(is_padding ? CycleCategory::kPadding : CycleCategory::kMultiply, entries, column);
      });
    }
  }

  void RecordDrain(Intervals* record) const {
    for (size_t k = 0; k < free_.size(); ++k) {
      if (!record->Covers(settled_[k], cycles_ + 1)) continue;
      record->Add(
          Interval::OfPe(k, CycleCategory::kDrain, Interval::kNoColumn, settled_[k], cycles_ + 1));
    }
  }

  void AddTo(const std::vector<int64_t>& paddings, CycleAccount* account) const {
    for (size_t k = 0; k < free_.size(); ++k) {
      const int64_t pe = static_cast<int64_t>(k);
      account->Edges(CycleCategory::kMultiply, pe) += entries_[k] - paddings[k];
      account->Edges(CycleCategory::kPadding, pe) += paddings[k];
      account->Edges(CycleCategory::kEmptyColumn, pe) += empty_[k];
      account->Edges(CycleCategory::kStarved, pe) += starved_[k];
      account->Edges(CycleCategory::kWaiting, pe) += waiting_[k];
      account->Edges(CycleCategory::kScan, pe) += scan_[k];
      account->Edges(CycleCategory::kDrain, pe) += cycles_ + 1 - settled_[k];
    }
  }

 private:
  std::vector<int32_t> free_;     // edge from which the pointer stage accepts the next column
  std::vector<int32_t> settled_;  // same, after the last column that counts
  std::vector<int32_t> entries_, empty_, starved_, waiting_, scan_;
  int32_t cycles_;
};

/// Pops of the last columns, as many as a queue holds, from which occupancies are computed.
class PopHistory {
 public:
  PopHistory(size_t num_pe, size_t capacity)
      : num_pe_(num_pe),
        capacity_(capacity),
        pops_((capacity + 1) * num_pe),
        latest_(capacity + 1),
        at_least_(capacity + 1),
        heads_(num_pe) {}

  /// Pops of a column in all PEs. Columns before the first count as popped at edge 0.
  int32_t* Row(int64_t column) { return &pops_[Slot(column) * num_pe_]; }
  /// The latest pop of a column over the PEs.
  int32_t& Latest(int64_t column) { return latest_[Slot(column)]; }

  /// Counts, for each PE, the edges at which its full queue stalled column number `n`: from
  /// `earliest` up to the pop that made room.
  void Block(int64_t n, int32_t earliest, int32_t cycles, int32_t* __restrict blocking) const {
    const int32_t* const room = &pops_[Slot(n - static_cast<int64_t>(capacity_)) * num_pe_];
    for (size_t k = 0; k < num_pe_; ++k) {
      blocking[k] += Max(0, Min(room[k], cycles) + 1 - earliest);
    }
  }

  /// Counts the edges at which column number `n`, broadcast at `edge`, was in the queues.
  ///
  /// From the pop of column n - m to the pop of column n - m + 1, column n is the m-th from the
  /// queue's head, and the queue holds at least m columns.
  void Count(int64_t n, int32_t edge, int32_t cycles) {
    for (int64_t m = 1; m <= static_cast<int64_t>(capacity_); ++m) {
      const int64_t head = n - m + 1;
      if (head < 0 || Latest(head) <= edge) break;
      const int32_t* const from = Row(head - 1);
      const int32_t* const to = Row(head);
      int64_t edges = 0;
      for (size_t k = 0; k < num_pe_; ++k) {
        const int32_t first = Max(edge, from[k]);
        edges += Max(0, Min(to[k], cycles + 1) - first);
      }
      at_least_[m] += edges;
    }
  }

  /// Records what the queues hold from the broadcast of column number `n - 1`, at `edge`, until
  /// `next`, at which column number `n` follows or the layer is over.
  void Record(int64_t n, int32_t edge, int32_t next, Intervals* record) {
    if (!record->Covers(edge, next)) return;
    for (size_t k = 0; k < num_pe_; ++k) {
      int64_t& head = heads_[k];
      head = std::max(head, n - static_cast<int64_t>(capacity_));  // popped long ago
      for (int32_t from = edge; from < next;) {
        while (head < n && Row(head)[k] <= from) ++head;
        const int32_t to = head < n ? Min(Row(head)[k], next) : next;
        record->Add(Interval::OfQueue(k, n - head, from, to));
        from = to;
      }
    }
  }

  void AddTo(int64_t all_edges, CycleAccount* account) const {
    int64_t above = all_edges;
    for (size_t m = 1; m <= capacity_; ++m) {
      account->Occupancy(static_cast<int64_t>(m) - 1) += above - at_least_[m];
      above = at_least_[m];
    }
    account->Occupancy(static_cast<int64_t>(capacity_)) += above;
  }

 private:
  size_t Slot(int64_t column) const { return (column + capacity_ + 1) % (capacity_ + 1); }

  size_t num_pe_;
  size_t capacity_;
  std::vector<int32_t> pops_;
  std::vector<int32_t> latest_;
  std::vector<int64_t> at_least_;  // by number of columns: PE edges with at least so many
  std::vector<int64_t> heads_;     // by PE: the column that `Record` found at the queue's head
};

/// Adds the paddings of one column to every PE's count.
template <typename Cell>
void CountPaddings(const EncodedMatrix& matrix, const Cell* lengths, int64_t column,
                   std::vector<int64_t>* paddings) {
  if (matrix.columns[column].entries == matrix.column_weights(column)) return;
  for (int64_t k = 0; k < matrix.num_pe; ++k) (*paddings)[k] += lengths[k];
  matrix.ForEachWeight(column, [&](int64_t row, int64_t) { --(*paddings)[row % matrix.num_pe]; });
}

template <typename Cell>
void AccountCells(const EncodedMatrix& matrix, const LargeVector<Cell>& slices,
                  const HardwareConfig& config, const std::vector<uint32_t>& columns,
                  int64_t cycles, CycleAccount* account, Intervals* record) {
  const int64_t num_pe = matrix.num_pe;
  const int64_t input_rows = (matrix.cols + num_pe - 1) / num_pe;
  const int64_t capacity = std::min<int64_t>(config.queue_columns(), columns.size());
  RowScan scan(num_pe);
  PeEdges edges(num_pe, static_cast<int32_t>(cycles));
  PopHistory history(num_pe, capacity);
  std::vector<int64_t> paddings(num_pe);
  std::vector<int32_t> blocking(num_pe);
  const int32_t stop = static_cast<int32_t>(cycles) + 1;
  const auto record_ccu = [&](CcuActivity activity, int32_t from, int32_t to, int32_t of) {
    if (!record->Covers(from, to)) return;
    record->Add(Interval::OfCcu(activity, of, from, Min(to, stop)));
  };
  PeEdges earlier(record != nullptr ? num_pe : 0, 0);  // the edges before the last column
  SliceRuns runs(matrix);
  int32_t before = 0;  // edge of the previous broadcast
  for (size_t i = 0; i < columns.size(); ++i) {
    const uint32_t column = columns[i];
    const int64_t n = static_cast<int64_t>(i);
    const int64_t input = column == matrix.cols ? input_rows * num_pe : column;  // bias: a new row
    const int32_t entered = scan.Enter(input / num_pe);
    const int32_t earliest = scan.earliest();
    const int32_t edge = scan.Broadcast(input, 1 + history.Latest(n - capacity));
    const Gap gap{edge - earliest, (entered > before) + (n == 0), n == 0};
    if (record != nullptr) {
      earlier = edges;
      if (entered > before) {
        record_ccu(CcuActivity::kEmptyRow, before + 1, entered, Interval::kNoColumn);
        record_ccu(CcuActivity::kRow, entered, entered + 1, Interval::kNoColumn);
      }
      record_ccu(CcuActivity::kHeldBack, earliest, edge, Interval::kNoColumn);
      record_ccu(CcuActivity::kBroadcast, edge, edge + 1, static_cast<int32_t>(column));
      history.Record(n, before, Min(edge, stop), record);
    }
    before = edge;
    if (gap.waiting > 0) {
      history.Block(n, earliest, static_cast<int32_t>(cycles), blocking.data());
    }
    const Cell* const lengths = &slices[2 * num_pe * column];
    history.Latest(n) = edges.Pop(edge, gap, lengths, history.Row(n));
    history.Count(n, edge, static_cast<int32_t>(cycles));
    if (record != nullptr) {
      edges.RecordColumn(earlier, gap, static_cast<int32_t>(column), &runs, record);
    }
    CountPaddings(matrix, lengths, column, &paddings);
  }
  if (record != nullptr) {
    const int32_t last_row = scan.Enter(input_rows - 1 + matrix.has_bias_column);
    record_ccu(CcuActivity::kEmptyRow, before + 1, last_row + 1, Interval::kNoColumn);
    history.Record(static_cast<int64_t>(columns.size()), before, stop, record);
    edges.RecordDrain(record);
  }
  edges.AddTo(paddings, account);
  history.AddTo(cycles * num_pe, account);
  for (int64_t k = 0; k < num_pe; ++k) account->Blocking(k) += blocking[k];
}

}  // namespace

void Account(const EncodedMatrix& matrix, const HardwareConfig& config,
             const std::vector<uint32_t>& columns, int64_t cycles, CycleAccount* account,
             Intervals* record) {
  std::visit(
      [&](const auto& slices) {
        AccountCells(matrix, slices, config, columns, cycles, account, record);
      },
      matrix.slices);
}

}  // namespace eie
