"""`Prune`: how many weights stay, which ones, and what is left alone."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from eie_backend import from_onnx
from eie_backend.compress.prune import Prune, prune
from eie_backend.transform.layers import dense_layers


@st.composite
def matrices(draw):
    """Weights with ties in magnitude, in either memory order."""
    shape = draw(st.tuples(st.integers(1, 9), st.integers(1, 9)))
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    weights = rng.integers(-3, 4, shape).astype(np.float32)
    return np.asfortranarray(weights) if draw(st.booleans()) else weights


@given(weights=matrices(), density=st.floats(0, 1, exclude_min=True))
@example(weights=np.ones((1, 5), np.float32), density=0.5)
@example(weights=np.ones((10, 10), np.float32), density=0.29)
def test_exactly_the_rounded_share_is_kept(weights, density):
    pruned = prune(weights, density)
    nonzero = np.count_nonzero(weights)
    assert np.count_nonzero(pruned) == min(round(density * weights.size), nonzero)
    assert pruned.shape == weights.shape
    assert pruned.dtype == np.float32


@given(weights=matrices(), density=st.floats(0, 1, exclude_min=True))
def test_the_largest_stay_and_ties_keep_the_earlier(weights, density):
    flat = weights.ravel().tolist()
    order = sorted(range(len(flat)), key=lambda i: (-abs(flat[i]), i))
    kept = set(order[: round(density * len(flat))])
    expected = [w if i in kept else 0 for i, w in enumerate(flat)]
    assert prune(weights, density).ravel().tolist() == expected


def test_its_argument_is_not_changed():
    weights = np.array([[1, 2]], np.float32)
    prune(weights, 0.5)
    assert weights.tolist() == [[1, 2]]


@pytest.mark.parametrize("density", [0.01, 0.25, 1.0])
def test_a_named_layer_is_pruned_and_others_are_left_alone(make_mlp, density):
    model = make_mlp(4, 6, 3)
    before = dense_layers(from_onnx(model))
    after = dense_layers(Prune({"fc2": density})(from_onnx(model)))
    assert [layer.name for layer in after] == ["fc1", "fc2"]
    assert after[0].weights.tolist() == before[0].weights.tolist()
    assert after[1].weights.tolist() == prune(before[1].weights, density).tolist()
