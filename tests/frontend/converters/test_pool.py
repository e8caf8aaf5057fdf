"""Pooling with drawn windows, paddings and dilations: ONNX Runtime is the oracle."""

import numpy as np
import pytest
from by_runtime import assert_as_runtime, by_runtime, imported, one_node
from onnx import TensorProto

from eie_backend.errors import ModelError

PLACES = (TensorProto.FLOAT, TensorProto.INT64)


def drawn(seed):
    """Return an input, and the attributes of a pooling of it."""
    rng = np.random.default_rng(seed)
    rank = int(rng.integers(1, 4))
    kernel, strides = (rng.integers(1, 4, rank).tolist() for _ in range(2))
    strides = [min(step, size) for step, size in zip(strides, kernel, strict=True)]
    x = rng.normal(size=(2, 3, *rng.integers(5, 9, rank))).astype(np.float32)
    attributes = {"kernel_shape": kernel, "strides": strides}
    attributes["ceil_mode"] = int(rng.integers(2))
    auto = ("NOTSET", "NOTSET", "SAME_UPPER", "SAME_LOWER", "VALID")[seed % 5]
    attributes["auto_pad"] = auto
    if auto == "NOTSET":
        attributes["pads"] = [int(rng.integers(size)) for size in kernel * 2]
    if not auto.startswith("SAME"):  # there, ONNX Runtime leaves dilations out
        attributes["dilations"] = rng.integers(1, 3, rank).tolist()
    return x, attributes


@pytest.mark.sampled(4)
@pytest.mark.parametrize("seed", range(20))
def test_maxima(seed):
    x, attributes = drawn(seed)
    model, feeds = one_node("MaxPool", [x], opset=22, **attributes)
    try:
        by_runtime(model, feeds)
    except Exception:  # it refuses some paddings
        pytest.skip("ONNX Runtime refuses it")
    assert_as_runtime("MaxPool", [x], opset=22, **attributes)
    assert_as_runtime("MaxPool", [x], results=2, opset=22, kinds=PLACES, **attributes)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("seed", range(20))
def test_means(seed):
    x, attributes = drawn(seed)
    attributes["count_include_pad"] = seed // 5 % 2
    assert_as_runtime("AveragePool", [x], opset=22, **attributes)


@pytest.mark.parametrize("seed", range(5))
def test_norms(seed):
    x, attributes = drawn(seed)
    assert_as_runtime("LpPool", [x], opset=22, p=1 + seed % 3, **attributes)


def test_integers():
    x = np.random.default_rng(0).integers(-128, 127, (1, 2, 6, 6)).astype(np.int8)
    attributes = {"kernel_shape": [3, 3], "pads": [1, 1, 1, 1], "strides": [2, 2]}
    assert_as_runtime("MaxPool", [x], kinds=[TensorProto.INT8], **attributes)


@pytest.mark.parametrize(
    ("attributes", "fault"),
    [
        ({"kernel_shape": [3, 3], "strides": [0, 1]}, "strides"),
        ({"kernel_shape": [3, 3], "pads": [3, 0, 0, 0]}, "pads"),
        ({"kernel_shape": [3, 3], "pads": [-1, 0, 0, 0]}, "pads"),
        ({"kernel_shape": [9, 9]}, "MaxPool"),
        (
            {"kernel_shape": [1, 1], "strides": [3, 3], "auto_pad": "SAME_UPPER"},
            "above the window's; give pads",
        ),
    ],
)
def test_impossible_windows(attributes, fault):
    model, _ = one_node("MaxPool", [np.ones((1, 1, 6, 6), np.float32)], **attributes)
    with pytest.raises(ModelError, match=fault):
        imported(model, {})


@pytest.mark.parametrize("operator", ["MaxPool", "AveragePool"])
def test_no_window_begins_in_the_padding(operator):
    """Before operator set 22, ONNX's inference counts one that does; no runtime does."""
    x = np.random.default_rng(0).normal(size=(1, 2, 5, 5)).astype(np.float32)
    attributes = {"kernel_shape": [3, 3], "strides": [3, 3], "pads": [1] * 4, "ceil_mode": 1}
    assert_as_runtime(operator, [x], opset=17, **attributes)
