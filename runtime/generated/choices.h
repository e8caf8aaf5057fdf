// Generated from eie_backend/machine/choices.py by `python -m eie_backend.generate`; do not edit.
#ifndef EIE_GENERATED_CHOICES_H_
#define EIE_GENERATED_CHOICES_H_

#include <array>
#include <cstdint>

namespace eie {

/// How a program computes.
enum class ArithmeticKind : uint32_t {
  kFloat32 = 0,  ///< floating point, rounded after every operation
  kInt16 = 1,  ///< 16-bit fixed point, the machine's own
  kInt8 = 2,  ///< 8-bit fixed point
  kInt32 = 3,  ///< 32-bit fixed point
};

constexpr uint32_t kNumArithmeticKinds = 4;

/// Bits of an activation and of an expanded weight.
constexpr int64_t ValueBits(ArithmeticKind kind) {
  switch (kind) {
    case ArithmeticKind::kFloat32:
      return 32;
    case ArithmeticKind::kInt16:
      return 16;
    case ArithmeticKind::kInt8:
      return 8;
    case ArithmeticKind::kInt32:
      return 32;
  }
  return 0;
}

/// How an mvm is executed. All give the same values, the timed ones the same times.
enum class Engine : uint32_t {
  kFunctional = 0,  ///< values only: cycles, scan counters and the cycle account stay 0
  kEvent = 1,  ///< values, and time from a recurrence over (broadcast column, PE)
  kClock = 2,  ///< every unit stepped edge by edge
};

constexpr uint32_t kNumEngines = 3;

/// Names of the engines as users write them, by number.
constexpr std::array<const char*, kNumEngines> kEngineNames = {"functional", "event", "clock"};

/// How the words of a memory are kept from errors.
enum class Protection : uint32_t {
  kNone = 0,  ///< no check bits
  kParity = 1,  ///< an odd number of flips in a word is found
  kSecded = 2,  ///< one flip in a word is corrected, two are found
};

constexpr uint32_t kNumProtections = 3;

/// Memories in which a flip is gone after use, and so belongs to one step of one sample.
enum class FlipUnit : uint32_t {
  kActQueue = 0,  ///< slots of the activation queues
  kAct = 1,  ///< activation SRAM
};

constexpr uint32_t kNumFlipUnits = 2;

}  // namespace eie

#endif  // EIE_GENERATED_CHOICES_H_
