#include "eie/encoded_matrix.h"

#include <algorithm>
#include <cstring>
#include <string>

namespace eie {
namespace {

void RequireSize(const ByteReader& reader, const char* name, int64_t value) {
  if (value < 1 || value > EncodedMatrix::kMaxSize) {
    reader.Fail("matrix " + std::string(name) + " = " + std::to_string(value) + ", allowed is 1.." +
                std::to_string(EncodedMatrix::kMaxSize));
  }
}

void ReadCodebook(ByteReader& reader, bool is_float, EncodedMatrix* matrix) {
  matrix->codebook.resize(size_t{1} << matrix->codebook_bits);
  for (uint32_t& word : matrix->codebook) word = reader.U32();
  // -0.0 counts as 0.0, as it does for the encoder.
  if ((is_float ? matrix->codebook[0] << 1 : matrix->codebook[0]) != 0) {
    reader.Fail("codebook entry 0 is not 0, the pruned weight");
  }
}

/// Fills `lengths`, `entries_per_pe` and `column_entries`; returns the total of entries.
int64_t ReadLengths(const ByteReader& reader, const PointerTable& pointers, EncodedMatrix* matrix) {
  const int64_t columns = matrix->stored_cols();
  matrix->lengths.resize(matrix->num_pe * columns);
  matrix->column_entries.resize(columns);
  matrix->entries_per_pe.reserve(matrix->num_pe);
  int64_t total = 0;
  for (int64_t k = 0; k < matrix->num_pe; ++k) {
    const std::string pe = "PE " + std::to_string(k);
    int64_t at = pointers.At(k, 0);
    if (at != 0) reader.Fail(pe + ": first pointer is " + std::to_string(at) + ", not 0");
    for (int64_t j = 0; j < columns; ++j) {
      const int64_t next = pointers.At(k, j + 1);
      if (next < at || next > EncodedMatrix::kMaxCycles) {
        reader.Fail(pe + ": pointer " + std::to_string(next) + " of column " +
                    std::to_string(j + 1) + " follows " + std::to_string(at));
      }
      matrix->lengths[j * matrix->num_pe + k] = static_cast<int32_t>(next - at);
      matrix->column_entries[j] += next - at;
      at = next;
    }
    matrix->entries_per_pe.push_back(at);
    total += at;
  }
  if (total + matrix->num_pe * columns > EncodedMatrix::kMaxCycles) {
    reader.Fail("matrix of " + std::to_string(total) + " entries is too large");
  }
  return total;
}

/// Walks all entries column by column; fills the weight words' addresses and the weights.
void DecodeEntries(const ByteReader& reader, const uint8_t* entries, int64_t entries_per_word,
                   EncodedMatrix* matrix) {
  const int64_t num_pe = matrix->num_pe;
  const int64_t columns = matrix->stored_cols();
  const int64_t code_mask = (int64_t{1} << matrix->codebook_bits) - 1;
  const int64_t max_run = 255 >> matrix->codebook_bits;
  std::vector<const uint8_t*> base;
  for (int64_t k = 0; k < num_pe; ++k) {
    base.push_back(entries);
    entries += matrix->entries_per_pe[k];
  }
  std::vector<int64_t> used(num_pe, 0);
  matrix->first_words.resize(num_pe * columns);
  matrix->end_words.resize(num_pe * columns);
  for (int64_t j = 0; j < columns; ++j) {
    matrix->weight_starts.push_back(static_cast<uint32_t>(matrix->weights.size()));
    for (int64_t k = 0; k < num_pe; ++k) {
      const int64_t first = used[k];
      const int64_t end = first + matrix->lengths[j * num_pe + k];
      if (end == first) continue;
      used[k] = end;
      matrix->first_words[j * num_pe + k] = static_cast<int32_t>(first / entries_per_word);
      matrix->end_words[j * num_pe + k] = static_cast<int32_t>((end - 1) / entries_per_word + 1);
      int64_t row = k - num_pe;
      for (int64_t i = first; i < end; ++i) {
        const int64_t code = base[k][i] & code_mask;
        const int64_t run = base[k][i] >> matrix->codebook_bits;
        row += (run + 1) * num_pe;
        if (row >= matrix->rows || (code == 0 && run != max_run)) {
          reader.Fail("PE " + std::to_string(k) + ", column " + std::to_string(j) + ": entry " +
                      std::to_string(i) + " (code " + std::to_string(code) + ", run " +
                      std::to_string(run) +
                      (row >= matrix->rows ? ") is past the last row" : ") is not a padding"));
        }
        if (code != 0) {
          matrix->weights.push_back(static_cast<uint32_t>(row << EncodedMatrix::kCodeBits | code));
        }
      }
    }
  }
  matrix->weight_starts.push_back(static_cast<uint32_t>(matrix->weights.size()));
}

}  // namespace

EncodedMatrix ReadEncodedMatrix(ByteReader& reader, const HardwareConfig& config, bool is_float) {
  EncodedMatrix matrix{};
  matrix.num_pe = config.num_pe;
  matrix.codebook_bits = config.codebook_bits;
  matrix.rows = reader.U32();
  RequireSize(reader, "rows", matrix.rows);
  matrix.cols = reader.U32();
  RequireSize(reader, "cols", matrix.cols);
  const uint32_t has_bias = reader.U32();
  if (has_bias > 1) reader.Fail("has_bias_column = " + std::to_string(has_bias) + ", not 0 or 1");
  matrix.has_bias_column = has_bias == 1;
  const uint32_t pointer_bytes = reader.U32();
  if (pointer_bytes != 2 && pointer_bytes != 4) {
    reader.Fail("pointer bytes = " + std::to_string(pointer_bytes) + ", not 2 or 4");
  }
  ReadCodebook(reader, is_float, &matrix);
  matrix.pointers = PointerTable(reader, matrix.num_pe, matrix.stored_cols(), pointer_bytes);
  const int64_t total = ReadLengths(reader, matrix.pointers, &matrix);
  const uint32_t stored = reader.U32();
  if (stored != total) {
    reader.Fail(std::to_string(stored) + " entries, but the pointers end at " +
                std::to_string(total));
  }
  matrix.entries = reader.Take(stored);
  matrix.weights.reserve(total);
  matrix.weight_starts.reserve(matrix.stored_cols() + 1);
  DecodeEntries(reader, matrix.entries, config.spmat_width_bits / 8, &matrix);
  matrix.max_pe_entries =
      *std::max_element(matrix.entries_per_pe.begin(), matrix.entries_per_pe.end());
  const int64_t pointer_bits = matrix.num_pe * (matrix.stored_cols() + 1) * config.ptr_bits;
  matrix.storage_bytes =
      total + (pointer_bits + 7) / 8 + 2 * static_cast<int64_t>(matrix.codebook.size());
  return matrix;
}

}  // namespace eie
