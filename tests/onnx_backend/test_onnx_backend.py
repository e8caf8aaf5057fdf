"""ONNX's own suite runs on the backend; so do models and nodes with inputs that decide shapes."""

import subprocess
import sys
import unittest
import warnings

import numpy as np
import pytest
from node_outcomes import expected
from onnx import TensorProto, helper, numpy_helper
from onnx.backend.test import BackendTest

from eie_backend import onnx_backend
from eie_backend.errors import InputError, ModelError, ModelWarning

SAMPLE = 20
"""Every such right test of the suite."""

X = np.arange(6, dtype=np.float32).reshape(2, 3)


def model(*nodes, inputs, weights=(), kind=TensorProto.FLOAT):
    infos = [helper.make_tensor_value_info(n, k, s) for n, (k, s) in inputs.items()]
    outputs = [helper.make_tensor_value_info("y", kind, None)]
    tensors = [numpy_helper.from_array(value, name) for name, value in weights]
    graph = helper.make_graph(nodes, "test", infos, outputs, tensors)
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


@pytest.mark.nightly
def test_a_sample_of_onnx_s_suite():
    right = [name for name, outcome in expected().items() if outcome == "right"]
    wanted = {f"{name}_cpu" for name in right[::SAMPLE]}
    chosen, result = unittest.TestSuite(), unittest.TestResult()
    with warnings.catch_warnings():
        # Of the suite, which computes infinities on purpose; of inputs and models as they are.
        warnings.simplefilter("ignore")
        every = BackendTest(onnx_backend, __name__).test_suite
        chosen.addTests(case for case in every if case._testMethodName in wanted)
        chosen.run(result)
    assert result.testsRun == len(wanted)
    assert [(case.id(), text[-400:]) for case, text in (*result.errors, *result.failures)] == []


def test_a_model_with_a_layer():
    node = helper.make_node("MatMul", ["x", "w"], ["y"])
    weights = np.eye(3, dtype=np.float32)
    proto = model(node, inputs={"x": (1, (2, 3))}, weights=[("w", weights)])
    ready = onnx_backend.prepare(proto, "CPU")
    for _ in range(2):
        (found,) = ready.run([X])
        np.testing.assert_array_equal(found, X)
    assert ready.run({"x": X}).y.tolist() == X.tolist()
    assert onnx_backend.run_model(proto, [X], device="EIE").y.tolist() == X.tolist()


def test_an_input_that_decides_a_shape_is_bound_when_it_is_given():
    node = helper.make_node("Reshape", ["x", "shape"], ["y"])
    proto = model(node, inputs={"x": (1, (2, 3)), "shape": (7, (2,))})
    ready = onnx_backend.prepare(proto)
    assert ready.run([X, np.array([3, 2])]).y.shape == (3, 2)
    assert ready.run([X, np.array([1, -1])]).y.shape == (1, 6)


def test_half_precision_comes_back_as_it_is_declared():
    half = TensorProto.FLOAT16
    proto = model(helper.make_node("Neg", ["x"], ["y"]), inputs={"x": (half, (2, 3))}, kind=half)
    with pytest.warns(ModelWarning, match="float32"):
        (found,) = onnx_backend.run_model(proto, [X.astype(np.float16)])
    assert (found.dtype, found.tolist()) == (np.float16, (-X).tolist())


def test_one_node():
    (found,) = onnx_backend.run_node(helper.make_node("Neg", ["x"], ["y"]), [X])
    assert found.tolist() == (-X).tolist()
    node = helper.make_node("Clip", ["x"], ["y"], min=1.0, max=3.0)
    (found,) = onnx_backend.run_node(node, [X], opset_version=6)
    assert found.tolist() == X.clip(1, 3).tolist()


@pytest.mark.parametrize(
    ("device", "supported"), [("CPU", True), ("EIE", True), ("CPU:0", True), ("CUDA", False)]
)
def test_devices(device, supported):
    assert onnx_backend.supports_device(device) == supported


def test_what_is_refused():
    proto = model(helper.make_node("Neg", ["x"], ["y"]), inputs={"x": (1, (2, 3))})
    with pytest.raises(InputError, match="prepare: device is 'CUDA', it must be 'CPU' or 'EIE'"):
        onnx_backend.prepare(proto, "CUDA")
    with pytest.raises(InputError, match="run: got 2 inputs, the model takes x; give these"):
        onnx_backend.prepare(proto).run([X, X])
    unknown = model(helper.make_node("Det", ["x"], ["y"]), inputs={"x": (1, (2, 2))})
    with pytest.raises(ModelError, match="does not have Det"):
        onnx_backend.run_model(unknown, [X[:, :2]])


def test_the_package_does_not_import_it():
    code = "import eie_backend, sys; sys.exit('eie_backend.onnx_backend' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
