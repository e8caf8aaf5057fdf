"""ONNX Runtime's result of one node beside that of the imported module."""

import numpy as np
import onnxruntime
from on_llvm import on_llvm
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie

onnxruntime.set_default_logger_severity(4)


def one_node(operator, inputs, constants=(), results=1, opset=17, kinds=(), **attributes):
    """Return a model of one node; `constants` names the inputs that are initializers."""
    names = [f"i{n}" if one is not None else "" for n, one in enumerate(inputs)]
    given = {name: np.asarray(one) for name, one in zip(names, inputs, strict=True) if name}
    held = {f"i{n}" for n in constants}
    outputs = [f"o{n}" for n in range(results)]
    node = helper.make_node(operator, names, outputs, "node", **attributes)
    graph = helper.make_graph(
        [node],
        "test",
        [
            helper.make_tensor_value_info(
                name, helper.np_dtype_to_tensor_dtype(one.dtype), one.shape
            )
            for name, one in given.items()
            if name not in held
        ],
        [
            helper.make_tensor_value_info(name, kind, None)
            for name, kind in zip(outputs, kinds or [TensorProto.FLOAT] * results, strict=True)
        ],
        [numpy_helper.from_array(one, name) for name, one in given.items() if name in held],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)
    return model, {name: one for name, one in given.items() if name not in held}


def by_runtime(model, feeds):
    """Return ONNX Runtime's results."""
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    options.intra_op_num_threads = 1  # what is rounded together depends on it
    return onnxruntime.InferenceSession(model.SerializeToString(), options).run(None, feeds)


def imported(model, feeds):
    """Return the results of the imported module on TVM's LLVM build."""
    return on_llvm(eie.from_onnx(model, verify=False), *feeds.values())


def assert_as_runtime(operator, inputs, constants=(), results=1, opset=17, kinds=(), **attributes):
    """Compare all results: shape, dtype and values."""
    model, feeds = one_node(operator, inputs, constants, results, opset, kinds, **attributes)
    assert_models_agree(model, feeds)


def assert_models_agree(model, feeds):
    """Compare all results of the model with ONNX Runtime's."""
    wanted, found = by_runtime(model, feeds), imported(model, feeds)
    for one, other in zip(found, wanted, strict=True):
        assert (one.shape, one.dtype) == (other.shape, other.dtype), model.graph.node
        np.testing.assert_allclose(one, other, 1e-4, 1e-5, err_msg=str(model.graph.node))
