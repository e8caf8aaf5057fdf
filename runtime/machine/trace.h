#ifndef EIE_MACHINE_TRACE_H_
#define EIE_MACHINE_TRACE_H_

#include <cstdint>
#include <string>
#include <utility>
#include <vector>

#include "clock/vcd.h"
#include "engine/engine.h"
#include "engine/intervals.h"
#include "generated/counters.h"

namespace eie {

/// The part of a run that a trace shows.
struct TraceRequest {
  Engine engine;           ///< kEvent: intervals; kClock: these, and a value change dump
  int64_t sample;          ///< number of the sample in its call
  std::string layer;       ///< the only layer to trace, whose edges alone count; empty: all
  int64_t from;            ///< first edge
  int64_t to;              ///< edge after the last
  int64_t interval_bytes;  ///< largest size of the intervals
  int64_t vcd_bytes;       ///< largest size of the dump
};

/// One instruction of a traced sample.
struct TraceStep {
  int64_t number;  ///< index in the program's steps
  int64_t cycles;
  int64_t load_cycles;
  int64_t load_bytes;
  int64_t intervals;  ///< how many were recorded
};

/// One program's run.
struct TraceRun {
  std::string symbol;  ///< empty: a single matrix
  int64_t samples;     ///< samples of the call
  std::vector<TraceStep> steps;
};

/// The recording for a request.
struct Trace {
  explicit Trace(TraceRequest asked)
      : request(std::move(asked)),
        intervals(request.from, request.to, request.interval_bytes),
        vcd(request.from, request.to, request.vcd_bytes) {}

  bool Covers(const std::string& layer) const {
    return request.layer.empty() || request.layer == layer;
  }

  /// Ends a step of the current run; `before` is its layer's cost before the step.
  void AddStep(int64_t number, const Counters& before, const Counters& after) {
    const int64_t cycles = after.cycles - before.cycles;
    intervals.Finish(cycles);
    const int64_t recorded = static_cast<int64_t>(intervals.all().size());
    runs.back().steps.push_back({number, cycles, after.load_cycles - before.load_cycles,
                                 after.load_bytes - before.load_bytes, recorded - recorded_before});
    recorded_before = recorded;
  }

  TraceRequest request;
  std::vector<TraceRun> runs;
  Intervals intervals;
  clock::Vcd vcd;
  int64_t recorded_before = 0;  ///< intervals of the steps so far
};

}  // namespace eie

#endif  // EIE_MACHINE_TRACE_H_
