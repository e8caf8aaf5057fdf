"""What TVM's importer raises of a node is told with the node, what it was given, and a way out."""

import numpy as np
import pytest
import tvm
from onnx import TensorProto, helper, numpy_helper
from tvm import relax
from tvm.relax.frontend.onnx.onnx_frontend import OnnxOpConverter, _get_convert_map

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.frontend import onnx_importer
from eie_backend.frontend.blame import blaming


def model(operator, results=("y",)):
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "fc"),
        helper.make_node(operator, ["a"], results, "it"),
    ]
    ends = [
        [helper.make_tensor_value_info(n, TensorProto.FLOAT, s) for n, s in of]
        for of in ([("x", [2, 4])], [("y", None)])
    ]
    graph = helper.make_graph(
        nodes, "graph", *ends, [numpy_helper.from_array(np.eye(4, 3, dtype="f"), "w")]
    )
    opsets = [helper.make_opsetid("", 17)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8)


def failure(proto):
    with pytest.raises(ModelError) as error:
        eie.from_onnx(proto)
    return str(error.value)


@pytest.fixture
def broken(monkeypatch):
    """Replace TVM's converter of an operator by another one."""

    def replace(convert, operator="Tan"):
        class Other(OnnxOpConverter):
            _impl_v1 = classmethod(convert)

        known = {**_get_convert_map(), operator: Other}
        monkeypatch.setattr(onnx_importer, "_get_convert_map", lambda: known)
        monkeypatch.setattr(onnx_importer, "CONVERTERS", {})

    return replace


@pytest.mark.parametrize(
    ("error", "said"),
    [
        (TypeError("Cannot cast NoneType"), "Cannot cast NoneType"),
        (KeyError("axes"), "'axes' is missing"),
        (tvm.error.InternalError("null pointer\n  at line 5"), "null pointer"),
    ],
)
def test_the_node_its_inputs_and_a_way_out(error, said, broken):
    def convert(*_):
        raise error

    broken(convert)
    assert failure(model("Tan")) == (
        f"model: node 'it' (Tan) of float32 (2, 3): TVM's converter of it fails ({said}); export "
        "it with other operators, or register a converter of Tan: "
        "eie_backend.register_onnx_operator"
    )


def test_a_node_without_a_name_in_a_branch_is_called_after_its_result(broken):
    def convert(*_):
        raise TypeError("no")

    broken(convert)
    branches = [
        helper.make_graph(
            [helper.make_node(operator, ["a"], ["b"])],
            "branch",
            [],
            [helper.make_tensor_value_info("b", TensorProto.FLOAT, None)],
        )
        for operator in ("Tan", "Neg")
    ]
    proto = model("Neg")
    del proto.graph.node[1]
    proto.graph.input.append(helper.make_tensor_value_info("c", TensorProto.BOOL, []))
    choice = helper.make_node(
        "If", ["c"], ["y"], "choose", then_branch=branches[0], else_branch=branches[1]
    )
    proto.graph.node.append(choice)
    assert failure(proto).startswith("model: node 'b' (Tan) of float32 (2, 3): ")


def test_memory_that_ran_out_is_not_the_node_s_fault(broken):
    def convert(*_):
        raise MemoryError

    broken(convert)
    with pytest.raises(MemoryError):
        eie.from_onnx(model("Tan"))


def test_results_that_are_missing(broken):
    broken(lambda _, builder, inputs, *more: inputs[0], "Dropout")
    assert failure(model("Dropout", ["y", "mask"])) == (
        "model: node 'it' (Dropout): the model reads 2 results of it, TVM's converter makes 1; "
        "export it without the others, or register a converter of Dropout: "
        "eie_backend.register_onnx_operator"
    )


def test_every_kind_of_input_has_a_name():
    given = [
        None,
        relax.const(np.zeros((2, 3), np.int32)),
        relax.ShapeExpr([1, 2]),
        relax.Var("v", relax.TensorType(dtype="float32", ndim=2)),
        relax.Tuple([]),
    ]
    with pytest.raises(ModelError) as error, blaming("n", "Op", given, "stop"):
        raise ValueError("no")
    assert "'n' (Op) of nothing, int32 (2, 3), a shape, float32 of an unknown shape, " in str(
        error.value
    )
