#ifndef EIE_CLOCK_SIGNALS_H_
#define EIE_CLOCK_SIGNALS_H_

#include <cstdint>
#include <cstring>
#include <optional>
#include <string>

namespace eie::clock {

/// Receiver of the units' latched registers: at every edge the same ones, in the same order.
class Signals {
 public:
  virtual ~Signals() = default;

  /// The signals up to `Leave` belong to this unit.
  virtual void Enter(const std::string& scope) = 0;
  virtual void Leave() = 0;
  /// A register of at most 32 bits; nullopt: it is empty.
  virtual void Number(const char* name, std::optional<int64_t> value) = 0;
  /// A state, by its name without spaces.
  virtual void State(const char* name, const char* value) = 0;
};

/// The bits of a fixed-point or float32 value.
template <typename Word>
int64_t BitsOf(Word value) {
  uint32_t bits = 0;
  static_assert(sizeof value <= sizeof bits);
  std::memcpy(&bits, &value, sizeof value);
  return bits;
}

}  // namespace eie::clock

#endif  // EIE_CLOCK_SIGNALS_H_
