#ifndef EIE_CLOCK_UNIT_H_
#define EIE_CLOCK_UNIT_H_

#include <cstdint>
#include <string>

#include "clock/signals.h"

namespace eie::clock {

/// A part of the machine that latches at every clock edge.
///
/// At an edge all units evaluate, then all commit, each in any order. Therefore `Evaluate` reads
/// latched state only, its own and its neighbours', and writes what latches later: the unit's next
/// state, and input ports of neighbours. A port is written by one unit, at most once per edge.
class Unit {
 public:
  virtual ~Unit() = default;

  /// Works out what the unit does at this edge.
  virtual void Evaluate() = 0;
  /// Latches the unit's next state and what neighbours wrote to its ports.
  virtual void Commit() = 0;
  /// The latched state on one line, for error messages.
  virtual std::string Describe() const = 0;
  /// The latched registers, for waveforms.
  virtual void Show(Signals* signals) const = 0;
};

/// A non-zero activation and its column on the way through a PE.
template <typename Word>
struct Activation {
  int64_t column;
  Word value;
};

}  // namespace eie::clock

#endif  // EIE_CLOCK_UNIT_H_
