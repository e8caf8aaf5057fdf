#ifndef EIE_EVENT_ACCOUNT_H_
#define EIE_EVENT_ACCOUNT_H_

#include <cstdint>
#include <vector>

#include "engine/cycle_account.h"
#include "engine/intervals.h"
#include "generated/hardware_config.h"
#include "image/encoded_matrix.h"

namespace eie {

/// Adds to `account` the cycles, by category, of an mvm that `Scan` timed with the same `columns`.
///
/// This is a second pass over the recurrence, so that timing alone stays fast. `cycles` is the
/// result of `Scan`, because the edges that count are known only at the layer's end. `record`, if
/// given, also receives what every unit did, interval by interval.
void Account(const EncodedMatrix& matrix, const HardwareConfig& config,
             const std::vector<uint32_t>& columns, int64_t cycles, CycleAccount* account,
             Intervals* record = nullptr);

}  // namespace eie

#endif  // EIE_EVENT_ACCOUNT_H_
