"""Normalizations with all their results: ONNX Runtime is the oracle."""

import numpy as np
import pytest
from by_runtime import assert_as_runtime, imported, one_node

from eie_backend.errors import ModelError

X = np.random.default_rng(0).normal(2, 3, (2, 3, 4)).astype(np.float32)


@pytest.mark.parametrize("results", [1, 2, 3])
@pytest.mark.parametrize("axis", [-1, 1, -3])
def test_layers(axis, results):
    shape = X.shape[axis:]
    scale, bias = (np.random.default_rng(n).normal(size=shape).astype(np.float32) for n in (1, 2))
    for inputs in ([X, scale], [X, scale, bias]):
        assert_as_runtime("LayerNormalization", inputs, [1], results, axis=axis, epsilon=0.1)


def test_scales_that_broadcast():
    assert_as_runtime("LayerNormalization", [X, X[:1, :1], X[0, 0]], [1, 2], axis=1)


def test_root_mean_square():
    assert_as_runtime("RMSNormalization", [X, X[0, 0]], [1], opset=23)
    assert_as_runtime("RMSNormalization", [X, X[0]], [1], opset=23, axis=-2, epsilon=0.5)


@pytest.mark.parametrize("p", [1, 2])
def test_norms(p):
    x = X.copy()
    x[0, 1] = 0
    for axis in (-1, 1):
        assert_as_runtime("LpNormalization", [x], axis=axis, p=p)


def test_a_norm_that_onnx_does_not_know():
    model, _ = one_node("LpNormalization", [X], p=3)
    with pytest.raises(ModelError, match="p is 3, it must be 1 or 2"):
        imported(model, {})


def test_results_of_training():
    ones = np.ones(3, np.float32)
    model, _ = one_node("BatchNormalization", [X, *[ones] * 4], [1, 2, 3, 4], training_mode=0)
    imported(model, {"i0": X})
    model, _ = one_node("BatchNormalization", [X, *[ones] * 4], [1, 2, 3, 4], 3)
    with pytest.raises(ModelError, match=r"BatchNormalization|training"):
        imported(model, {})
