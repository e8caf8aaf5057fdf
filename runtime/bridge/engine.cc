#include "engine/engine.h"

#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>
#include <tvm/ffi/string.h>

#include "bridge/convert.h"
#include "bridge/thread_state.h"

namespace eie {
namespace {

/// Selects `engine` for the programs that this thread calls, until StopEngine. `threads` share the
/// samples of a call; 0 means one per core.
void StartEngine(const ffi::String& engine, int64_t visit_seed, int64_t threads) {
  Translate([&] {
    RequireRange("visit_seed", visit_seed, 0, UINT32_MAX);
    RequireRange("threads", threads, 0, INT16_MAX);
    EngineOptions options;
    options.engine = ParseEngine(engine);
    options.visit_seed = static_cast<uint32_t>(visit_seed);
    options.batch_threads = threads;
    StateOfThisThread().engines.push_back(options);
  });
}

/// Restores the engine before StartEngine.
void StopEngine() { EndInnermost(&StateOfThisThread().engines, "engine was"); }

TVM_FFI_STATIC_INIT_BLOCK() {
  tvm::ffi::reflection::GlobalDef()
      .def("eie.engine_start", StartEngine)
      .def("eie.engine_stop", StopEngine);
}

}  // namespace
}  // namespace eie
