// Generated from eie_backend/isa/cycle_categories.py by `python -m eie_backend.generate`; do not edit.
#ifndef EIE_GENERATED_CYCLE_CATEGORIES_H_
#define EIE_GENERATED_CYCLE_CATEGORIES_H_

#include <cstddef>

namespace eie {

/// What a PE does at a clock edge; the edges of all categories add up to cycles x P.
enum class CycleCategory {
  kMultiply,  ///< an entry that carries a weight is issued
  kPadding,  ///< a padding entry is issued
  kEmptyColumn,  ///< a column without entries in this PE keeps the pointer stage
  kStarved,  ///< queue empty: the LNZD register took in a row without a non-zero
  kWaiting,  ///< queue empty: a broadcast was held back by a full queue of any PE
  kScan,  ///< queue empty: the scan started, or a row with non-zeros entered
  kDrain,  ///< after the PE's last column, until the layer ends
};

constexpr size_t kNumCycleCategories = 7;

/// What the CCU does at a clock edge while rows are left.
enum class CcuActivity {
  kEmptyRow,  ///< a row without a non-zero enters the LNZD register
  kRow,  ///< a row with non-zeros enters the LNZD register
  kBroadcast,  ///< a non-zero is pushed into all queues
  kHeldBack,  ///< a non-zero waits, because a queue is full
};

}  // namespace eie

#endif  // EIE_GENERATED_CYCLE_CATEGORIES_H_
