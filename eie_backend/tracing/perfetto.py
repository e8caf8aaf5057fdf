"""Recorded steps as a Perfetto trace for ui.perfetto.dev: the events of every track."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from itertools import groupby

from eie_backend.errors import ConfigError
from eie_backend.isa.program import Program
from eie_backend.tracing.edges import Slices, ccu_slices, pe_slices, queue_lengths
from eie_backend.tracing.packets import BEGIN, COUNTER, END, INSTANT, MOST_BYTES, Events, Packets
from eie_backend.tracing.recording import RecordedStep, Recording, Request

CLOCK = "1 ns is one clock cycle: timestamp t is clock edge t, counted through all mvm steps"
TRACE, LAYERS, INSTRUCTIONS, CCU, FIRST_PE = range(5)
"""Tracks of a program, counted from its first; a PE has two, its own and its queue's."""


def perfetto_trace(recording: Recording, request: Request) -> tuple[bytes, int]:
    """Return the trace, and the edge after the last one that it shows.

    Raises
    ------
    ConfigError
        If the size does not allow a single edge, or the package perfetto is missing.
    """
    wanted = min(request.stop, recording.cycles + 1)
    stop: int | None = min(wanted, recording.intervals_stop)
    while stop is not None:
        shown, writer = stop, _Writer(recording, request, stop, wanted)
        stop = writer.write()
        if shown <= request.start < wanted or writer.packets.size > request.max_bytes:
            least = 100 * writer.packets.tracks + 1000
            raise ConfigError(
                f"max_bytes = {request.max_bytes}: too small for one edge on "
                f"{writer.packets.tracks} tracks; allow at least {least}"
            )
    return writer.packets.data(), shown


class _Writer:
    """One attempt to write the requested edges up to `stop`."""

    def __init__(self, recording: Recording, request: Request, stop: int, wanted: int) -> None:
        self.packets = Packets()
        self._recording, self._request, self._stop, self._wanted = recording, request, stop, wanted

    def write(self) -> int | None:
        """Write the trace; return the edge at which it reached the size limit, or None."""
        first_tracks = {
            program.symbol: self._declare(program) for program, _ in self._recording.runs
        }
        # At `stop` every track takes at most one more packet.
        most_bytes = self._request.max_bytes - MOST_BYTES * self.packets.tracks
        for program, steps in self._recording.runs:
            for events in self._events(program, steps, first_tracks[program.symbol]):
                full_at = self.packets.add(events, self._stop, most_bytes)
                if full_at is not None:
                    return full_at
        return None

    def _declare(self, program: Program) -> int:
        config = program.config
        pes = (
            track
            for k in range(config.num_pe)
            for track in ((f"pe {k}", ""), (f"pe {k} act_queue", "columns"))
        )
        tracks = [("trace", ""), ("layers", ""), ("instructions", ""), ("ccu", ""), *pes]
        name = f"{program.symbol or 'eie'}: {config.num_pe} PEs, {program.arithmetic}"
        return self.packets.declare(f"{name}, 1 cycle = 1 ns", tracks)

    def _events(
        self, program: Program, steps: Sequence[RecordedStep], first: int
    ) -> Iterator[list[Events]]:
        start, stop = self._request.start, self._stop
        about: dict[str, int | str] = {
            "clock": CLOCK,
            "first_edge": start,
            "last_edge": stop - 1,
            "edges_of_the_run": self._recording.cycles,
            "ends_at_size_limit": str(stop < self._wanted).lower(),
            "sample": self._request.sample,
            **program.config.to_dict(),
        }
        name = self.packets.name("trace", about)
        yield [Events.of(start, INSTANT, first + TRACE, name)]
        for layer, group in groupby(steps, lambda recorded: recorded.step.layer):
            own = list(group)
            begin, end = own[0].before + 1, own[-1].before + own[-1].cycles + 1
            annotations = {"cycles": end - begin}
            yield self._slice(begin, end, first + LAYERS, program.layers[layer], annotations)
            for recorded in own:
                yield self._instruction(recorded, first)
                if recorded.cycles:
                    yield self._mvm(recorded, first)

    def _slice(
        self, begin: int, end: int, track: int, name: str, annotations: dict[str, int]
    ) -> list[Events]:
        """Return the visible part of a slice."""
        begin, end = max(begin, self._request.start), min(end, self._stop)
        if begin >= end:
            return [Events.of([], END, track)]
        number = self.packets.name(name, annotations)
        return [Events.of(begin, BEGIN, track, number), Events.of(end, END, track)]

    def _instruction(self, recorded: RecordedStep, first: int) -> list[Events]:
        """Return an mvm as a slice, and any other instruction (of no cycles) as an instant."""
        step, edge, track = recorded.step, recorded.before + 1, first + INSTRUCTIONS
        annotations = dict(step.operands)
        if recorded.load_bytes:
            annotations["load_cycles"] = recorded.load_cycles
            annotations["load_bytes"] = recorded.load_bytes
        if recorded.cycles:
            return self._slice(edge, edge + recorded.cycles, track, step.instruction, annotations)
        # Instructions after the last mvm are shown at the edge after it.
        at_end = edge == self._stop == self._recording.cycles + 1
        if not (self._request.start <= edge < self._stop or at_end):
            return [Events.of([], INSTANT, track)]
        return [Events.of(edge, INSTANT, track, self.packets.name(step.instruction, annotations))]

    def _mvm(self, recorded: RecordedStep, first: int) -> list[Events]:
        """Return the events of the CCU, the PEs and their queues."""
        before = recorded.before
        start = max(self._request.start - before, 1)
        stop = min(self._stop - before, recorded.cycles + 1)

        def events(slices: Slices, track: int) -> list[Events]:
            tracks, begin, end = track + 2 * slices.unit, slices.start, slices.stop
            return [
                Events.of(begin + before, BEGIN, tracks, slices.name + 1, slices.column),
                Events.of(end + before, END, tracks),
            ]

        queues = queue_lengths(recorded, start, stop)
        tracks = first + FIRST_PE + 1 + 2 * queues.unit
        return [
            *events(ccu_slices(recorded, start, stop), first + CCU),
            *events(pe_slices(recorded, start, stop), first + FIRST_PE),
            Events.of(queues.edge + before, COUNTER, tracks, queues.length),
        ]
