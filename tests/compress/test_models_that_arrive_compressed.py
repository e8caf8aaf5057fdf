"""Zeros and shared values that another tool made are found and kept to the bit."""

import numpy as np
import pytest
from tvm import relax

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.config import HardwareConfig
from eie_backend.machine.codebook import nonzero_values
from eie_backend.transform.constraints import fits_codebook
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import layers_of

CONFIG = HardwareConfig(num_pe=4)


def model(*layers):
    """Return a chain fc1, fc2, ... with these weights (outputs, inputs), batch 2."""
    builder = relax.BlockBuilder()
    value = x = relax.Var("x", relax.TensorType((2, layers[0].shape[1]), "float32"))
    with builder.function("main", [x]):
        for number, weights in enumerate(layers, start=1):
            constant = relax.const(np.ascontiguousarray(weights.T, np.float32))
            value = builder.emit(relax.op.matmul(value, constant), f"fc{number}")
        builder.emit_func_output(value)
    return builder.get()


def stored(*layers):
    """Compile and return the dense weights that each matrix stores."""
    (program,) = programs(eie.compile(model(*layers), CONFIG, arithmetic="float32"))
    return [matrix.codebook[matrix.codes()] for matrix in program.matrices]


def clustered(values, shape=(12, 20), seed=0):
    """Return weights with exactly so many values, and zeros."""
    rng = np.random.default_rng(seed)
    codebook = np.append(0, rng.permutation(np.linspace(-2.3, 1.9, values))).astype(np.float32)
    codes = rng.integers(0, values + 1, shape)
    codes.reshape(-1)[: values + 1] = np.arange(values + 1)
    return codebook[codes]


def fitting(mod, config=CONFIG):
    """Return the number of values of each layer whose weights fit the codebook as they are."""
    return {
        layer.name: nonzero_values(layer.weights).size
        for layer in layers_of(mod)
        if fits_codebook(layer.weights, config)
    }


@pytest.mark.parametrize("values", [1, 14, 15])
def test_up_to_15_values_are_kept(values):
    weights = clustered(values)
    np.testing.assert_array_equal(stored(weights)[0], weights)
    assert fitting(DenseForm()(model(weights))) == {"fc1": values}


def test_16_values_are_clustered():
    weights = clustered(16)
    (found,) = stored(weights)
    assert np.count_nonzero(np.unique(found)) == 15
    np.testing.assert_array_equal(found == 0, weights == 0)
    assert fitting(DenseForm()(model(weights))) == {}


def test_16_values_fit_a_wider_codebook():
    assert fitting(model(clustered(16)), HardwareConfig(codebook_bits=5)) == {"fc1": 16}


def test_a_negative_zero_is_pruned_and_no_value():
    weights = clustered(15)
    weights[weights == 0] = -0.0
    (found,) = stored(weights)
    np.testing.assert_array_equal(found, weights)
    assert not np.signbit(found[found == 0]).any()


def test_a_codebook_with_a_zero_of_its_own():
    """16 palette entries of which one is 0.0 are 15 values."""
    weights = clustered(15)
    assert np.unique(weights).size == 16
    np.testing.assert_array_equal(stored(weights)[0], weights)


def test_a_pruned_layer_that_is_not_clustered_keeps_its_zeros():
    rng = np.random.default_rng(1)
    weights = (rng.normal(size=(12, 20)) * (rng.random((12, 20)) < 0.1)).astype(np.float32)
    (found,) = stored(weights)
    np.testing.assert_array_equal(found == 0, weights == 0)


def test_a_codebook_per_output_channel_is_one_codebook_if_it_is_small():
    rows = [clustered(3, (1, 20), seed) * np.float32(2**seed) for seed in range(5)]
    weights = np.concatenate(rows)
    assert np.unique(weights).size <= 16
    np.testing.assert_array_equal(stored(weights)[0], weights)


def test_codebooks_per_channel_that_are_too_many_are_clustered():
    weights = np.concatenate(
        [clustered(9, (1, 20), seed) + np.float32(seed / 7) for seed in range(4)]
    )
    assert fitting(model(weights)) == {}
    (found,) = stored(weights)
    assert np.count_nonzero(np.unique(found)) == 15


def test_only_the_layer_that_does_not_fit_is_clustered():
    few, many = clustered(15, (20, 20)), clustered(40, (20, 20))
    first, second = stored(few, many)
    np.testing.assert_array_equal(first, few)
    assert np.count_nonzero(np.unique(second)) == 15


def test_neighbouring_floats_are_different_values():
    values = np.nextafter(np.float32(1), np.arange(15, dtype=np.float32) * 0 + 2, dtype=np.float32)
    steps = np.float32(1) + np.arange(15, dtype=np.float32) * (values[0] - np.float32(1))
    weights = np.tile(steps, (4, 1))
    np.testing.assert_array_equal(stored(weights)[0], weights)
