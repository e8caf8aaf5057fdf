// Generated from eie_backend/machine/timing.py by `python -m eie_backend.generate`; do not edit.
#ifndef EIE_GENERATED_TIMING_H_
#define EIE_GENERATED_TIMING_H_

#include <cstdint>

namespace eie {

/// From a layer's last issue, or from its last row if nothing is issued, to its end.
constexpr int64_t kPipelineEdges = 6;

}  // namespace eie

#endif  // EIE_GENERATED_TIMING_H_
