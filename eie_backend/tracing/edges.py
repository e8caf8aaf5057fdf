"""Reconstruct each unit's activity at every edge from recorded broadcasts: slices, queue lengths.

Edges count from the start of the step. A slice covers the edges from ``start`` up to, but without,
``stop``.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES
from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.tracing.recording import RecordedStep

CCU_ACTIVITIES = ("empty_row", "row", "broadcast", "held_back")
"""Activities of the CCU at an edge, with the names of the clock engine's unit."""
ACTIVITIES = (*CCU_ACTIVITIES, *(category.name for category in CYCLE_CATEGORIES))
"""The CCU's activities, then those of a PE: the categories of ``docs/cycles.md``."""
NO_COLUMN = -1

Ints = NDArray[np.int32]


class Slices(NamedTuple):
    """Slices of several units, unordered; all arrays have the same length.

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


def pe_slices(recorded: RecordedStep, matrix: EncodedMatrix, start: int, stop: int) -> Slices:
    """Return the slices of the PEs; every edge from `start` up to `stop` is in one slice per PE."""
    column, entered, earliest, edge = (recorded.timeline[:, i : i + 1] for i in range(4))
    pop = recorded.timeline[:, 4:]
    first_entry, entries = _entries(matrix, column[:, 0])
    next_pop = pop + np.maximum(entries, 1)
    # If broadcasts before the first recorded one are missing, slices before it are wrong, but
    # they are outside the window.
    free = np.concatenate([np.ones_like(pop[:1]), next_pop[:-1]])
    counts = pop <= recorded.cycles
    idle = np.where(counts, pop - free, 0)
    waited = np.minimum(idle, edge - earliest)
    before = np.concatenate([0 * edge[:1], edge[:-1]])
    scanned = np.minimum(idle - waited, 1 * (entered > before) + (before == 0))
    settled = np.where(counts, next_pop, 1).max(axis=0, initial=1)
    ends = np.full_like(settled, recorded.cycles + 1)
    pe = np.arange(matrix.num_pe, dtype=np.int32)
    is_empty = counts & (entries == 0)
    slices = [
        _slices("starved", pe, free, pop - waited - scanned, counts),
        _slices("scan", pe, pop - waited - scanned, pop - waited, counts),
        _slices("waiting", pe, pop - waited, pop, counts),
        _slices("empty_column", pe, pop, pop + 1, is_empty, column),
        _slices("drain", pe, settled, ends, settled < ends),
        _columns(matrix, pop, first_entry, entries, column),
    ]
    return _within(slices, start, stop)


def ccu_slices(recorded: RecordedStep, matrix: EncodedMatrix, start: int, stop: int) -> Slices:
    """Return the slices of the CCU while rows are left; its unit number is 0."""
    column, entered, earliest, edge = recorded.timeline[:, :4].T
    before = np.concatenate([0 * edge[:1], edge[:-1]])
    num_pe, rows = matrix.num_pe, -(-matrix.cols // matrix.num_pe)
    last = int(edge[-1]) if edge.size else 0
    left = rows  # rows without a non-zero after the last broadcast
    if edge.size:
        left = max(rows - 1 - int(column[-1]) // num_pe, 0)
        # A row enters at the edge that broadcasts the last position of the previous row.
        left -= left > 0 and int(column[-1]) % num_pe == num_pe - 1
    own_row = entered > before
    slices = [
        _slices("empty_row", 0, before + 1, entered, own_row),
        _slices("row", 0, entered, entered + 1, own_row),
        _slices("held_back", 0, earliest, edge, True),
        _slices("broadcast", 0, edge, edge + 1, True, column),
        _slices("empty_row", 0, np.array([last + 1]), np.array([last + 1 + left]), True),
    ]
    return _within(slices, start, stop)


def queue_lengths(recorded: RecordedStep, num_pe: int, start: int, stop: int) -> Lengths:
    """Return the changes of each queue's length in columns; it is 0 before and after."""
    edge, pop = recorded.timeline[:, 3:4], recorded.timeline[:, 4:]
    # A push or pop takes effect at its edge; at `stop` all queues become empty.
    times = np.concatenate([np.broadcast_to(edge, pop.shape), pop])
    times = np.clip(times, start, max(start, stop)).T
    steps = np.repeat(np.array([1, -1], np.int32), len(pop))
    unit, order = np.arange(num_pe)[:, None], np.argsort(times, axis=1, kind="stable")
    times, lengths = times[unit, order], np.cumsum(steps[order], axis=1)
    is_last = np.append(np.diff(times, axis=1) != 0, np.ones((num_pe, 1), bool), axis=1)
    is_last = is_last[:, : times.shape[1]]
    units = np.broadcast_to(unit, times.shape)[is_last]
    found, length = times[is_last], lengths[is_last]
    previous = np.where(np.diff(units, prepend=-1) != 0, 0, np.append(0, length[:-1]))
    changes = length != previous
    return Lengths(units[changes], found[changes], length[changes])


def _entries(matrix: EncodedMatrix, column: Ints) -> tuple[Ints, Ints]:
    """Return, by column and PE, the index of the first entry, and the number of entries."""
    pointers = matrix.pointers.astype(np.int32)
    base = np.cumsum(pointers[:, -1], dtype=np.int32) - pointers[:, -1]
    first, end = pointers[:, column].T, pointers[:, column + 1].T
    return first + base, end - first


def _columns(matrix: EncodedMatrix, pop: Ints, first: Ints, entries: Ints, column: Ints) -> Slices:
    """Return the runs of weights and of paddings in all non-empty columns."""
    is_padding = (matrix.entries & ((1 << matrix.codebook_bits) - 1)) == 0
    paddings = np.append(0, np.cumsum(is_padding))
    has_padding = paddings[first + entries] > paddings[first]
    pe = np.arange(matrix.num_pe, dtype=np.int32)
    plain = _slices("multiply", pe, pop, pop + entries, (entries > 0) & ~has_padding, column)
    # For every entry of the other columns: its column, its position there, and its kind.
    shape = has_padding.shape
    unit, columns = (np.broadcast_to(part, shape)[has_padding] for part in (pe, column))
    length = entries[has_padding]
    owner = np.repeat(np.arange(length.size), length)
    place = np.arange(owner.size) - np.repeat(np.cumsum(length) - length, length)
    own = is_padding[first[has_padding][owner] + place]
    begin = np.flatnonzero((place == 0) | np.diff(own, prepend=False))
    owner, at = owner[begin], pop[has_padding][owner[begin]] + place[begin]
    stop = at + np.diff(begin, append=own.size)
    runs = unit[owner], at, stop
    return _join(
        [
            plain,
            _slices("multiply", *runs, ~own[begin], columns[owner]),
            _slices("padding", *runs, own[begin], columns[owner]),
        ]
    )


def _slices(
    name: str, unit: ArrayLike, start: Ints, stop: Ints, chosen: ArrayLike, column: ArrayLike = -1
) -> Slices:
    """Return the selected slices of one activity; all arrays are broadcast to the same shape."""
    parts = np.broadcast_arrays(unit, start, stop, ACTIVITIES.index(name), column, chosen)
    *values, is_chosen = parts
    return Slices(*(np.asarray(value, np.int32)[is_chosen] for value in values))


def _join(slices: Sequence[Slices]) -> Slices:
    return Slices(*(np.concatenate(parts) for parts in zip(*slices, strict=True)))


def _within(slices: Sequence[Slices], start: int, stop: int) -> Slices:
    """Clip `slices` to the edges from `start` up to `stop`."""
    joined = _join(slices)
    cut = joined._replace(start=np.maximum(joined.start, start), stop=np.minimum(joined.stop, stop))
    return Slices(*(values[cut.start < cut.stop] for values in cut))
