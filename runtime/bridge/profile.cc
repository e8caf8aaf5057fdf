#include "machine/profile.h"

#include <tvm/ffi/container/map.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>

#include "bridge/convert.h"
#include "bridge/thread_state.h"

namespace eie {
namespace {

ffi::Array<int64_t> ToArray(const Counters& counters) {
  const auto values = counters.Values();
  return {values.begin(), values.end()};
}

/// Records the cost of the programs that this thread runs, until StopProfile; with `account`, also
/// the account of their cycles.
void StartProfile(bool account) {
  Translate([&] { StateOfThisThread().profilers.emplace_back(account); });
}

/// Ends the recording; returns a row per layer, and a row without a layer for a program's setup.
/// The account is int64, the words of a `CycleAccount`.
ffi::Array<ffi::Map<ffi::String, ffi::Any>> StopProfile() {
  ffi::Array<ffi::Map<ffi::String, ffi::Any>> rows;
  const Profiler profiler = EndInnermost(&StateOfThisThread().profilers, "profile was");
  for (const ProfileRow& row : profiler.Rows()) {
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
      .def("eie.profile_start", StartProfile)
      .def("eie.profile_stop", StopProfile);
}

}  // namespace
}  // namespace eie
