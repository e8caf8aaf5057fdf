"""`TraceRecorder`: let the C++ runtime record a sample, and read the recording."""

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
"""An edge later than all others, for windows without end."""


class Request(NamedTuple):
    """The part of a run that a trace shows.

    Attributes
    ----------
    sample : int
        Number of the sample.
    layer : str
        The only layer to trace, whose edges alone are counted; empty for all layers.
    start, stop : int
        First edge, and the edge after the last.
    max_bytes : int
        Largest size of the trace.
    """

    sample: int
    layer: str
    start: int
    stop: int
    max_bytes: int


@dataclass(frozen=True)
class RecordedStep:
    """The execution of one instruction.

    Attributes
    ----------
    step : Step
        The instruction.
    before : int
        Edges of all earlier steps.
    cycles, load_cycles, load_bytes : int
        Cost of the step; see ``docs/counters.md``.
    intervals : ndarray, `eie_backend.runtime.INTERVAL`
        What every unit did, those of a unit in order. Edges count from the start of the step;
        intervals without an edge in the window may be missing.
    """

    step: Step
    before: int
    cycles: int
    load_cycles: int
    load_bytes: int
    intervals: NDArray[np.void]


@dataclass(frozen=True)
class Recording:
    """The runtime's recording of one call.

    Attributes
    ----------
    samples : int
        Samples of the call.
    runs : tuple of pairs
        Each executed program, in order, with its steps.
    cycles : int
        Edges of all programs.
    intervals_stop : int
        The edge after the last one that the intervals cover.
    vcd : bytes
        The value change dump of the clock engine; empty for other engines.
    vcd_stop : int
        The edge after the last one in the dump.
    """

    samples: int
    runs: tuple[tuple[Program, tuple[RecordedStep, ...]], ...]
    cycles: int
    intervals_stop: int
    vcd: bytes
    vcd_stop: int


class TraceRecorder:
    """Recorder of this thread's runs inside the ``with`` block, up to a size of either kind."""

    def __init__(
        self, request: Request, engine: Engine, *, interval_bytes: int = 0, vcd_bytes: int = 0
    ) -> None:
        self._request, self._engine = request, engine
        self._interval_bytes, self._vcd_bytes = interval_bytes, vcd_bytes

    def __enter__(self) -> TraceRecorder:
        sample, layer, start, stop, _ = self._request
        runtime().start_trace(
            self._engine,
            sample,
            layer,
            start,
            stop,
            interval_bytes=self._interval_bytes,
            vcd_bytes=self._vcd_bytes,
        )
        return self

    def __exit__(self, *_: object) -> None:
        self._found = runtime().stop_trace()

    def read(self, programs: Sequence[Program]) -> Recording:
        """Return the recording; `programs` are those that may have run."""
        by_symbol = {program.symbol: program for program in programs}
        runs = []
        before = at = 0
        for run in self._found.runs:
            program = by_symbol[run.symbol]
            steps = []
            for numbers in run.steps.reshape(-1, 5).tolist():
                number, cycles, load_cycles, load_bytes, size = numbers
                own = self._found.intervals[at : at + size]
                step = program.steps[number]
                steps.append(RecordedStep(step, before, cycles, load_cycles, load_bytes, own))
                at += size
                before += cycles
            runs.append((program, tuple(steps)))
        return Recording(
            samples=max((run.samples for run in self._found.runs), default=0),
            runs=tuple(runs),
            cycles=before,
            intervals_stop=min(self._found.intervals_end, before + 1),
            vcd=self._found.vcd,
            vcd_stop=min(self._found.vcd_end, before + 1),
        )
