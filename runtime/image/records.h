#ifndef EIE_IMAGE_RECORDS_H_
#define EIE_IMAGE_RECORDS_H_

#include <cstddef>
#include <cstdint>
#include <initializer_list>
#include <memory>
#include <vector>

#include "generated/hardware_config.h"
#include "image/byte_reader.h"
#include "image/encoded_matrix.h"
#include "image/stored_values.h"

namespace eie {

/// What the programs of an image share (layout: docs/image.md).
///
/// A record begins with its length, which `ReadRecord` reads; the others read one record's bytes to
/// their end. All throw ImageError.

ByteReader ReadRecord(ByteReader& reader);

/// Reads the fields with which a record begins; `known` is how many this release knows. The last of
/// them may be absent: then they are `appended`, the machine before them.
std::vector<uint32_t> ReadFields(ByteReader& record, const char* what, size_t known,
                                 std::initializer_list<uint32_t> appended = {});

/// Reads a flag's value.
bool ReadFlag(const ByteReader& reader, const char* name, uint32_t value);

/// Checks that all bytes of a section or record were read.
void RequireEnd(const ByteReader& reader, const char* what);

/// Checks that code 0 of a table, the pruned weight, is 0.
void RequirePrunedWeight(const ByteReader& reader, const StoredValues& table);

StoredValues ReadBias(ByteReader& record);

/// Reads one table, of which all PEs have a copy.
StoredValues ReadTableSet(ByteReader& record, const HardwareConfig& config);

EncodedMatrix ReadMatrix(ByteReader& record, const HardwareConfig& config,
                         const std::vector<std::shared_ptr<const StoredValues>>& table_sets);

/// Reads a matrix's record without its table set.
EncodedMatrix ReadMatrixAlone(ByteReader& record, const HardwareConfig& config);

}  // namespace eie

#endif  // EIE_IMAGE_RECORDS_H_
