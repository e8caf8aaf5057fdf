"""Figure 12: real work over total work."""

import numpy as np
import pytest

from eie_backend import HardwareConfig, encode
from eie_backend.reproduce.figure_12 import draw, expected_share, real_share
from eie_backend.reproduce.shaded_bars import PES
from eie_backend.show.drawing import rendered
from eie_backend.workloads import TABLE_III, LayerShape

ESTIMATES = {
    "Alex-6": (0.78, 0.79, 0.84, 1.00),
    "Alex-7": (0.78, 0.79, 0.84, 1.00),
    "VGG-6": (0.48, 0.51, 0.64, 1.00),
    "VGG-7": (0.48, 0.51, 0.64, 1.00),
    "VGG-8": (0.99, 0.99, 1.00, 1.00),
    "NT-We": (0.82, 0.90, 1.00, 1.00),
    "NT-Wd": (0.85, 0.85, 0.86, 0.92),
    "NT-LSTM": (0.82, 0.84, 0.90, 1.00),
}
"""At 1, 16, 64 and 256 PEs, estimated for uniform sparsity before there was this simulator."""


@pytest.fixture(scope="module")
def result(results):
    return results("figure_12")


def test_the_statements_hold(result):
    assert result.failures == []
    assert sum(value.tolerance is not None for value in result.values) == 1 + 9 * 4


def test_padding_entries(runs, golden):
    text = "num_pe " + " ".join(map(str, PES)) + "\n"
    for name in runs.layers:
        found = [runs.with_pes(name, n).counters["padding_entries"] for n in PES]
        text += " ".join([name, *map(str, found)]) + "\n"
    golden("figure_12_padding_entries.txt", text)


@pytest.mark.parametrize("name", ESTIMATES)
def test_expected_shares_are_the_estimates(name):
    found = [expected_share(TABLE_III[name], n) for n in (1, 16, 64, 256)]
    assert found == pytest.approx(ESTIMATES[name], abs=0.0051)


def test_a_long_column_pads_where_sixteen_zeros_follow_each_other():
    share = expected_share(LayerShape("long", 1, 10**6, 0.05, 1), 1)
    assert share == pytest.approx(1 - 0.95**16, rel=1e-3)


@pytest.mark.parametrize(("outputs", "num_pe"), [(100, 1), (1000, 7), (333, 4), (15, 1), (33, 2)])
def test_expected_shares_are_those_of_random_matrices(outputs, num_pe):
    """200,000 weights and more: chance is far below 1 %."""
    shape = LayerShape("random", 10**7 // outputs // 2, outputs, 0.06, 1)
    codes = np.random.default_rng(0).random((outputs, shape.inputs)) < shape.weight_density
    encoded = encode(codes.astype(np.uint8), [0, 1], HardwareConfig(num_pe=num_pe))
    share = 1 - encoded.padding_entries / encoded.entries.size
    assert expected_share(shape, num_pe) == pytest.approx(share, rel=0.005)


def test_slices_of_at_most_sixteen_rows_need_no_padding(runs):
    assert expected_share(LayerShape("short", 9, 16 * 5, 0.01, 1), 5) == 1
    assert real_share(runs.with_pes("Alex-7", 256)) == 1


def test_the_picture_has_a_bar_per_layer_and_number_of_pes(result):
    made = []
    assert rendered(lambda: made.append(draw(result)) or made[0], "png").startswith(b"\x89PNG")
    assert len(made[0].axes[0].patches) == 9 * len(PES)
