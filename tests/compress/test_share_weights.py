"""`ShareWeights`: few values, zeros kept, close to the best clustering."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend import Recipe, compress, from_onnx
from eie_backend.compress.share_weights import ShareWeights, share, share_codes
from eie_backend.machine.nonzeros import nonzeros
from eie_backend.transform.layers import dense_layers


@st.composite
def sparse_weights(draw):
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shape = draw(st.tuples(st.integers(1, 20), st.integers(1, 20)))
    scale = 10.0 ** draw(st.integers(-6, 6))
    weights = draw(st.sampled_from([rng.normal, rng.laplace, rng.uniform]))(size=shape) * scale
    weights *= rng.random(shape) < draw(st.sampled_from([0.0, 0.1, 0.5, 1.0]))
    return np.asarray(weights.astype(np.float32), order=draw(st.sampled_from("CF")))


@given(weights=sparse_weights(), bits=st.integers(1, 8))
def test_zeros_stay_and_few_values_are_left(weights, bits):
    shared = share(weights, bits)
    assert (shared[weights == 0] == 0).all()
    assert np.unique(np.append(shared, 0)).size <= 2**bits
    assert shared.shape == weights.shape
    assert shared.dtype == np.float32


@given(weights=sparse_weights(), bits=st.integers(1, 8))
def test_every_weight_takes_the_nearest_value_in_its_range(weights, bits):
    shared = share(weights, bits)
    used = weights != 0
    values = np.unique(shared[used]).astype(np.float64)
    chosen = np.abs(shared[used].astype(np.float64) - weights[used])
    nearest = np.abs(weights[used].astype(np.float64)[:, None] - values).min(1, initial=np.inf)
    assert chosen.tolist() == nearest.tolist()
    assert (shared >= weights.min()).all()
    assert (shared <= weights.max()).all()


@given(weights=sparse_weights(), bits=st.integers(1, 8))
def test_a_layer_with_few_values_is_left_alone(weights, bits):
    shared = share(weights, bits)
    assert share(shared, bits).tobytes() == shared.tobytes()


@pytest.mark.parametrize("bits", [1, 2, 4])
def test_few_values_are_two_to_the_bits_with_zero(bits):
    distinct = np.arange(1, 2**bits, dtype=np.float32)[None]
    assert share(distinct, bits).tolist() == distinct.tolist()
    one_more = np.arange(1, 2**bits + 1, dtype=np.float32)[None]
    assert share(one_more, bits).tolist() != one_more.tolist()


@given(
    weights=sparse_weights(),
    bits=st.integers(1, 8),
    initialization=st.sampled_from(["best", "linear", "density", "random"]),
)
def test_codes_and_codebook_are_the_shared_weights(weights, bits, initialization):
    codes, codebook = share_codes(nonzeros(weights), bits, initialization)
    assert codebook[0] == 0
    assert (np.diff(codebook[1:]) >= 0).all()
    assert codebook.size <= 2**bits
    dense = np.zeros(weights.shape[::-1], np.uint8).T
    codes.write(dense)
    assert codebook[dense].tolist() == share(weights, bits, initialization).tolist()


def test_the_best_of_several_optima_is_taken():
    """From linear starting points, k-means ends in 1 | 6 | 7 9 here, with four times the error."""
    weights = np.array([[1, 6, 7, 9]], np.float32)
    assert share(weights, 2).tolist() == [[1, 6.5, 6.5, 9]]


@pytest.mark.parametrize(("bits", "best"), [(2, 0.1902), (3, 0.04400)])
def test_a_normal_layer_is_shared_as_by_the_best_quantizer(bits, best):
    """Errors of the best 3 and 7 levels: Max, Quantizing for Minimum Distortion (1960)."""
    weights = np.random.default_rng(0).normal(size=(300, 1000)).astype(np.float32)
    error = np.mean((share(weights, bits).astype(np.float64) - weights) ** 2)
    assert error == pytest.approx(best, rel=0.01)


def test_its_argument_is_not_changed():
    weights = np.arange(1, 9, dtype=np.float32)[None]
    share(weights, 2)
    assert weights.tolist() == [[1, 2, 3, 4, 5, 6, 7, 8]]


def test_a_named_layer_is_shared_and_others_are_left_alone(make_mlp):
    model = make_mlp(4, 6, 3)
    before = dense_layers(from_onnx(model))
    after = dense_layers(ShareWeights({"fc2": 2})(from_onnx(model)))
    assert [layer.name for layer in after] == ["fc1", "fc2"]
    assert after[0].weights.tolist() == before[0].weights.tolist()
    assert after[1].weights.tolist() == share(before[1].weights, 2).tolist()


def test_a_recipe_says_where_the_search_starts(make_mlp):
    mod = from_onnx(make_mlp(20, 30, 20))
    before = {layer.name: layer.weights for layer in dense_layers(mod)}
    recipe = Recipe(bits=3, initialization={"fc1": "density"})
    after = {layer.name: layer.weights for layer in dense_layers(compress(mod, recipe))}
    for name, start in (("fc1", "density"), ("fc2", "best")):
        assert after[name].tolist() == share(before[name], 3, start).tolist()
    assert share(before["fc1"], 3).tolist() != after["fc1"].tolist()
