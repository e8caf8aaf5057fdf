#ifndef EIE_ENGINE_ENGINE_H_
#define EIE_ENGINE_ENGINE_H_

#include <cstddef>
#include <cstdint>
#include <stdexcept>
#include <string>

#include "generated/choices.h"

namespace eie {

/// The engine of that name; throws std::invalid_argument if there is none.
inline Engine ParseEngine(const std::string& name) {
  std::string names;
  for (size_t i = 0; i < kEngineNames.size(); ++i) {
    if (name == kEngineNames[i]) return static_cast<Engine>(i);
    names += (i > 0 ? ", " : "") + std::string(kEngineNames[i]);
  }
  throw std::invalid_argument("engine '" + name + "' is unknown; choose one of " + names);
}

/// How to execute one call.
struct EngineOptions {
  Engine engine = Engine::kEvent;
  bool account = false;       ///< also find out where every cycle went
  uint32_t visit_seed = 0;    ///< shuffles the clock engine's visits to its units; 0 does not
  int64_t threads = 1;        ///< that share one mvm; 0: as many as there are cores, if it is large
  int64_t batch_threads = 0;  ///< that share the samples of a program's call; 0: as many as cores
};

}  // namespace eie

#endif  // EIE_ENGINE_ENGINE_H_
