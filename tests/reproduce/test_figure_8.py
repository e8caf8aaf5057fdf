"""Figure 8: load balance by the depth of the activation queue."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend import HardwareConfig, encode, simulate
from eie_backend.reproduce.figure_8 import draw, lock_step
from eie_backend.reproduce.runs import PAPER
from eie_backend.show.drawing import rendered

DEPTHS = (2, 4, 8, 16, 32, 64, 128, 256)


@pytest.fixture(scope="module")
def result(results):
    return results("figure_8")


def test_the_papers_statements_hold(result):
    assert result.failures == []
    assert sum(value.tolerance is not None for value in result.values) == 4


def test_cycles(runs, golden):
    golden("figure_8_cycles.txt", lines(runs, DEPTHS, "fifo_depth"))


def lines(runs, settings, field):
    head = " ".join([field, *map(str, settings)])
    rows = [
        " ".join(
            [name, *(str(runs.run(name, replace(PAPER, **{field: n})).cycles) for n in settings)]
        )
        for name in runs.layers
    ]
    return "\n".join([head, *rows]) + "\n"


@given(st.integers(1, 9), st.integers(1, 40), st.integers(1, 12), st.integers(0, 2**32))
def test_lock_step_is_a_machine_whose_columns_never_overlap(num_pe, outputs, inputs, seed):
    """Each column alone: its issued entries, and the cycles of the PE with the most."""
    rng = np.random.default_rng(seed)
    config = HardwareConfig(num_pe=num_pe)
    codes = rng.integers(0, 4, (outputs, inputs), np.uint8) * (rng.random((outputs, inputs)) < 0.4)
    x = (rng.random(inputs) < 0.7).astype(np.float32)
    entries, edges = 0, 0
    for column in np.flatnonzero(x):
        one = encode(codes[:, [column]].astype(np.uint8), np.arange(4), config)
        entries += one.entries.size
        edges += max(int(one.entries_per_pe.max()), 1)
    found = lock_step(encode(codes.astype(np.uint8), np.arange(4), config), x)
    assert found == pytest.approx(entries / (num_pe * max(edges, 1)))


@given(st.integers(2, 8), st.integers(0, 2**32))
def test_the_smallest_queue_is_better_than_none(num_pe, seed):
    """Apart from the edges at which the scan starts and the pipeline drains, and rows enter."""
    rng = np.random.default_rng(seed)
    config = HardwareConfig(num_pe=num_pe, fifo_depth=2)
    encoded = encode(rng.integers(0, 2, (64, 60), np.uint8), [0, 1], config)
    x = np.ones(60, np.float32)
    cycles = simulate(encoded, x, config, "float32", values=False).cycles
    without = encoded.entries.size / (num_pe * lock_step(encoded, x))
    assert cycles - 8 <= without + 60 / num_pe


def test_a_bias_column_is_always_active():
    codes = np.array([[1, 1], [1, 0]], np.uint8)
    config = HardwareConfig(num_pe=2)
    beside = encode(codes, [0, 1], config, np.array([1, 1], np.uint8))
    assert lock_step(beside, np.array([0, 1], np.float32)) == 3 / (2 * 2)


def test_the_picture_has_a_bar_per_layer_and_depth(result):
    made = []
    svg = rendered(lambda: made.append(draw(result)) or made[0], "svg")
    assert svg.startswith(b"<?xml")
    (axes,) = made[0].axes
    assert len(axes.patches) == 9 * (1 + len(DEPTHS))
    assert sorted(bar.get_height() for bar in axes.patches) == sorted(
        value.ours for value in result.values if value.paper is None
    )
