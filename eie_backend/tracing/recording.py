"""Ask the C++ runtime to record a sample, and read what it recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, NamedTuple

import numpy as np
import tvm_ffi
from numpy.typing import NDArray

from eie_backend._register import load_runtime
from eie_backend.engines import Engine
from eie_backend.isa.program import Program, Step

LAST_EDGE = 2**62
"""Later than any edge: the end of a window without end."""


class Request(NamedTuple):
    """What a trace shows.

    Attributes
    ----------
    sample : int
        Number of the sample.
    layer : str
        The only layer that is traced, and whose edges count; empty for all.
    start, stop : int
        First edge, and one past the last.
    max_bytes : int
        Size of the trace.
    """

    sample: int
    layer: str
    start: int
    stop: int
    max_bytes: int


@dataclass(frozen=True)
class RecordedStep:
    """One instruction as it was executed.

    Attributes
    ----------
    step : Step
        The instruction.
    before : int
        Edges of all steps before.
    cycles, load_cycles, load_bytes : int
        What it cost; see ``docs/counters.md``.
    timeline : ndarray, shape (broadcasts, 4 + P), int32
        Per broadcast its column, the edge at which the column's row entered, the earliest and the
        true edge of the broadcast, and the edge of the pop in each PE; from the start of the step.
        Broadcasts that do not reach into the window may be missing.
    """

    step: Step
    before: int
    cycles: int
    load_cycles: int
    load_bytes: int
    timeline: NDArray[np.int32]


@dataclass(frozen=True)
class Recording:
    """What the runtime recorded of one call.

    Attributes
    ----------
    samples : int
        Samples of the call.
    runs : tuple of pairs
        Each program that ran, in order, and its steps.
    cycles : int
        Edges of all of them.
    timeline_stop : int
        One past the last edge that the timeline tells of.
    vcd : bytes
        The value change dump of the clock engine; empty for others.
    vcd_stop : int
        One past the last edge that it tells of.
    """

    samples: int
    runs: tuple[tuple[Program, tuple[RecordedStep, ...]], ...]
    cycles: int
    timeline_stop: int
    vcd: bytes
    vcd_stop: int


class Recorder:
    """Records what this thread runs inside the ``with`` block; `max_bytes` bound the record."""

    def __init__(self, request: Request, engine: Engine, max_bytes: int) -> None:
        load_runtime()
        self._request, self._engine, self._max_bytes = request, engine, max_bytes
        self._found: dict[str, Any] = {}

    def __enter__(self) -> Recorder:
        sample, layer, start, stop, _ = self._request
        begin = tvm_ffi.get_global_func("eie.trace_start")
        begin(self._engine, sample, layer, start, stop, self._max_bytes)
        return self

    def __exit__(self, *_: object) -> None:
        self._found = {str(k): v for k, v in tvm_ffi.get_global_func("eie.trace_stop")().items()}

    def read(self, programs: Sequence[Program]) -> Recording:
        """Return what was recorded; `programs` are those that may have run."""
        by_symbol = {program.symbol: program for program in programs}
        words = np.frombuffer(bytes(self._found["timeline"]), np.int32)
        runs = []
        before = at = 0
        for run in self._found["runs"]:
            program = by_symbol[str(run["symbol"])]
            steps = []
            for numbers in np.frombuffer(bytes(run["steps"]), np.int64).reshape(-1, 5).tolist():
                number, cycles, load_cycles, load_bytes, size = numbers
                rows = words[at : at + size].reshape(-1, 4 + program.config.num_pe)
                step = program.steps[number]
                steps.append(RecordedStep(step, before, cycles, load_cycles, load_bytes, rows))
                at += size
                before += cycles
            runs.append((program, tuple(steps)))
        return Recording(
            samples=max((int(run["samples"]) for run in self._found["runs"]), default=0),
            runs=tuple(runs),
            cycles=before,
            timeline_stop=min(int(self._found["timeline_end"]), before + 1),
            vcd=bytes(self._found["vcd"]),
            vcd_stop=min(int(self._found["vcd_end"]), before + 1),
        )
