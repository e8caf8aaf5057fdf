#ifndef EIE_EVENT_ACCOUNT_H_
#define EIE_EVENT_ACCOUNT_H_

#include <cstdint>
#include <vector>

#include "engine/cycle_account.h"
#include "event/timeline.h"
#include "generated/hardware_config.h"
#include "image/encoded_matrix.h"

namespace eie {

/// Adds to `account` where the cycles of an mvm went that `Scan` timed with the same `columns`.
///
/// This is a second pass over the recurrence, so that cycles alone stay cheap. `cycles` are those
/// that `Scan` found: which edges count is known only at the layer's end. `timeline`, if there is
/// one, takes every broadcast.
void Account(const EncodedMatrix& matrix, const HardwareConfig& config,
             const std::vector<uint32_t>& columns, int64_t cycles, CycleAccount* account,
             Timeline* timeline = nullptr);

}  // namespace eie

#endif  // EIE_EVENT_ACCOUNT_H_
