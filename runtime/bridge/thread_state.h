#ifndef EIE_BRIDGE_THREAD_STATE_H_
#define EIE_BRIDGE_THREAD_STATE_H_

#include <tvm/ffi/error.h>

#include <utility>
#include <vector>

#include "engine/engine.h"
#include "machine/profile.h"
#include "machine/trace.h"
#include "soft_errors/soft_errors.h"

namespace eie {

/// A thread's settings for its next calls, and their recordings so far.
///
/// A caller's `..._start` begins a block and `..._stop` ends it. Blocks of one kind nest: the
/// innermost one applies.
struct ThreadState {
  std::vector<EngineOptions> engines;
  std::vector<Profiler> profilers;
  std::vector<Trace> traces;
  std::vector<SoftErrors> soft_errors;

  /// The engine options of the next calls: without an engine block, programs compute values only.
  /// Cycles are accounted for if the profile wants them.
  EngineOptions ProgramOptions() const;
};

/// The state of the calling thread, which ends with the thread. The runtime has no other state
/// except loaded modules.
ThreadState& StateOfThisThread();

/// Returns the innermost block of a kind, or null.
template <typename Block>
Block* Innermost(std::vector<Block>* blocks) {
  return blocks->empty() ? nullptr : &blocks->back();
}

/// Ends the innermost block of a kind and returns it; throws, naming `what`, if there is none.
template <typename Block>
Block EndInnermost(std::vector<Block>* blocks, const char* what) {
  if (blocks->empty()) TVM_FFI_THROW(ValueError) << "no " << what << " started in this thread";
  Block last = std::move(blocks->back());
  blocks->pop_back();
  return last;
}

}  // namespace eie

#endif  // EIE_BRIDGE_THREAD_STATE_H_
