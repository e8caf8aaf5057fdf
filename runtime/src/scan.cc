#include "eie/scan.h"

#include <algorithm>

#include "eie/row_scan.h"

namespace eie {
namespace {

constexpr int32_t kPipelineEdges = 6;  // from the issue of the last entry to the layer's end

int32_t Max(int32_t a, int32_t b) { return a > b ? a : b; }

// The two loops over the PEs have neither branch nor call, so that compilers vectorise them.

/// Feeds one column, broadcast at `edge`, to all PEs; returns the latest edge of its pops.
///
/// `free` is the edge from which a pointer stage takes the next column, `last` one past the edge
/// of the last issued entry, 0 before it.
int32_t Pop(size_t num_pe, int32_t edge, const int32_t* lengths, int32_t* __restrict free,
            int32_t* __restrict last) {
  int32_t latest = 0;
  for (size_t k = 0; k < num_pe; ++k) {
    const int32_t length = lengths[k];
    const int32_t pop = Max(edge + 1, free[k]);
    const int32_t next = pop + Max(length, 1);
    free[k] = next;
    last[k] = Max(last[k], next & -(length > 0));
    latest = Max(latest, pop);
  }
  return latest;
}

/// Adds the weight words that one column reads in all PEs to `words`.
///
/// Addresses only grow within a scan, so `read_end`, one past the last word read, says which word
/// a PE still holds.
void ReadWords(size_t num_pe, const int32_t* first_words, const int32_t* end_words,
               int32_t* __restrict read_end, int32_t* __restrict words) {
  for (size_t k = 0; k < num_pe; ++k) {
    const int32_t end = end_words[k];
    const int32_t held = read_end[k];
    words[k] += Max(0, end - Max(first_words[k], held));
    read_end[k] = Max(held, end);
  }
}

}  // namespace

void Scan(const EncodedMatrix& matrix, const HardwareConfig& config,
          const std::vector<uint32_t>& columns, Counters* counters) {
  const int64_t num_pe = matrix.num_pe;
  const int64_t input_rows = (matrix.cols + num_pe - 1) / num_pe;
  RowScan scan(num_pe);
  std::vector<int32_t> free(num_pe), last(num_pe), read_end(num_pe), words(num_pe);
  // A queue holds `capacity` columns: column n waits for the pop of column n - capacity.
  const size_t capacity = config.fifo_depth - 1;
  std::vector<int32_t> pops(std::min(capacity, columns.size()), 0);
  size_t slot = 0;
  for (const uint32_t column : columns) {
    const bool is_bias = column == matrix.cols;
    scan.Seek(is_bias ? input_rows : column / num_pe, is_bias ? 0 : column % num_pe);
    const int32_t edge = scan.Broadcast(1 + pops[slot]);
    const int64_t at = column * num_pe;
    pops[slot] = Pop(num_pe, edge, &matrix.lengths[at], free.data(), last.data());
    slot = slot + 1 == pops.size() ? 0 : slot + 1;
    ReadWords(num_pe, &matrix.first_words[at], &matrix.end_words[at], read_end.data(),
              words.data());
    counters->entries += matrix.column_entries[column];
    counters->padding_entries += matrix.column_entries[column] - matrix.column_weights(column);
  }
  scan.Seek(input_rows - 1 + matrix.has_bias_column, 0);
  const int32_t end = *std::max_element(last.begin(), last.end());
  counters->cycles += (end > 0 ? end - 1 : scan.entered()) + kPipelineEdges;
  counters->broadcasts += static_cast<int64_t>(columns.size());
  counters->ptr_reads += static_cast<int64_t>(columns.size()) * num_pe;
  for (const int32_t count : words) counters->spmat_reads += count;
}

}  // namespace eie
