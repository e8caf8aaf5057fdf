#include "machine/trace.h"

#include <tvm/ffi/container/map.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>

#include <vector>

#include "bridge/convert.h"
#include "bridge/thread_state.h"
#include "engine/engine.h"

namespace eie {
namespace {

/// Records sample number `sample` of each call of this thread, until StopTrace; see TraceRequest.
void StartTrace(ffi::String engine, int64_t sample, ffi::String layer, int64_t from, int64_t to,
                int64_t interval_bytes, int64_t vcd_bytes) {
  Translate([&] {
    RequireRange("sample", sample, 0, INT64_MAX);
    RequireRange("interval_bytes", interval_bytes, 0, INT64_MAX);
    RequireRange("vcd_bytes", vcd_bytes, 0, INT64_MAX);
    StateOfThisThread().traces.emplace_back(
        TraceRequest{ParseEngine(engine), sample, layer, from, to, interval_bytes, vcd_bytes});
  });
}

/// Ends the recording. Steps are int64, the words of a `TraceStep` each; intervals are the int32
/// words of an `Interval` each.
ffi::Map<ffi::String, ffi::Any> StopTrace() {
  const Trace trace = EndInnermost(&StateOfThisThread().traces, "trace was");
  ffi::Array<ffi::Map<ffi::String, ffi::Any>> runs;
  for (const TraceRun& run : trace.runs) {
    std::vector<int64_t> steps;
    for (const TraceStep& s : run.steps) {
      steps.insert(steps.end(), {s.number, s.cycles, s.load_cycles, s.load_bytes, s.intervals});
    }
    runs.push_back(
        {{"symbol", ffi::String(run.symbol)}, {"samples", run.samples}, {"steps", ToBytes(steps)}});
  }
  return {{"runs", runs},
          {"intervals", ToBytes(trace.intervals.all())},
          {"intervals_end", trace.intervals.end()},
          {"vcd", ffi::Bytes(trace.vcd.text())},
          {"vcd_end", trace.vcd.end()}};
}

TVM_FFI_STATIC_INIT_BLOCK() {
  tvm::ffi::reflection::GlobalDef()
      .def("eie.trace_start", StartTrace)
      .def("eie.trace_stop", StopTrace);
}

}  // namespace
}  // namespace eie
