"""A model that is imported, and computed by TVM's own code, against ONNX Runtime."""

import numpy as np
import onnxruntime
import pytest
import tvm
from onnx import TensorProto, helper, numpy_helper
from tvm import relax

import eie_backend as eie
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


def compared(proto, feeds, bind=None, bind_values=None, tolerance=1e-5):
    """Import a model, compare its results with ONNX Runtime's, and return the module."""
    mod = eie.from_onnx(proto, bind, bind_values=bind_values)
    executable = tvm.compile(mod, target="llvm")
    given = [
        tvm.runtime.tensor(np.asarray(feeds[name]).astype(str(param.ty.dtype)))
        for name, param in zip(
            (name for name in feeds if name not in (bind_values or {})),
            mod["main"].params,
            strict=True,
        )
    ]
    found = relax.VirtualMachine(executable, tvm.cpu())["main"](*given)
    found = [found] if isinstance(found, tvm.runtime.Tensor) else [*found]
    data = proto if isinstance(proto, (str, bytes)) else proto.SerializeToString()
    wanted = onnxruntime.InferenceSession(data).run(
        None, {name: np.asarray(value) for name, value in feeds.items()}
    )
    for one, want in zip(found, wanted, strict=True):
        assert one.shape == want.shape
        np.testing.assert_allclose(one.numpy(), want, rtol=tolerance, atol=tolerance)
    return mod


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


@pytest.fixture(scope="session")
def as_onnx_runtime():
    """Compare an imported model with ONNX Runtime."""
    return compared
