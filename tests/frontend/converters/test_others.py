"""OneHot, ReduceMax, DepthToSpace, RoiAlign, quantized operators: ONNX Runtime is the oracle."""

import numpy as np
import pytest
from by_runtime import assert_as_runtime, imported, one_node
from onnx import TensorProto

from eie_backend.errors import ModelError

RNG = np.random.default_rng(0)
X = RNG.normal(size=(2, 4, 6, 6)).astype(np.float32)
INT8, UINT8, INT64 = TensorProto.INT8, TensorProto.UINT8, TensorProto.INT64


@pytest.mark.parametrize("axis", [-1, 0, 1])
def test_one_hot(axis):
    index, values = np.array([[0, -1, 7], [2, -5, -4]]), np.array([0.5, 3], np.float32)
    assert_as_runtime("OneHot", [index, np.array(4), values], [1], axis=axis)


@pytest.mark.parametrize("operator", ["ReduceMax", "ReduceMin"])
def test_extremes_of_infinities_and_of_booleans(operator):
    x = np.where(X > 0, X, np.float32(-np.inf if operator == "ReduceMax" else np.inf))
    x[0, 0] = x[0, 0, 0, 0] = -np.inf if operator == "ReduceMax" else np.inf
    for keepdims in (0, 1):
        assert_as_runtime(operator, [x, np.array([2, -1])], [1], opset=18, keepdims=keepdims)
    assert_as_runtime(operator, [x], opset=18)
    assert_as_runtime(operator, [x], opset=18, noop_with_empty_axes=1)
    yes = x > 0.5
    assert_as_runtime(operator, [yes, np.array([1])], [1], opset=20, kinds=[TensorProto.BOOL])


@pytest.mark.parametrize("mode", ["DCR", "CRD"])
def test_depth_to_space(mode):
    assert_as_runtime("DepthToSpace", [X], blocksize=2, mode=mode)
    assert_as_runtime("SpaceToDepth", [X], blocksize=3)


@pytest.mark.parametrize("mode", ["half_pixel", "output_half_pixel"])
@pytest.mark.parametrize("samples", [0, 2])
def test_means_of_regions(mode, samples):
    regions = np.array([[0, 0, 5, 6], [1.3, 2.2, 9.7, 8.1], [-2, -1, 20, 4]], np.float32)
    for scale in (1.0, 0.5):
        assert_as_runtime(
            "RoiAlign", [X, regions, np.array([0, 1, 1])], coordinate_transformation_mode=mode,
            spatial_scale=scale, sampling_ratio=samples, output_height=3, output_width=2,
        )  # fmt: skip


def test_maxima_of_regions():
    model, _ = one_node("RoiAlign", [X, np.ones((1, 4), np.float32), np.array([0])], mode="max")
    with pytest.raises(ModelError, match=r"node 'node' \(RoiAlign\): mode is 'max'"):
        imported(model, {})


@pytest.mark.parametrize("zero", [np.array(3, np.uint8), np.array([3, 0, -2, 5], np.int8)])
def test_quantized(zero):
    scale = np.full(zero.shape, 0.02, np.float32)
    kind = UINT8 if zero.dtype == np.uint8 else INT8
    assert_as_runtime("QuantizeLinear", [X, scale, zero], [1, 2], kinds=[kind])
    q = RNG.integers(0, 100, X.shape).astype(zero.dtype)
    assert_as_runtime("DequantizeLinear", [q, scale, zero], [1, 2])


def test_products_of_quantized_matrices():
    a, b = (
        RNG.integers(0, 255, (3, 4)).astype(np.uint8),
        RNG.integers(-99, 99, (4, 2)).astype(np.int8),
    )
    scales = [np.float32(one) for one in (0.02, 0.03, 0.1)]
    inputs = [
        a, scales[0], np.uint8(7), b, scales[1], np.int8(-3), scales[2], np.uint8(11),
    ]  # fmt: skip
    assert_as_runtime("QLinearMatMul", inputs, range(1, 8), kinds=[UINT8])


def test_unsigned_integers_are_not_sorted():
    x = np.arange(6, dtype=np.uint64)
    model, _ = one_node(
        "TopK", [x, np.array([2])], [1], 2, kinds=[TensorProto.UINT64, INT64], opset=24
    )
    with pytest.raises(ModelError, match=r"\(TopK\): it sorts uint64"):
        imported(model, {})


@pytest.mark.parametrize("kind", [TensorProto.INT4, TensorProto.FLOAT8E4M3FN])
def test_types_that_no_code_is_made_for(kind):
    model, _ = one_node("Cast", [X], kinds=[kind], opset=21, to=kind)
    with pytest.raises(ModelError, match=r"is (INT4|FLOAT8E4M3FN); computed are floats of"):
        imported(model, {})
