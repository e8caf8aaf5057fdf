#ifndef EIE_IMAGE_POINTER_TABLE_H_
#define EIE_IMAGE_POINTER_TABLE_H_

#include <cstdint>

#include "image/byte_reader.h"

namespace eie {

/// The column pointers of all PEs as stored: PE after PE, 2 or 4 bytes each.
///
/// A view of a record, whose bytes must outlive it.
class PointerTable {
 public:
  PointerTable() = default;
  PointerTable(ByteReader& reader, int64_t num_pe, int64_t stored_cols, uint32_t pointer_bytes)
      : per_pe_(stored_cols + 1),
        bytes_(pointer_bytes),
        data_(reader.Take(static_cast<uint64_t>(num_pe * per_pe_) * pointer_bytes)) {}

  int64_t At(int64_t pe, int64_t column) const {
    const uint8_t* p = data_ + (pe * per_pe_ + column) * bytes_;
    return bytes_ == 2 ? p[0] | p[1] << 8 : ByteReader::U32At(p);
  }

 private:
  int64_t per_pe_ = 0;
  int64_t bytes_ = 0;
  const uint8_t* data_ = nullptr;
};

}  // namespace eie

#endif  // EIE_IMAGE_POINTER_TABLE_H_
