#include "machine/profile.h"

#include <tvm/ffi/container/map.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>

#include <string>

#include "bridge/convert.h"
#include "engine/engine.h"

namespace eie {
namespace {

ffi::Array<int64_t> ToArray(const Counters& counters) {
  const auto values = counters.Values();
  return {values.begin(), values.end()};
}

/// The options that start at argument `at`, as far as given: the engine's name, whether to account
/// for the cycles, the seed of the clock engine's visits, the threads that share a batch.
EngineOptions ToEngineOptions(ffi::PackedArgs args, int at) {
  EngineOptions options;
  if (args.size() > at) options.engine = ParseEngine(args[at].cast<std::string>());
  if (args.size() > at + 1) options.account = args[at + 1].cast<bool>();
  if (args.size() > at + 2) options.visit_seed = args[at + 2].cast<uint32_t>();
  if (args.size() > at + 3) {
    options.batch_threads = args[at + 3].cast<int64_t>();
    RequireRange("threads", options.batch_threads, 0, INT16_MAX);
  }
  return options;
}

void StartProfile(ffi::PackedArgs args, ffi::Any*) {
  Translate([&] { Profiler::OfThisThread().Start(ToEngineOptions(args, 0)); });
}

ffi::Array<ffi::Map<ffi::String, ffi::Any>> StopProfile() {
  ffi::Array<ffi::Map<ffi::String, ffi::Any>> rows;
  for (const ProfileRow& row : Profiler::OfThisThread().Stop()) {
    rows.push_back({{"symbol", ffi::String(row.symbol)},
                    {"layer", ffi::String(row.layer)},
                    {"samples", row.samples},
                    {"min_cycles", row.min_cycles},
                    {"max_cycles", row.max_cycles},
                    {"counters", ToArray(row.counters)},
                    {"account", ToBytes(row.account.words())}});
  }
  return rows;
}

TVM_FFI_STATIC_INIT_BLOCK() {
  tvm::ffi::reflection::GlobalDef()
      .def_packed("eie.profile_start", StartProfile)
      .def("eie.profile_stop", StopProfile);
}

}  // namespace
}  // namespace eie
