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

/// What a thread has asked of its next calls, and what was recorded of them so far.
///
/// A caller's `..._start` begins a block and `..._stop` ends it. Blocks of one kind nest: the last
/// one counts, until it ends.
struct ThreadState {
  std::vector<EngineOptions> engines;
  std::vector<Profiler> profilers;
  std::vector<Trace> traces;
  std::vector<SoftErrors> soft_errors;

  /// How programs run: without a block for their values only, and accounting for cycles if their
  /// profile asks for it.
  EngineOptions ProgramOptions() const;
};

/// The state of the thread that calls, which ends with the thread: the runtime's only state, beside
/// what is loaded.
ThreadState& StateOfThisThread();

/// The last block of a kind, or null.
template <typename Block>
Block* Innermost(std::vector<Block>* blocks) {
  return blocks->empty() ? nullptr : &blocks->back();
}

/// Ends the last block of a kind and returns it; `what` was started, if there is none, is an error.
template <typename Block>
Block EndInnermost(std::vector<Block>* blocks, const char* what) {
  if (blocks->empty()) TVM_FFI_THROW(ValueError) << "no " << what << " started in this thread";
  Block last = std::move(blocks->back());
  blocks->pop_back();
  return last;
}

}  // namespace eie

#endif  // EIE_BRIDGE_THREAD_STATE_H_
