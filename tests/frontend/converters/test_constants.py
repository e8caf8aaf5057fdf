"""Constant in all its spellings, Dropout's mask, and EyeLike."""

import numpy as np
import pytest
from by_runtime import assert_as_runtime, imported, one_node
from onnx import TensorProto, numpy_helper

from eie_backend.errors import ModelError

X = np.arange(6, dtype=np.float32).reshape(2, 3)
BOOL = TensorProto.BOOL


@pytest.mark.parametrize(
    ("attributes", "wanted"),
    [
        ({"value_float": 1.5}, np.float32(1.5)),
        ({"value_floats": [1.5, 2.0]}, np.array([1.5, 2], np.float32)),
        ({"value_int": 3}, np.int64(3)),
        ({"value_ints": [3, 4]}, np.array([3, 4])),
        ({"value": numpy_helper.from_array(X)}, X),
    ],
)
def test_values(attributes, wanted):
    kind = TensorProto.FLOAT if wanted.dtype == np.float32 else TensorProto.INT64
    model, feeds = one_node("Constant", [], kinds=[kind], **attributes)
    (found,) = imported(model, feeds)
    assert (found.dtype, found.tolist()) == (wanted.dtype, wanted.tolist())


def test_the_mask_of_dropout_is_boolean_and_keeps_all():
    assert_as_runtime("Dropout", [X], results=2, opset=13, kinds=[TensorProto.FLOAT, BOOL])
    ratio, no = np.float32(0.75), np.array(False)
    assert_as_runtime(
        "Dropout", [X, ratio, no], [1, 2], 2, opset=13, kinds=[TensorProto.FLOAT, BOOL]
    )


def test_dropout_in_training():
    model, _ = one_node("Dropout", [X, np.float32(0.5), np.array(True)], [1, 2])
    with pytest.raises(ModelError, match=r"node 'node' \(Dropout\): it is in training mode"):
        imported(model, {})


@pytest.mark.parametrize("diagonal", [-1, 0, 2, 100])
def test_ones_on_a_diagonal(diagonal):
    assert_as_runtime("EyeLike", [X], k=diagonal)
    if diagonal < 100:
        kinds = [TensorProto.INT32]
        assert_as_runtime("EyeLike", [X], k=diagonal, dtype=TensorProto.INT32, kinds=kinds)
