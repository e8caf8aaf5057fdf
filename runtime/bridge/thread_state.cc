#include "bridge/thread_state.h"

namespace eie {

EngineOptions ThreadState::ProgramOptions() const {
  EngineOptions options{Engine::kFunctional};
  if (!engines.empty()) options = engines.back();
  options.account = !profilers.empty() && profilers.back().accounts();
  return options;
}

ThreadState& StateOfThisThread() {
  thread_local ThreadState state;
  return state;
}

}  // namespace eie
