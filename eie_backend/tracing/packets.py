"""Perfetto's protobuf: packets that declare tracks, and packets with events on them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eie_backend.errors import ConfigError
from eie_backend.tracing.edges import ACTIVITIES, NO_COLUMN

END, COUNTER, INSTANT, BEGIN = range(4)
"""Kinds of events, in the order in which they are written at the same edge."""
MOST_BYTES = 40
"""Largest size of a packet that ends a slice or sets a counter."""


class Events(NamedTuple):
    """Events in any order; all arrays have the same length.

    `value` is the number of a slice's name, from `Packets.name`, or a counter's value; `column`
    is a broadcast column or `NO_COLUMN`.
    """

    edge: NDArray[np.int64]
    kind: NDArray[np.int8]
    track: NDArray[np.int32]
    value: NDArray[np.int32]
    column: NDArray[np.int32]

    @classmethod
    def of(
        cls,
        edge: ArrayLike,
        kind: int,
        track: ArrayLike,
        value: ArrayLike = 0,
        column: ArrayLike = NO_COLUMN,
    ) -> Events:
        """Return events of one kind; the arrays are broadcast to the same shape."""
        parts = np.broadcast_arrays(np.atleast_1d(edge), kind, track, value, column)
        types = (np.int64, np.int8, np.int32, np.int32, np.int32)
        return cls(*(part.astype(dtype) for part, dtype in zip(parts, types, strict=True)))


class Packets:
    """Writer of a trace.

    Raises
    ------
    ConfigError
        If the package perfetto is missing.
    """

    def __init__(self) -> None:
        try:
            from perfetto.protos.perfetto.trace import perfetto_trace_pb2 as schema
        except ImportError as error:
            raise ConfigError(
                "Perfetto traces need the package perfetto: pip install '.[viz]' in eie's checkout"
            ) from error
        self._schema = schema
        self._parts: list[bytes] = []
        self._names = list(ACTIVITIES)
        self._annotations: dict[int, Mapping[str, int | str]] = {}
        self._processes = 0
        self.tracks = 0
        self.size = 0
        first = self._packet()
        first.packet[0].sequence_flags = schema.TracePacket.SEQ_INCREMENTAL_STATE_CLEARED
        for number, name in enumerate(ACTIVITIES, 1):
            first.packet[0].interned_data.event_names.add(iid=number, name=name)
        first.packet[0].interned_data.debug_annotation_names.add(iid=1, name="column")
        self._append(first)

    def data(self) -> bytes:
        """Return the trace file."""
        return b"".join(self._parts)

    def declare(self, process: str, tracks: Iterable[tuple[str, str]]) -> int:
        """Declare a process and its tracks in display order; return the first track's number.

        A track is its name, and its unit if it is a counter.
        """
        explicit = self._schema.TrackDescriptor.EXPLICIT
        self._processes += 1
        self.tracks += 1
        parent = self.tracks
        trace = self._packet()
        described = trace.packet[0].track_descriptor
        described.uuid, described.child_ordering = parent, explicit
        described.process.pid, described.process.process_name = self._processes, process
        self._append(trace)
        for rank, (name, unit) in enumerate(tracks):
            self.tracks += 1
            trace = self._packet()
            described = trace.packet[0].track_descriptor
            described.uuid, described.parent_uuid = self.tracks, parent
            described.name, described.sibling_order_rank = name, rank
            if unit:
                described.counter.unit_name = unit
            self._append(trace)
        return parent + 1

    def name(self, name: str, annotations: Mapping[str, int | str]) -> int:
        """Return the number of a name with annotations, for use in `Events.value`."""
        self._names.append(name)
        self._annotations[len(self._names)] = annotations
        return len(self._names)

    def add(self, events: Iterable[Events], stop: int, most_bytes: int) -> int | None:
        """Write events in the order of their edges.

        If the size exceeds `most_bytes`, return the edge at which it does; events at `stop` always
        fit.
        """
        joined = Events(*(np.concatenate(parts) for parts in zip(*events, strict=True)))
        order = np.lexsort((joined.kind, joined.edge))
        counter, begin, end, instant = (
            self._event(kind) for kind in ("COUNTER", "SLICE_BEGIN", "SLICE_END", "INSTANT")
        )
        named = self._event("SLICE_BEGIN")
        annotation = named.packet[0].track_event.debug_annotations.add(name_iid=1)
        traces = {END: end, COUNTER: counter, INSTANT: instant, BEGIN: begin}
        for edge, kind, track, value, column in zip(
            *(part[order].tolist() for part in joined), strict=True
        ):
            trace = named if column != NO_COLUMN else traces[kind]
            packet = trace.packet[0]
            packet.timestamp = edge
            event = packet.track_event
            event.track_uuid = track
            if kind == COUNTER:
                event.counter_value = value
            elif value > len(ACTIVITIES):
                trace = self._labelled(trace, value)
            elif kind != END:
                event.name_iid = value
            if column != NO_COLUMN:
                annotation.uint_value = column
            self._append(trace)
            if self.size > most_bytes and edge < stop:
                return int(edge)
        return None

    def _packet(self) -> Any:
        trace = self._schema.Trace()
        packet = trace.packet.add()
        packet.trusted_packet_sequence_id = 1
        packet.sequence_flags = self._schema.TracePacket.SEQ_NEEDS_INCREMENTAL_STATE
        return trace

    def _event(self, kind: str) -> Any:
        trace = self._packet()
        trace.packet[0].track_event.type = getattr(self._schema.TrackEvent, f"TYPE_{kind}")
        return trace

    def _labelled(self, trace: Any, number: int) -> Any:
        own = self._schema.Trace()
        own.CopyFrom(trace)
        event = own.packet[0].track_event
        event.ClearField("name_iid")
        event.name = self._names[number - 1]
        for key, value in self._annotations[number].items():
            annotation = event.debug_annotations.add(name=key)
            if isinstance(value, str):
                annotation.string_value = value
            else:
                annotation.int_value = value
        return own

    def _append(self, trace: Any) -> None:
        part = trace.SerializeToString()
        self._parts.append(part)
        self.size += len(part)
