"""What the engine recorded, as viewers need it: slices of activity, and lengths of queues.

The engine says which edges are what (``runtime/engine/intervals.h``). Here they are only chosen,
clipped and put in order. Edges count from the start of the step; a slice covers the edges from
``start`` up to, but without, ``stop``.
"""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from eie_backend.isa.cycle_categories import CCU_ACTIVITIES, CYCLE_CATEGORIES
from eie_backend.tracing.recording import RecordedStep

ACTIVITIES = tuple(activity.name for activity in (*CCU_ACTIVITIES, *CYCLE_CATEGORIES))
"""The CCU's activities, then those of a PE: the categories of ``docs/cycles.md``."""
NO_COLUMN = -1

ORDER = ("starved", "scan", "waiting", "empty_column", "drain", "multiply", "padding")
"""Slices of PEs in the order in which files list those of one edge."""

Ints = NDArray[np.int32]


class Slices(NamedTuple):
    """Slices of several units; all arrays have the same length.

    `unit` is the PE, `name` the activity's number in `ACTIVITIES`, `column` the broadcast column or
    `NO_COLUMN`.
    """

    unit: Ints
    start: Ints
    stop: Ints
    name: Ints
    column: Ints


class Lengths(NamedTuple):
    """Edges at which a queue's length changes to `length` columns, ordered by PE and edge."""

    unit: Ints
    edge: Ints
    length: Ints


def ccu_slices(recorded: RecordedStep, start: int, stop: int) -> Slices:
    """Return the slices of the CCU while rows are left; its unit number is 0."""
    own = recorded.intervals[recorded.intervals["track"] == 0]
    return _within(own, start, stop)


def pe_slices(recorded: RecordedStep, start: int, stop: int) -> Slices:
    """Return the slices of the PEs; every edge from `start` up to `stop` is in one slice per PE."""
    own = recorded.intervals[recorded.intervals["track"] % 2 == 1]
    place = np.array([ORDER.index(category.name) for category in CYCLE_CATEGORIES])[own["state"]]
    # A column with paddings comes after all without.
    slice_of = own["track"].astype(np.int64) << 32 | own["column"]
    place[np.isin(slice_of, slice_of[place == ORDER.index("padding")])] += 1
    found = _within(own[np.argsort(place, kind="stable")], start, stop)
    return found._replace(name=found.name + np.int32(len(CCU_ACTIVITIES)))


def queue_lengths(recorded: RecordedStep, start: int, stop: int) -> Lengths:
    """Return the changes of each queue's length in columns; it is 0 before and after."""
    track = recorded.intervals["track"]
    own = recorded.intervals[(track > 0) & (track % 2 == 0)]
    held = _within(own[np.lexsort((own["first"], own["track"]))], start, stop)
    # A queue becomes empty where no interval of its own follows.
    follows = (held.unit[1:] == held.unit[:-1]) & (held.start[1:] == held.stop[:-1])
    ends = ~np.append(follows, False)[: held.unit.size]
    place = np.arange(held.unit.size)
    order = np.argsort(np.append(2 * place, 2 * place[ends] + 1))

    def merged(changes: Ints, last: Ints) -> Ints:
        return np.append(changes, last[ends])[order].astype(np.int32)

    return Lengths(
        merged(held.unit, held.unit),
        merged(held.start, held.stop),
        merged(held.name, np.zeros_like(held.name)),
    )


def _within(intervals: NDArray[np.void], start: int, stop: int) -> Slices:
    """Clip intervals to the edges from `start` up to `stop`; names are their states."""
    first = np.maximum(intervals["first"], start)
    last = np.minimum(intervals["stop"], stop)
    inside = first < last
    track = intervals["track"]
    parts = ((np.maximum(track, 1) - 1) // 2, first, last, intervals["state"], intervals["column"])
    return Slices(*(np.asarray(part, np.int32)[inside] for part in parts))
