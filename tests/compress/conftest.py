"""A small network that bears compression, and labels that it mostly finds."""

import numpy as np
import pytest
from onnx import numpy_helper

import eie_backend as eie


@pytest.fixture(scope="session")
def small_onnx(make_mlp):
    """Return an ONNX model of fc1 and fc2 whose weights have many small values among them."""
    model = make_mlp(24, 32, 10, batch=50)
    rng = np.random.default_rng(2)
    for tensor in model.graph.initializer:
        values = numpy_helper.to_array(tensor)
        few = rng.random(values.shape) < 0.2 if values.ndim == 2 else np.float32(1)
        spread = np.where(few, values, np.float32(0.02) * values)
        tensor.CopyFrom(numpy_helper.from_array(spread, tensor.name))
    return model


@pytest.fixture(scope="session")
def small(small_onnx):
    """Return its module, 200 inputs, and labels of which it finds 95 %."""
    x = np.random.default_rng(1).normal(size=(200, 24)).astype(np.float32)
    values = {t.name: numpy_helper.to_array(t) for t in small_onnx.graph.initializer}
    hidden = np.maximum(x @ values["fc1.weight"].T + values["fc1.bias"], 0)
    labels = (hidden @ values["fc2.weight"].T + values["fc2.bias"]).argmax(axis=1)
    labels[::20] = (labels[::20] + 1) % 10
    return eie.from_onnx(small_onnx), x, labels
