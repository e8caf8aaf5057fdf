#ifndef EIE_EVENT_SCAN_H_
#define EIE_EVENT_SCAN_H_

#include <cstdint>
#include <vector>

#include "generated/counters.h"
#include "generated/hardware_config.h"
#include "image/encoded_matrix.h"

namespace eie {

/// Timing of one mvm: adds its cycles, broadcasts, SRAM reads and entries to `counters`.
///
/// `columns` are the broadcast columns in ascending order: every non-zero input, and the bias
/// column, if there is one, as column `cols`. Values do not matter. The microarchitecture page,
/// section Timing, has the rules and derives the recurrence over (broadcast column, PE).
void Scan(const EncodedMatrix& matrix, const HardwareConfig& config,
          const std::vector<uint32_t>& columns, Counters* counters);

}  // namespace eie

#endif  // EIE_EVENT_SCAN_H_
