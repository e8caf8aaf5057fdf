"""Ask the C++ runtime to record a sample, and read what it recorded."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.isa.program import Program, Step
from eie_backend.machine.choices import Engine
from eie_backend.runtime import runtime

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


class TraceRecorder:
    """Records what this thread runs inside the ``with`` block; `max_bytes` bound the record."""

    def __init__(self, request: Request, engine: Engine, max_bytes: int) -> None:
        self._request, self._engine, self._max_bytes = request, engine, max_bytes

    def __enter__(self) -> TraceRecorder:
        sample, layer, start, stop, _ = self._request
        runtime().start_trace(self._engine, sample, layer, start, stop, self._max_bytes)
        return self

    def __exit__(self, *_: object) -> None:
        self._found = runtime().stop_trace()

    def read(self, programs: Sequence[Program]) -> Recording:
        """Return what was recorded; `programs` are those that may have run."""
        by_symbol = {program.symbol: program for program in programs}
        words = self._found.timeline
        runs = []
        before = at = 0
        for run in self._found.runs:
            program = by_symbol[run.symbol]
            steps = []
            for numbers in run.steps.reshape(-1, 5).tolist():
                number, cycles, load_cycles, load_bytes, size = numbers
                rows = words[at : at + size].reshape(-1, 4 + program.config.num_pe)
                step = program.steps[number]
                steps.append(RecordedStep(step, before, cycles, load_cycles, load_bytes, rows))
                at += size
                before += cycles
            runs.append((program, tuple(steps)))
        return Recording(
            samples=max((run.samples for run in self._found.runs), default=0),
            runs=tuple(runs),
            cycles=before,
            timeline_stop=min(self._found.timeline_end, before + 1),
            vcd=self._found.vcd,
            vcd_stop=min(self._found.vcd_end, before + 1),
        )
