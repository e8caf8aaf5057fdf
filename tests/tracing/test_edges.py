"""Recorded intervals become slices and queue lengths: clipped, put in order, and nothing else."""

import numpy as np
import pytest

from eie_backend.isa.cycle_categories import CCU_ACTIVITIES, CYCLE_CATEGORIES
from eie_backend.isa.program import Step
from eie_backend.runtime import INTERVAL
from eie_backend.tracing.edges import (
    ACTIVITIES,
    NO_COLUMN,
    ORDER,
    ccu_slices,
    pe_slices,
    queue_lengths,
)
from eie_backend.tracing.recording import RecordedStep

CCU, PE_0, QUEUE_0, PE_1, QUEUE_1 = range(5)
NUMBER = {
    declared.name: number
    for all_of in (CCU_ACTIVITIES, CYCLE_CATEGORIES)
    for number, declared in enumerate(all_of)
}


def step(*intervals):
    """Return a step of intervals: track, state or its name, column, first edge, edge after."""
    rows = [(track, NUMBER.get(state, state), *rest) for track, state, *rest in intervals]
    return RecordedStep(Step("mvm", {}, 0), 0, 100, 0, 0, np.array(rows, INTERVAL))


def slices(found):
    """Return slices as tuples: unit, name, column, edges."""
    return [
        (unit, ACTIVITIES[name], column, start, stop)
        for unit, start, stop, name, column in zip(*(part.tolist() for part in found), strict=True)
    ]


def lengths(found):
    return list(zip(*(part.tolist() for part in found), strict=True))


def test_each_kind_of_unit_has_its_names():
    recorded = step(
        (CCU, "held_back", -1, 1, 3), (PE_1, "waiting", -1, 1, 3), (QUEUE_1, 2, -1, 1, 3)
    )
    assert slices(ccu_slices(recorded, 1, 9)) == [(0, "held_back", NO_COLUMN, 1, 3)]
    assert slices(pe_slices(recorded, 1, 9)) == [(1, "waiting", NO_COLUMN, 1, 3)]
    assert lengths(queue_lengths(recorded, 1, 9)) == [(1, 1, 2), (1, 3, 0)]


@pytest.mark.parametrize(
    ("window", "found"),
    [((1, 9), (3, 6)), ((4, 9), (4, 6)), ((1, 5), (3, 5)), ((5, 6), (5, 6)), ((3, 4), (3, 4))],
)
def test_a_slice_is_clipped_to_the_window(window, found):
    recorded = step((PE_0, "multiply", 7, 3, 6))
    assert slices(pe_slices(recorded, *window)) == [(0, "multiply", 7, *found)]


@pytest.mark.parametrize("window", [(1, 3), (6, 9)])
def test_a_slice_outside_of_the_window_is_none(window):
    recorded = step((PE_0, "multiply", 7, 3, 6), (QUEUE_0, 1, -1, 3, 6))
    assert slices(pe_slices(recorded, *window)) == []
    assert lengths(queue_lengths(recorded, *window)) == []


def test_every_category_has_its_place():
    assert sorted(ORDER) == sorted(category.name for category in CYCLE_CATEGORIES)


def test_slices_are_listed_by_what_they_are():
    """Columns with paddings are the last; what is alike stays in the order of the record."""
    recorded = step(
        (PE_0, "multiply", 0, 2, 3),
        (PE_0, "padding", 0, 3, 4),
        (PE_1, "multiply", 0, 2, 4),
        (PE_0, "drain", -1, 4, 9),
        (PE_0, "scan", -1, 1, 2),
        (PE_1, "scan", -1, 1, 2),
        (PE_1, "multiply", 1, 4, 9),
    )
    assert [found[:3] for found in slices(pe_slices(recorded, 1, 9))] == [
        (0, "scan", NO_COLUMN),
        (1, "scan", NO_COLUMN),
        (0, "drain", NO_COLUMN),
        (1, "multiply", 0),
        (1, "multiply", 1),
        (0, "multiply", 0),
        (0, "padding", 0),
    ]


def test_queues_are_empty_between_intervals_and_outside_of_the_window():
    recorded = step(
        (QUEUE_1, 3, -1, 2, 9),
        (QUEUE_0, 1, -1, 2, 4),
        (QUEUE_0, 2, -1, 4, 5),
        (QUEUE_0, 1, -1, 6, 8),
    )
    own = [(0, 2, 1), (0, 4, 2), (0, 5, 0), (0, 6, 1), (0, 8, 0)]
    assert lengths(queue_lengths(recorded, 1, 20)) == [*own, (1, 2, 3), (1, 9, 0)]
    assert lengths(queue_lengths(recorded, 3, 7)) == [
        *[(0, 3, 1), (0, 4, 2), (0, 5, 0), (0, 6, 1), (0, 7, 0)],
        *[(1, 3, 3), (1, 7, 0)],
    ]
