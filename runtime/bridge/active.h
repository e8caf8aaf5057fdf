#ifndef EIE_BRIDGE_ACTIVE_H_
#define EIE_BRIDGE_ACTIVE_H_

#include <memory>

#include "machine/trace.h"
#include "soft_errors/soft_errors.h"

namespace eie {

/// What this thread records of its next calls, if anything.
std::unique_ptr<Trace>& ActiveTrace();

/// What strikes this thread's next calls, if anything.
std::unique_ptr<SoftErrors>& ActiveSoftErrors();

}  // namespace eie

#endif  // EIE_BRIDGE_ACTIVE_H_
