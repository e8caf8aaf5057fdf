"""What holds for every pruning method, also for one that is not written yet."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.compress.prune import Prune, kept
from eie_backend.errors import RecipeError
from eie_backend.frontend import from_onnx
from eie_backend.pruning import methods
from eie_backend.pruning.method import PruningMethod
from eie_backend.pruning.methods import LAYERWISE_METHODS, METHODS, PRUNING_METHOD
from eie_backend.recipe import Recipe
from eie_backend.transform.layers import dense_layers


@st.composite
def networks(draw):
    """Weights of a few layers, with ties in magnitude, and their densities."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    shapes = draw(st.lists(st.tuples(st.integers(1, 9), st.integers(1, 9)), min_size=1, max_size=3))
    weights = {
        f"fc{n}": rng.integers(-3, 4, shape).astype(np.float32) for n, shape in enumerate(shapes)
    }
    return weights, {name: draw(st.floats(0.2, 0.99)) for name in weights}


def masks_of(method, weights, density, num_pe=3):
    """Return the masks, or None if the method leaves a layer empty."""
    try:
        return kept(weights, density, dict.fromkeys(weights, method), num_pe)
    except RecipeError:
        return None


@pytest.mark.parametrize("method", METHODS)
@given(network=networks())
def test_a_mask_for_every_layer_the_same_each_time(method, network):
    weights, density = network
    copies = {name: values.copy() for name, values in weights.items()}
    masks = masks_of(method, weights, density)
    again = masks_of(method, copies, density)
    assert (masks is None) == (again is None)
    for name, mask in (masks or {}).items():
        assert (mask.dtype, mask.shape) == (np.bool_, weights[name].shape)
        assert mask.tolist() == again[name].tolist()
        assert weights[name].tolist() == copies[name].tolist()


@pytest.mark.parametrize("method", METHODS)
@given(network=networks())
def test_methods_do_as_they_say_of_layers_and_pes(method, network):
    weights, density = network
    if METHODS[method].is_layerwise:
        together = masks_of(method, weights, density)
        for name, values in weights.items():
            alone = masks_of(method, {name: values}, density)
            assert alone[name].tolist() == together[name].tolist()
    if not METHODS[method].counts_pes:
        one, other = (masks_of(method, weights, density, num_pe) for num_pe in (1, 4))
        assert str(one) == str(other)


@pytest.mark.parametrize("method", [name for name in METHODS if METHODS[name].stays])
@given(network=networks())
def test_without_a_mask_the_same_weights_stay(method, network):
    weights, density = network
    for name, mask in masks_of(method, weights, density).items():
        found = METHODS[method].stays(weights[name], density[name])
        stays = np.asfortranarray(weights[name])
        if found is not None:
            found.write(stays)
        assert stays.tolist() == np.where(mask, weights[name], 0).tolist()


@pytest.mark.parametrize("method", METHODS)
def test_a_layer_that_keeps_all_is_left_alone(method):
    weights = {"fc": np.ones((2, 2), np.float32)}
    assert kept(weights, {"fc": 1.0}, {"fc": method}, 4)["fc"].all()


def test_magnitude_is_the_first_and_only_layerwise_methods_are_tried():
    assert PRUNING_METHOD.values[0] == PRUNING_METHOD.default == "magnitude"
    assert {"magnitude", "balanced", "global"} <= METHODS.keys()
    assert "global" not in LAYERWISE_METHODS


def test_a_new_method_is_all_that_compression_needs(make_mlp, monkeypatch):
    """A file would define this; pruning itself needs no more."""
    first = PruningMethod("first", "all rows but the first go", "the first row", keep_first_row)
    monkeypatch.setitem(methods.METHODS, "first", first)
    mod = from_onnx(make_mlp(4, 6, 3))
    (_, before), (_, after) = (
        [layer.weights for layer in dense_layers(one)]
        for one in (mod, Prune({"fc2": 0.5}, {"fc2": "first"})(mod))
    )
    assert after[0].tolist() == before[0].tolist()
    assert not after[1:].any()
    assert not Recipe(method={"fc1": "balanced"}).counts_pes == first.counts_pes


def keep_first_row(weights, _density, _num_pe):
    masks = {name: np.zeros(values.shape, bool) for name, values in weights.items()}
    for mask in masks.values():
        mask[0] = True
    return masks
