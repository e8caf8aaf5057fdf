#ifndef EIE_CLOCK_UNIT_H_
#define EIE_CLOCK_UNIT_H_

#include <cstdint>
#include <string>

#include "clock/signals.h"

namespace eie::clock {

/// A part of the machine that latches at every clock edge.
///
/// At an edge all units evaluate, in any order, and then all commit, in any order. Therefore
/// `Evaluate` reads only latched state, its own and its neighbours'. It writes only values that are
/// latched later: the unit's next state, and input ports of neighbours. Only one unit writes a
/// port, at most once per edge.
class Unit {
 public:
  virtual ~Unit() = default;

  /// Computes the unit's action at this edge.
  virtual void Evaluate() = 0;
  /// Latches the unit's next state and the values that neighbours wrote to its ports.
  virtual void Commit() = 0;
  /// Returns the latched state on one line, for error messages.
  virtual std::string Describe() const = 0;
  /// Passes the latched registers to `signals`, for waveforms.
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
