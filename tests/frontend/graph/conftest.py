"""Models of a few nodes."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

from eie_backend.frontend.onnx_validity import validity_faults

KINDS = {
    "f": TensorProto.FLOAT,
    "h": TensorProto.FLOAT16,
    "i": TensorProto.INT64,
    "i4": TensorProto.INT32,
    "b": TensorProto.BOOL,
}


def build(nodes, inputs, outputs, opset=17, ir_version=8, **constants):
    """Return a model; inputs are kind and shape by name, outputs names or the same."""
    if not isinstance(outputs, dict):
        outputs = {name: ("f", None) for name in outputs}
    infos = [
        [helper.make_tensor_value_info(n, KINDS[kind], shape) for n, (kind, shape) in of.items()]
        for of in (inputs, outputs)
    ]
    tensors = [numpy_helper.from_array(np.asarray(v), name) for name, v in constants.items()]
    graph = helper.make_graph(nodes, "graph", *infos, tensors)
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


def checked(proto):
    """Check a model by ONNX's checker and its strict inference."""
    assert validity_faults(proto, ()) == []


@pytest.fixture(scope="session")
def check_model():
    """Demand that a model is valid."""
    return checked


@pytest.fixture(scope="session")
def make_graph():
    """Make a model of nodes."""
    return build
