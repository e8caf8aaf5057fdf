"""`Prune`: how many weights stay, which ones, and what is left alone."""

import numpy as np
import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from tvm import relax

import eie_backend as eie
from eie_backend import from_onnx
from eie_backend.codegen.library import programs
from eie_backend.compress.prune import Prune, density_of_quality, kept, prune
from eie_backend.errors import RecipeError
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


def largest(values, count):
    """Return the places of the `count` largest magnitudes, of ties the first."""
    return sorted(sorted(range(len(values)), key=lambda i: (-abs(values[i]), i))[:count])


@given(weights=matrices(), density=st.floats(0, 1, exclude_min=True))
def test_kept_by_magnitude_is_what_prune_keeps(weights, density):
    mask = kept({"fc": weights}, {"fc": density}, {}, 4)["fc"]
    assert mask.sum() == round(density * weights.size)
    assert np.where(mask, weights, 0).tolist() == prune(weights, density).tolist()


@given(
    layers=st.lists(matrices(), min_size=1, max_size=4),
    density=st.lists(st.floats(0.2, 0.99), min_size=4, max_size=4),
)
def test_global_keeps_the_largest_of_all_layers_together(layers, density):
    weights = {f"fc{n}": values for n, values in enumerate(layers)}
    shares = dict(zip(weights, density, strict=False))
    flat = np.concatenate([values.ravel() for values in layers]).tolist()
    keep = round(sum(shares[name] * values.size for name, values in weights.items()))
    expected = largest(flat, keep)
    try:
        masks = kept(weights, shares, dict.fromkeys(weights, "global"), 4)
    except RecipeError:
        starts = np.cumsum([0, *(values.size for values in layers)])
        assert 0 in np.histogram(expected, starts)[0]
        return
    found = np.concatenate([mask.ravel() for mask in masks.values()])
    assert np.flatnonzero(found).tolist() == expected


def test_global_leaves_layers_with_other_methods_or_density_1_alone():
    rng = np.random.default_rng(0)
    weights = {name: rng.normal(size=(8, 8)).astype(np.float32) for name in "abcd"}
    method = {"a": "global", "b": "magnitude", "c": "global", "d": "global"}
    masks = kept(weights, {"a": 0.5, "b": 0.25, "d": 0.25}, method, 4)
    assert masks["c"].all()
    assert masks["b"].sum() == 16
    assert masks["a"].sum() + masks["d"].sum() == 32 + 16
    both = kept({n: weights[n] for n in "ad"}, {"a": 0.5, "d": 0.25}, method, 4)
    assert [masks[n].tolist() for n in "ad"] == [both[n].tolist() for n in "ad"]


def test_global_may_not_empty_a_layer():
    weights = {"fc1": np.full((2, 4), 9, np.float32), "fc2": np.ones((2, 2), np.float32)}
    with pytest.raises(RecipeError) as error:
        kept(weights, {"fc1": 0.5, "fc2": 0.5}, dict.fromkeys(weights, "global"), 4)
    assert str(error.value) == (
        "recipe: method 'global' keeps no weight of fc2: all larger ones are in other layers; "
        "raise the densities or give these layers method 'magnitude'"
    )


@given(weights=matrices(), density=st.floats(0, 1, exclude_min=True), num_pe=st.integers(1, 12))
@example(weights=np.ones((9, 9), np.float32), density=0.29, num_pe=3)
def test_balanced_keeps_the_same_share_of_every_pe(weights, density, num_pe):
    mask = kept({"fc": weights}, {"fc": density}, {"fc": "balanced"}, num_pe)["fc"]
    assert mask.sum() == round(density * weights.size)
    for pe in range(num_pe):
        part, values = mask[pe::num_pe], weights[pe::num_pe].ravel().tolist()
        assert abs(part.sum() - density * part.size) < 1
        assert np.flatnonzero(part).tolist() == largest(values, part.sum())


def test_balanced_rounds_up_where_the_share_is_nearest():
    """Of 3 and of 2 weights, 40 % are 1.2 and 0.8: one each."""
    mask = kept({"fc": np.ones((5, 1), np.float32)}, {"fc": 0.4}, {"fc": "balanced"}, 2)["fc"]
    assert mask.ravel().tolist() == [True, True, False, False, False]


@pytest.mark.parametrize("num_pe", [1, 4, 7, 64])
def test_balanced_uneven_rows_give_every_pe_the_same_number(num_pe):
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(7 * num_pe, 50)) * rng.lognormal(0, 2, (7 * num_pe, 1))
    layer = {"fc": weights.astype(np.float32)}
    for method, even in [("balanced", True), ("magnitude", num_pe == 1)]:
        mask = kept(layer, {"fc": 0.1}, {"fc": method}, num_pe)["fc"]
        counts = [np.count_nonzero(mask[pe::num_pe]) for pe in range(num_pe)]
        assert (max(counts) - min(counts) <= 1) == even


def test_balanced_pruning_of_uneven_rows_takes_fewer_cycles():
    """With long queues, the gain is that of the slowest PE's entries, paddings too."""
    config = eie.HardwareConfig(num_pe=16, fifo_depth=256)
    rng = np.random.default_rng(0)
    weights = rng.normal(size=(512, 300)) * rng.lognormal(0, 0.5, (512, 1))
    mod = one_layer(weights.astype(np.float32))
    cycles, work = {}, {}
    for method in ("magnitude", "balanced"):
        x = np.ones((1, 300), np.float32)
        recipe = eie.Recipe(density=0.1, method=method)
        compiled = eie.compile(mod, config, recipe=recipe, calibration=x)
        (layer,) = eie.profile(compiled, x).layers
        cycles[method] = layer.cycles_per_sample
        matrix = programs(compiled)[0].matrices[0]
        work[method] = matrix.entries_per_pe.max()
    kept_weights = [np.count_nonzero(matrix.codes()[pe::16]) for pe in range(16)]
    assert kept_weights == [32 * 300 // 10] * 16
    gain = cycles["magnitude"] / cycles["balanced"]
    assert gain == pytest.approx(work["magnitude"] / work["balanced"], rel=0.02)
    assert gain > 1.25


def one_layer(weights):
    """Return a module that multiplies with `weights` (outputs, inputs)."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((1, weights.shape[1]), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            matrix = relax.const(np.ascontiguousarray(weights.T))
            result = builder.emit_output(relax.op.matmul(x, matrix), "fc")
        builder.emit_func_output(result)
    return builder.get()


def test_with_one_pe_balanced_is_magnitude():
    weights = {"fc": np.random.default_rng(0).normal(size=(9, 9)).astype(np.float32)}
    one, other = (kept(weights, {"fc": 0.3}, {"fc": m}, 1)["fc"] for m in ("balanced", "magnitude"))
    assert one.tolist() == other.tolist()


def test_the_pass_takes_a_method_for_each_layer(make_mlp):
    mod = from_onnx(make_mlp(12, 20, 16, 10))
    before = {layer.name: layer.weights for layer in dense_layers(mod)}
    density = {"fc1": 0.3, "fc2": 0.3, "fc3": 0.3}
    method = {"fc1": "global", "fc2": "balanced", "fc3": "global"}
    masks = kept(before, density, method, 4)
    for layer in dense_layers(Prune(density, method, 4)(mod)):
        expected = np.where(masks[layer.name], before[layer.name], 0)
        assert layer.weights.tolist() == expected.tolist()


@given(weights=matrices(), quality=st.floats(0, 3))
def test_quality_is_a_threshold_in_standard_deviations(weights, quality):
    density = density_of_quality(weights, quality)
    threshold = quality * np.std(weights.astype(np.float64))
    close = np.isclose(np.abs(weights), threshold, rtol=1e-6)
    low = np.count_nonzero((np.abs(weights) >= threshold) & ~close) / weights.size
    assert low <= density <= low + np.count_nonzero(close) / weights.size
    stays = prune(weights, density)
    assert (stays[(np.abs(weights) >= threshold) & ~close] != 0).all() or threshold == 0
    assert (stays[(np.abs(weights) < threshold) & ~close] == 0).all()


def test_zeros_between_groups_are_no_weights():
    rng = np.random.default_rng(0)
    blocks = rng.normal(size=(2, 30, 40)).astype(np.float32)
    diagonal = np.zeros((60, 80), np.float32)
    diagonal[:30, :40], diagonal[30:, 40:] = blocks
    expected = density_of_quality(blocks.reshape(60, 40), 1.5)
    assert density_of_quality(diagonal, 1.5, groups=2) == pytest.approx(expected)


def test_a_weight_at_the_threshold_stays():
    assert density_of_quality(np.array([[-1, 1, -1, 1]], np.float32), 1.0) == 1.0


@pytest.mark.parametrize("quality", [0.5, 1.0, 2.0])
def test_a_threshold_prunes_no_more_the_second_time(quality):
    weights = np.random.default_rng(0).normal(0.1, 1, (100, 100)).astype(np.float32)
    once = prune(weights, density_of_quality(weights, quality))
    again = prune(once, density_of_quality(once, quality))
    assert again.tolist() == once.tolist()
