"""Generated layers have exactly the non-zeros that their shapes ask for."""

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend import HardwareConfig
from eie_backend.errors import InputError
from eie_backend.workloads import TABLE_III, LayerShape, generate, read_alex8
from eie_backend.workloads.generate import pruned_gaussian_codebook


@given(
    st.integers(1, 80),
    st.integers(1, 80),
    st.floats(0, 1),
    st.floats(0, 1),
    st.integers(0, 2**32),
)
def test_numbers_of_non_zeros_are_exact(inputs, outputs, weight_density, act_density, seed):
    shape = LayerShape("any", inputs, outputs, weight_density, act_density)
    layer = generate(shape, seed)
    assert np.count_nonzero(layer.codes) == round(weight_density * inputs * outputs)
    assert np.count_nonzero(layer.activations) == round(act_density * inputs)
    assert (layer.shape.inputs, layer.shape.outputs) == (inputs, outputs)


@pytest.mark.parametrize("name", TABLE_III)
def test_densities_are_those_of_table_iii(name):
    shape = generate(TABLE_III[name]).shape
    assert shape.weight_density == pytest.approx(TABLE_III[name].weight_density, abs=1e-6)
    assert shape.act_density == pytest.approx(TABLE_III[name].act_density, abs=1e-3)


def test_the_same_seed_gives_the_same_layer():
    one, same, other = (generate(TABLE_III["NT-We"], seed) for seed in (3, 3, 4))
    assert one.codes.tobytes() == same.codes.tobytes() != other.codes.tobytes()
    assert one.activations.tobytes() == same.activations.tobytes()


def test_the_codebook_follows_a_pruned_gaussian():
    density = 0.25
    drawn = np.random.default_rng(0).standard_normal(4_000_000)
    kept = np.sort(drawn[np.abs(drawn) >= np.quantile(np.abs(drawn), 1 - density)])
    parts = np.array_split(kept, 15)
    expected = [np.median(part) for part in parts]
    expected[7] = parts[7][parts[7] > 0].min()  # the middle part straddles what was pruned
    np.testing.assert_allclose(pruned_gaussian_codebook(density)[1:], expected, atol=0.01)


def test_the_published_layer_is_read_whole(alex8, tmp_path):
    path = tmp_path / "alex8.npz"
    np.savez(path, **alex8)
    layer = read_alex8(path)
    assert layer.encode(HardwareConfig()).has_bias_column
    assert layer.shape.act_density == pytest.approx(0.4294, abs=1e-4)


@pytest.mark.parametrize("content", [b"", b"not an archive", None])
def test_what_is_not_the_layer_is_refused(content, tmp_path):
    path = tmp_path / "layer.npz"
    if content is None:
        np.savez(path, codes=np.zeros((2, 2), np.uint8))
    else:
        path.write_bytes(content)
    with pytest.raises(InputError, match=r"layer\.npz"):
        read_alex8(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(InputError, match="No such file"):
        read_alex8(tmp_path / "absent.npz")
