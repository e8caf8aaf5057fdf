"""`guard`: a step that breaks what it must keep is named with the layer; drift is measured."""

import numpy as np
import pytest
import tvm
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as st_numpy

from eie_backend import Recipe, compress, from_onnx
from eie_backend.compress import steps
from eie_backend.compress.guards import Drift, guard
from eie_backend.errors import GuardError
from eie_backend.transform.layers import layers_of, map_weights, weights_by_layer
from eie_backend.transform.module_pass import ModulePass

SHAPES = st_numpy.array_shapes(min_dims=2, max_dims=2, max_side=7)
WEIGHTS = SHAPES.flatmap(
    lambda shape: st.tuples(
        *[
            st_numpy.arrays(np.float32, shape, elements=st.sampled_from([-2, -0.5, 0, 0, 1, 3]))
            for _ in "ab"
        ]
    )
)


@given(pair=WEIGHTS, order=st.sampled_from("CF"))
def test_drift_is_measured_in_any_memory_order(pair, order):
    before, change = pair
    after = np.asarray(np.where(before == 0, 0, change), order=order)
    (drift,) = guard("share", {"fc": before}, {"fc": after}, {"fc": 8})
    assert drift.nonzero == np.count_nonzero(after)
    assert drift.values == np.unique(np.append(after, 0)).size
    norm = np.linalg.norm(before)
    expected = np.linalg.norm(after - before) / norm if norm else 0.0
    assert drift.relative_error == pytest.approx(expected, rel=1e-6)


@given(pair=WEIGHTS, order=st.sampled_from("CF"))
def test_any_zero_that_became_a_weight_is_found(pair, order):
    before, after = pair
    revived = np.count_nonzero((before == 0) & (after != 0))
    layers = {"fc": before}, {"fc": np.asarray(after, order=order)}
    if not revived:
        guard("prune", *layers)
        return
    with pytest.raises(GuardError, match=f"layer fc: {revived} zeros became weights"):
        guard("prune", *layers)


def test_large_layers_are_compared_in_pieces():
    rng = np.random.default_rng(0)
    before = rng.normal(size=(700, 900)).astype(np.float32)
    after = np.asfortranarray(np.where(np.abs(before) < 1, 0, before))
    (drift,) = guard("prune", {"fc": before}, {"fc": after})
    error = np.linalg.norm(after - before) / np.linalg.norm(before)
    assert drift == Drift("fc", pytest.approx(error, rel=1e-5), np.count_nonzero(after), None)
    before[-1, -1], after[-1, -1] = 0, 9
    with pytest.raises(GuardError, match="layer fc: 1 zeros became weights"):
        guard("prune", {"fc": before}, {"fc": after})


@pytest.mark.parametrize("bits", [1, 4])
def test_two_to_the_bits_values_with_zero_are_allowed_and_no_more(bits):
    allowed = np.arange(1, 2**bits, dtype=np.float32)[None]
    (drift,) = guard("share", {"fc": allowed}, {"fc": allowed}, {"fc": bits})
    assert drift.values == 2**bits
    more = np.arange(1, 2**bits + 1, dtype=np.float32)[None]
    with pytest.raises(GuardError) as error:
        guard("share", {"fc": more}, {"fc": more}, {"fc": bits})
    assert str(error.value) == (
        f"compression step 'share': layer fc: {2**bits + 1} different values with 0.0, but {bits} "
        f"bits allow {2**bits}; the step is at fault, not the model: correct it, or report it"
    )


def test_all_layers_at_fault_are_named():
    ones = np.ones((2, 2), np.float32)
    before = {"gone": ones, "turned": np.ones((2, 3)), "nan": ones, "back": 0 * ones, "good": ones}
    after = {"turned": np.ones((3, 2)), "nan": ones * np.nan, "back": ones, "good": ones}
    with pytest.raises(GuardError) as error:
        guard("prune", before, after)
    assert str(error.value) == (
        "compression step 'prune': layer gone is gone; layer turned has shape (3, 2) instead of "
        "(2, 3); layer nan: weights are NaN or infinite; layer back: 4 zeros became weights; the "
        "step is at fault, not the model: correct it, or report it"
    )


def broken(name, bad):
    """Return a pass class, whatever its arguments, that changes layer fc2 by `bad`."""

    @tvm.transform.module_pass(opt_level=0, name=name)
    class Broken(ModulePass):
        def __init__(self, *_arguments, **_options):
            pass

        def transform_module(self, mod, _context):
            return self.rewritten(mod, None)

        def rewritten(self, mod, _layers):
            return map_weights(mod, lambda layer, w: bad(w) if layer == "fc2" else w)

    return Broken


@pytest.mark.parametrize(
    ("step", "name", "bad", "fault"),
    [
        ("prune", "Prune", lambda w: w + np.float32(1), "1 zeros became weights"),
        ("share", "ShareWeights", lambda w: w, "200 different values with 0.0, but 4 bits"),
        ("share", "ShareWeights", lambda w: np.sign(w) + np.float32(2), "1 zeros became weights"),
        ("share", "ShareWeights", lambda w: w / np.float32(0), "weights are NaN or infinite"),
    ],
)
def test_a_broken_step_is_caught_by_name_of_layer_and_step(
    make_mlp, monkeypatch, step, name, bad, fault
):
    mod = from_onnx(make_mlp(24, 20, 10))
    few_values = map_weights(mod, lambda n, w: np.sign(w) if n == "fc1" else w)
    zero = weights_by_layer(layers_of(mod))["fc2"].max()
    start = map_weights(few_values, lambda n, w: np.where(w == zero, 0, w) if n == "fc2" else w)
    monkeypatch.setattr(steps, name, broken(name, bad))
    with np.errstate(divide="ignore", invalid="ignore"), pytest.raises(GuardError) as error:
        compress(start, Recipe())
    assert f"compression step '{step}': " in str(error.value)
    assert f"layer fc2: {fault}" in str(error.value)
    assert "fc1" not in str(error.value)
