#include "machine/trace.h"

#include <tvm/ffi/container/map.h>
#include <tvm/ffi/function.h>
#include <tvm/ffi/reflection/registry.h>

#include <memory>
#include <utility>
#include <vector>

#include "bridge/active.h"
#include "bridge/convert.h"
#include "engine/engine.h"

namespace eie {

std::unique_ptr<Trace>& ActiveTrace() {
  thread_local std::unique_ptr<Trace> trace;
  return trace;
}

namespace {

void StartTrace(ffi::String engine, int64_t sample, ffi::String layer, int64_t from, int64_t to,
                int64_t max_bytes) {
  Translate([&] {
    RequireRange("sample", sample, 0, INT64_MAX);
    RequireRange("max_bytes", max_bytes, 0, INT64_MAX);
    ActiveTrace() = std::make_unique<Trace>(
        TraceRequest{ParseEngine(engine), sample, layer, from, to, max_bytes});
  });
}

/// Ends the recording: steps are int64, the words of a `TraceStep` each; the timeline is int32.
ffi::Map<ffi::String, ffi::Any> StopTrace() {
  const auto trace = std::exchange(ActiveTrace(), nullptr);
  if (!trace) TVM_FFI_THROW(ValueError) << "no trace was started in this thread";
  ffi::Array<ffi::Map<ffi::String, ffi::Any>> runs;
  for (const TraceRun& run : trace->runs) {
    std::vector<int64_t> steps;
    for (const TraceStep& s : run.steps) {
      steps.insert(steps.end(),
                   {s.number, s.cycles, s.load_cycles, s.load_bytes, s.timeline_words});
    }
    runs.push_back(
        {{"symbol", ffi::String(run.symbol)}, {"samples", run.samples}, {"steps", ToBytes(steps)}});
  }
  return {{"runs", runs},
          {"timeline", ToBytes(trace->timeline.words())},
          {"timeline_end", trace->timeline.end()},
          {"vcd", ffi::Bytes(trace->vcd.text())},
          {"vcd_end", trace->vcd.end()}};
}

TVM_FFI_STATIC_INIT_BLOCK() {
  tvm::ffi::reflection::GlobalDef()
      .def("eie.trace_start", StartTrace)
      .def("eie.trace_stop", StopTrace);
}

}  // namespace
}  // namespace eie
