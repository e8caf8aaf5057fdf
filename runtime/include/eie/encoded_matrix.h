#ifndef EIE_ENCODED_MATRIX_H_
#define EIE_ENCODED_MATRIX_H_

#include <cstdint>
#include <vector>

#include "eie/byte_reader.h"
#include "eie/generated/hardware_config.h"
#include "eie/pointer_table.h"

namespace eie {

/// A matrix in interleaved compressed sparse columns, checked and prepared once per load.
///
/// What timing needs is laid out for a loop over the PEs of one column; what values need is a plain
/// list of weights per column, without paddings. Memory: at most 16 times the record.
struct EncodedMatrix {
  static constexpr int64_t kMaxSize = 1 << 24;             ///< rows, and columns
  static constexpr int64_t kMaxCycles = int64_t{1} << 30;  ///< entries + P * stored columns

  static constexpr int kCodeBits = 8;  ///< of a word in `weights`

  int64_t rows;
  int64_t cols;  ///< inputs; the bias column is not counted
  int64_t num_pe;
  int64_t codebook_bits;
  bool has_bias_column;
  int64_t max_pe_entries;  ///< of the fullest PE, paddings included
  int64_t storage_bytes;   ///< in the machine: entries, pointers and codebook

  std::vector<uint32_t> codebook;       ///< float32 or int32 words
  std::vector<int64_t> entries_per_pe;  ///< paddings included
  std::vector<int64_t> column_entries;  ///< over all PEs, paddings included
  std::vector<int32_t> lengths;         ///< entries by [column * num_pe + pe]
  std::vector<int32_t> first_words;     ///< weight word of the first entry, likewise
  std::vector<int32_t> end_words;       ///< one past the last entry's word; 0 if no entry
  std::vector<uint32_t> weight_starts;  ///< first of each column's `weights`, and the end
  std::vector<uint32_t> weights;        ///< row << kCodeBits | code

  // As the SRAMs hold them: views of the record, whose bytes must outlive the matrix.
  PointerTable pointers;
  const uint8_t* entries;  ///< PE after PE

  int64_t stored_cols() const { return cols + has_bias_column; }
  int64_t column_weights(int64_t column) const {
    return weight_starts[column + 1] - weight_starts[column];
  }
};

/// Reads one record (layout: `encode_matrix` in eie_backend/isa/image.py); throws ImageError.
///
/// The reader's bytes must outlive the matrix.
EncodedMatrix ReadEncodedMatrix(ByteReader& reader, const HardwareConfig& config, bool is_float);

}  // namespace eie

#endif  // EIE_ENCODED_MATRIX_H_
