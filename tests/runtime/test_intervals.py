"""The record of what every unit did: two engines write the same, and it adds up to the account."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import random_config, random_matrix, random_program, random_samples, run_image

from eie_backend import HardwareConfig, encode
from eie_backend.isa.cycle_categories import CCU_ACTIVITIES, CYCLE_CATEGORIES
from eie_backend.isa.image import encode_image
from eie_backend.machine.formats import FLOAT
from eie_backend.runtime import INTERVAL, runtime
from eie_backend.simulator.matrices import run_samples
from eie_backend.tracing.recording import LAST_EDGE

ALL = (1, LAST_EDGE)
MUCH = 1 << 30
seeds = st.integers(0, 2**32 - 1)


def in_order(intervals):
    return intervals[np.lexsort((intervals["first"], intervals["track"]))]


def record(engine, run, window=ALL, max_bytes=MUCH):
    """Run in a trace; return what `run` does, and the recording."""
    runtime().start_trace(engine, 0, "", *window, interval_bytes=max_bytes, vcd_bytes=0)
    try:
        made = run()
    finally:
        found = runtime().stop_trace()
    assert found.intervals.nbytes <= max_bytes
    return made, found


def recorded(engine, layer, window=ALL, max_bytes=MUCH):
    """Return the intervals, the edge after the last that they cover, and the run's results."""
    config, matrix, x = layer

    def run():
        codebook = matrix.codebook[None].copy()
        options = {"threads": 1, "engine": engine, "account": True}
        return run_samples(matrix, config, codebook, x[None], [FLOAT], **options)

    (_, (counters,), (account,)), found = record(engine, run, window, max_bytes)
    return in_order(found.intervals), found.intervals_end, counters["cycles"], account


def drawn_layer(seed):
    rng = np.random.default_rng(seed)
    config = random_config(rng)
    rows, cols = (int(size) for size in rng.integers(1, [40 * config.num_pe, 80]))
    matrix = random_matrix(rng, config, rows, cols, True)
    active = rng.random(cols) < rng.choice([0.0, 0.05, 0.4, 1.0])
    return config, matrix, active.astype(np.float32)


def clipped(intervals, start, stop):
    """Return the edges from `start` up to `stop`."""
    cut = intervals.copy()
    cut["first"] = np.maximum(cut["first"], start)
    cut["stop"] = np.minimum(cut["stop"], stop)
    return cut[cut["first"] < cut["stop"]]


def assert_equal(found, expected):
    np.testing.assert_array_equal(found, expected)


@given(seed=seeds)
def test_the_engines_record_the_same(seed):
    layer = drawn_layer(seed)
    event, clock = (recorded(engine, layer) for engine in ("event", "clock"))
    assert_equal(event[0], clock[0])
    assert event[1:3] == clock[1:3]


@pytest.mark.parametrize("engine", ["event", "clock"])
@given(seed=seeds)
def test_the_record_adds_up_to_the_account(engine, seed):
    layer = config, _, _ = drawn_layer(seed)
    intervals, end, cycles, account = recorded(engine, layer)
    assert end == LAST_EDGE
    edges = intervals["stop"] - intervals["first"]
    for k in range(config.num_pe):
        own = intervals[intervals["track"] == 1 + 2 * k]
        # Every edge once: an interval begins where the one before stops.
        assert own["first"].tolist() == [1, *own["stop"][:-1].tolist()]
        assert own["stop"][-1] == cycles + 1
        found = np.bincount(own["state"], own["stop"] - own["first"], len(CYCLE_CATEGORIES))
        assert found.tolist() == [int(per_pe[k]) for per_pe in account.breakdown.values()]
    is_pe, is_queue = (intervals["track"] % 2 == kind for kind in (1, 0))
    is_queue &= intervals["track"] > 0
    assert edges[is_pe].sum() == config.num_pe * cycles
    held = np.bincount(intervals["state"][is_queue], edges[is_queue], config.queue_columns + 1)
    held[0] = config.num_pe * cycles - held.sum()
    assert held.tolist() == account.queue_occupancy.tolist()


@pytest.mark.parametrize("engine", ["event", "clock"])
@given(seed=seeds, data=st.data())
def test_a_window_is_part_of_the_whole(engine, seed, data):
    layer = drawn_layer(seed)
    whole, _, cycles, _ = recorded(engine, layer)
    start = data.draw(st.integers(1, cycles))
    stop = data.draw(st.integers(start + 1, cycles + 1))
    part, end, _, _ = recorded(engine, layer, (start, stop))
    assert end == stop
    assert_equal(clipped(part, start, stop), clipped(whole, start, stop))


@pytest.mark.parametrize("engine", ["event", "clock"])
@given(seed=seeds, data=st.data())
def test_a_limit_gives_up_the_last_edges(engine, seed, data):
    layer = drawn_layer(seed)
    whole, _, cycles, _ = recorded(engine, layer)
    size = data.draw(st.integers(0, whole.size))
    part, end, _, _ = recorded(engine, layer, max_bytes=size * INTERVAL.itemsize)
    stop = min(end, cycles + 1)
    assert_equal(clipped(part, 1, stop), clipped(whole, 1, stop))
    assert np.count_nonzero(whole["first"] <= stop) >= size - size // 4


def test_what_just_fits_is_whole():
    layer = drawn_layer(1)
    whole, _, cycles, _ = recorded("event", layer)
    fits, end, _, _ = recorded("event", layer, max_bytes=whole.nbytes)
    assert end == LAST_EDGE
    assert_equal(fits, whole)
    _, end, _, _ = recorded("event", layer, max_bytes=whole.nbytes - 1)
    assert end <= cycles


@given(seed=seeds)
def test_the_engines_record_the_same_program(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    image, samples = encode_image(program), random_samples(rng, 1, program.inputs)

    def steps(engine):
        run = lambda: run_image(image, "f", samples, program.outputs)  # noqa: E731
        _, found = record(engine, run)
        (traced,) = found.runs
        rows = traced.steps.reshape(-1, 5)
        parts = np.split(found.intervals, np.cumsum(rows[:, 4])[:-1])
        return rows, [in_order(part) for part in parts]

    (rows, event), (others, clock) = steps("event"), steps("clock")
    assert_equal(rows, others)
    for found, expected in zip(event, clock, strict=True):
        assert_equal(found, expected)


def test_idle_edges_are_in_the_order_of_what_the_ccu_did():
    """At edge 1 nothing had started, at 2 an empty row had entered, at 3 a row with a non-zero."""
    config = HardwareConfig(num_pe=1)
    layer = config, encode([[1, 1]], [0, 0.5], config), np.array([0, 1], np.float32)
    names = [category.name for category in CYCLE_CATEGORIES]
    for engine in ("event", "clock"):
        intervals, *_ = recorded(engine, layer)
        pe = intervals[intervals["track"] == 1]
        assert [names[state] for state in pe["state"]] == [
            *("scan", "starved", "scan", "multiply", "drain")
        ]


def test_by_hand():
    """The row enters at edge 1, broadcasts follow at 2 and 3, PE 0 multiplies at 3 and 4.

    A queue holds the first column after edge 2 and the second after edge 3. PE 1 has nothing in the
    second column.
    """
    config = HardwareConfig(num_pe=2)
    layer = config, encode([[1, 1], [1, 0]], [0, 0.5], config), np.ones(2, np.float32)
    ccu, category = (
        {declared.name: number for number, declared in enumerate(all_of)}
        for all_of in (CCU_ACTIVITIES, CYCLE_CATEGORIES)
    )
    expected = [
        (0, ccu["row"], -1, 1, 2),
        (0, ccu["broadcast"], 0, 2, 3),
        (0, ccu["broadcast"], 1, 3, 4),
        (1, category["scan"], -1, 1, 3),
        (1, category["multiply"], 0, 3, 4),
        (1, category["multiply"], 1, 4, 5),
        (1, category["drain"], -1, 5, 11),
        (2, 1, -1, 2, 4),
        (3, category["scan"], -1, 1, 3),
        (3, category["multiply"], 0, 3, 4),
        (3, category["empty_column"], 1, 4, 5),
        (3, category["drain"], -1, 5, 11),
        (4, 1, -1, 2, 4),
    ]
    for engine in ("event", "clock"):
        assert recorded(engine, layer)[0].tolist() == expected
