"""Figure 10: precision of arithmetic."""

import numpy as np
import pytest

from eie_backend.reproduce.figure_10 import ACCUMULATORS, draw, exact
from eie_backend.show.drawing import rendered
from eie_backend.workloads import Layer, LayerShape, generate


@pytest.fixture(scope="module")
def result(results):
    return results("figure_10")


@pytest.mark.nightly
def test_the_papers_statements_hold(result):
    assert result.failures == []
    assert sum(value.tolerance is not None for value in result.values) == 4


@pytest.mark.nightly
def test_errors_are_in_the_order_of_the_steps(result):
    """float32 has 24 bits of a value, int32 32: only with them is int32 finer."""
    rows = {}
    for value in result.values:
        if value.quantity.endswith(" error"):
            rows.setdefault(value.quantity, {})[value.item] = value.ours
    assert len(rows) == 9
    for row in rows.values():
        assert row["int32"] < row["float32"] < row["int16"] < row["int8"] < 0.02
        assert row["float32"] < 1e-6


@pytest.mark.nightly
def test_accuracies(result):
    """A wrong digit of 1,000 is 0.001; nine or fewer of them are."""
    found = [value.ours for value in result.values if value.quantity.endswith(" accuracy")]
    assert len(found) == 2 * len(ACCUMULATORS)
    assert min(found) >= 0.991


@pytest.mark.parametrize("bias", [False, True])
def test_exact_sums_are_those_of_numpy(bias):
    layer = generate(LayerShape("small", 50, 30, 0.3, 0.4), 1)
    codes = np.random.default_rng(2).integers(0, 16, 30, np.uint8) if bias else None
    made = Layer("small", "", layer.codes, layer.codebook, layer.activations, codes)
    expected = layer.weights().astype(np.float64) @ layer.activations.astype(np.float64)
    if codes is not None:
        expected += layer.codebook.astype(np.float64)[codes]
    np.testing.assert_allclose(exact(made), expected, rtol=1e-13, atol=1e-13)


@pytest.mark.nightly
def test_the_picture_has_three_parts(result):
    made = []
    assert rendered(lambda: made.append(draw(result)) or made[0], "png").startswith(b"\x89PNG")
    accuracy, error, energy = made[0].axes
    assert len(accuracy.patches) == 2 * 4 + 3  # the paper labels no 32-bit integers
    assert len(error.lines) == 9
    assert [bar.get_height() for bar in energy.patches] == [3.7, 3.1, 0.62, 0.124]
