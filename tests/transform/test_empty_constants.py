"""A constant of no values is made where it is used: TVM cannot read one back from a library."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.codegen.library import export_library

W = np.eye(5, 3, dtype=np.float32)
X = np.arange(20, dtype=np.float32).reshape(4, 5)


def joined(empty, axis, dtype=np.float32):
    """Return a layer whose result is joined with a constant."""
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "fc"),
        helper.make_node("Concat", ["a", "e"], ["y"], "join", axis=axis),
    ]
    constants = {"w": W, "e": np.zeros(empty, dtype)}
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, X.shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, None)],
        [numpy_helper.from_array(value, name) for name, value in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.parametrize(("shape", "axis"), [((4, 0), 1), ((0, 3), 0)])
def test_a_library_with_an_empty_constant_is_read_back(shape, axis, tmp_path):
    proto = joined(shape, axis)
    compiled = eie.compile(eie.from_onnx(proto), eie.HardwareConfig(num_pe=2), arithmetic="float32")
    export_library(compiled, tmp_path / "joined.so")
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    (expected,) = session.run(None, {"x": X})
    np.testing.assert_array_equal(eie.run(tmp_path / "joined.so", X)[0], expected)
