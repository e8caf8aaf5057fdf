"""`target_densities`: densities and thresholds by layer; what cannot be is said at once."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend import Recipe, compress, from_onnx
from eie_backend.compress.densities import target_densities
from eie_backend.compress.prune import density_of_quality
from eie_backend.errors import RecipeError
from eie_backend.transform.layers import layers_of, weights_by_layer


def layers(*sizes):
    rng = np.random.default_rng(0)
    weights = {
        f"fc{n}": rng.normal(size=(1, size)).astype(np.float32) for n, size in enumerate(sizes, 1)
    }
    return weights, {name: (name, name, "@dense") for name in weights}


def test_a_layer_has_its_density_or_that_of_its_threshold():
    weights, names = layers(300, 200, 100)
    recipe = Recipe(density={"fc1": 0.5}, quality={"fc2": 1.0})
    assert target_densities(recipe, weights, names) == {
        "fc1": 0.5,
        "fc2": density_of_quality(weights["fc2"], 1.0),
        "fc3": 1.0,
    }


def test_all_faults_at_once():
    weights, names = layers(300, 200, 100)
    recipe = Recipe(density={"fc1": 1e-6, "fc3": 0.5, "conv": 0.5}, quality={"fc[23]": 50})
    with pytest.raises(RecipeError) as error:
        target_densities(recipe, weights, names)
    assert str(error.value) == (
        "recipe: no layer is called 'conv'; the layers are fc1, fc2, fc3; fc1: density 1e-06 "
        "keeps none of 300 weights; give at least 0.0033; fc2: quality 50 keeps none of 200 "
        "weights; give at most 3.87; fc3 has both density 0.5 and quality 50: give one"
    )


@given(size=st.integers(1, 10_000))
def test_the_density_that_the_message_allows_keeps_a_weight(size):
    weights, names = layers(size)
    with pytest.raises(RecipeError, match="keeps none") as error:
        target_densities(Recipe(density=0.4 / size), weights, names)
    allowed = float(str(error.value).rpartition(" ")[2])
    density = target_densities(Recipe(density=allowed), weights, names)["fc1"]
    assert round(density * size) >= 1


@given(size=st.integers(2, 1000), seed=st.integers(0, 9))
def test_the_quality_that_the_message_allows_keeps_a_weight(size, seed):
    weights = {"fc1": np.random.default_rng(seed).normal(size=(1, size)).astype(np.float32)}
    names = {"fc1": ("fc1", "fc1", "@dense")}
    with pytest.raises(RecipeError, match="keeps none") as error:
        target_densities(Recipe(quality=1e9), weights, names)
    allowed = float(str(error.value).rpartition(" ")[2])
    assert target_densities(Recipe(quality=allowed), weights, names)["fc1"] > 0


def test_a_layer_without_weights_keeps_none():
    weights, names = {"fc1": np.zeros((3, 4), np.float32)}, {"fc1": ("fc1", "fc1", "@dense")}
    assert target_densities(Recipe(density=0.5), weights, names) == {"fc1": 0.5}
    assert target_densities(Recipe(quality=2), weights, names) == {"fc1": 1.0}


def test_compress_prunes_below_the_threshold(make_mlp):
    mod = from_onnx(make_mlp(24, 20, 10))
    before = weights_by_layer(layers_of(mod))
    after = weights_by_layer(layers_of(compress(mod, Recipe(quality={"fc1": 1.5}, bits=8))))
    stays = np.abs(before["fc1"]) >= 1.5 * before["fc1"].astype(np.float64).std()
    assert ((after["fc1"] != 0) == stays).all()
    assert (after["fc2"] != 0).all()
