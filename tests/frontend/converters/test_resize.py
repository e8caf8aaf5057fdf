"""Resize, in all its modes, by scales and by sizes: ONNX Runtime is the oracle."""

import numpy as np
import pytest
from by_runtime import assert_as_runtime, assert_models_agree, imported, one_node
from onnx import TensorProto, helper, numpy_helper

from eie_backend.errors import ModelError

X = np.random.default_rng(3).normal(size=(1, 3, 5, 7)).astype(np.float32)
SCALES = [(2, 2), (1.5, 1.5), (0.6, 0.6), (1.3, 0.5)]
SIZES = [(8, 11), (1, 4), (3, 2)]
COORDINATES = ["half_pixel", "align_corners", "asymmetric", "pytorch_half_pixel"]
NEAREST = ["round_prefer_floor", "round_prefer_ceil", "floor", "ceil"]


def assert_all_sizes(**attributes):
    """Compare a model with a node for each of them."""
    nodes, tensors = [], []
    for at, scales in enumerate(SCALES):
        tensors.append(numpy_helper.from_array(np.array([1, 1, *scales], np.float32), f"f{at}"))
        nodes.append(helper.make_node("Resize", ["i0", "", f"f{at}"], [f"s{at}"], **attributes))
    for at, sizes in enumerate(SIZES):
        tensors.append(numpy_helper.from_array(np.array([1, 3, *sizes]), f"n{at}"))
        nodes.append(helper.make_node("Resize", ["i0", "", "", f"n{at}"], [f"z{at}"], **attributes))
    graph = helper.make_graph(
        nodes,
        "test",
        [helper.make_tensor_value_info("i0", TensorProto.FLOAT, X.shape)],
        [helper.make_tensor_value_info(n.output[0], TensorProto.FLOAT, None) for n in nodes],
        tensors,
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 19)], ir_version=8)
    assert_models_agree(model, {"i0": X})


@pytest.mark.sampled(6)
@pytest.mark.parametrize("nearest", NEAREST)
@pytest.mark.parametrize("coordinates", COORDINATES)
def test_nearest(coordinates, nearest):
    assert_all_sizes(coordinate_transformation_mode=coordinates, nearest_mode=nearest)


@pytest.mark.sampled(6)
@pytest.mark.parametrize("antialias", [0, 1])
@pytest.mark.parametrize("coordinates", [*COORDINATES, "half_pixel_symmetric"])
@pytest.mark.parametrize("mode", ["linear", "cubic"])
def test_interpolated(mode, coordinates, antialias):
    assert_all_sizes(mode=mode, coordinate_transformation_mode=coordinates, antialias=antialias)


def test_cubic_with_a_coefficient_and_without_what_is_outside():
    assert_all_sizes(mode="cubic", cubic_coeff_a=-0.5, exclude_outside=1)


@pytest.mark.parametrize("mode", ["nearest", "linear", "cubic"])
def test_a_region(mode):
    roi = np.array([0, 0, 0.2, -0.3, 1, 1, 0.7, 1.4], np.float32)
    inputs = [X, roi, None, np.array([1, 3, 4, 6])]
    assert_as_runtime(
        "Resize", inputs, [1, 3], mode=mode, extrapolation_value=7.0,
        coordinate_transformation_mode="tf_crop_and_resize",
    )  # fmt: skip


def test_some_axes_that_keep_their_ratio():
    for policy in ("stretch", "not_larger", "not_smaller"):
        assert_as_runtime(
            "Resize", [X, None, None, np.array([9, 8])], [3], opset=19, axes=[3, 2],
            keep_aspect_ratio_policy=policy,
        )  # fmt: skip


def test_one_and_three_axes():
    line, cube = X[0], X.reshape(1, 1, 3, 5, 7)
    for x, scales in ((line, [1, 1, 1.5]), (cube, [1, 1, 2, 1.5, 0.7])):
        inputs = [x, None, np.array(scales, np.float32)]
        assert_as_runtime("Resize", inputs, [2], opset=19, mode="linear")


def test_upsample_and_resize_of_old_operator_sets():
    scales = np.array([1, 1, 2.5, 1.5], np.float32)
    for mode in ("nearest", "linear"):
        assert_as_runtime("Upsample", [X, scales], [1], opset=9, mode=mode)
        assert_as_runtime("Resize", [X, scales], [1], opset=10, mode=mode)


@pytest.mark.parametrize(
    "inputs",
    [
        [X, None, np.array([1, 1, -2, 1], np.float32)],
        [X, None, np.array([1, 1, np.nan, 1], np.float32)],
        [X, None, np.array([1, 1, 1e-9, 1], np.float32)],
        [X, None, np.array([1, 1, 1e8, 1], np.float32)],
        [X, None, None, np.array([1, 3, 0, 4])],
    ],
)
def test_impossible_sizes(inputs):
    model, _ = one_node("Resize", inputs, [len(inputs) - 1])
    with pytest.raises(ModelError, match=r"node 'node' \(Resize\): "):
        imported(model, {})


def test_sizes_that_depend_on_data():
    model, _ = one_node("Resize", [X, None, None, np.array([1, 3, 4, 4])])
    with pytest.raises(ModelError, match=r"\(Resize\): input .* decides its sizes; bind"):
        imported(model, {})
