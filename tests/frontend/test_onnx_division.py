"""A model that divides the lowest integer by -1, which would end ONNX Runtime's process."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.frontend.onnx_division import divides_the_lowest
from eie_backend.transform.attributes import attributes

LOWEST = np.full(2, -(2**31), np.int32)
MINUS = np.array([-1, 2], np.int32)
DENSE = helper.make_node("MatMul", ["x", "w"], ["y"], "fc")
DIVISION = helper.make_node("Div", ["i", "j"], ["k"], "divide")
INT32, FLOAT, UINT8 = TensorProto.INT32, TensorProto.FLOAT, TensorProto.UINT8


def model(nodes, kind, known=None, functions=(), outputs=("y",)):
    known = known or {}
    inputs = [helper.make_tensor_value_info("x", FLOAT, [1, 3])]
    inputs += [helper.make_tensor_value_info(n, kind, [2]) for n in "ij" if n not in known]
    tensors = {"w": np.ones((3, 4), np.float32), **known}
    graph = helper.make_graph(
        [DENSE, *nodes],
        "test",
        inputs,
        [helper.make_tensor_value_info(n, FLOAT if n == "y" else kind, None) for n in outputs],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    opsets = [helper.make_opsetid("", 17), helper.make_opsetid("own", 1)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=8, functions=functions)


@pytest.mark.parametrize(
    ("kind", "known", "expected"),
    [
        (INT32, {}, True),
        (INT32, {"i": LOWEST}, True),
        (INT32, {"j": MINUS}, True),
        (INT32, {"i": LOWEST + 1}, False),
        (INT32, {"j": -2 * MINUS}, False),
        (FLOAT, {}, False),
        (UINT8, {}, False),
    ],
)
def test_what_may(kind, known, expected):
    assert divides_the_lowest(model([DIVISION], kind, known)) == expected


def test_in_bodies():
    function = helper.make_function(
        "own", "Own", ["i", "j"], ["k"], [DIVISION], [helper.make_opsetid("", 17)]
    )
    call = helper.make_node("Own", ["i", "j"], ["k"], "call", domain="own")
    for kind, expected in ((INT32, True), (FLOAT, False)):
        assert divides_the_lowest(model([call], kind, functions=[function])) == expected
    info = helper.make_tensor_value_info("k", INT32, [2])
    branch = helper.make_graph([DIVISION], "branch", [], [info])
    choice = helper.make_node("If", ["c"], ["m"], then_branch=branch, else_branch=branch)
    constant = helper.make_node(
        "Constant", [], ["c"], value=numpy_helper.from_array(np.array(True))
    )
    assert divides_the_lowest(model([constant, choice], INT32))
    assert not divides_the_lowest(model([], INT32))


def test_such_a_model_ends_no_process():
    """Generated integers are 0 or 1: less 1, they are the divisor -1; nobody reads the quotient."""
    less = helper.make_node("Sub", ["i", "one"], ["j"], "less")
    known = {"l": LOWEST, "one": np.ones(2, np.int32)}
    divide = helper.make_node("Div", ["l", "j"], ["k"], "divide")
    proto = model([less, divide], INT32, {**known, "j": MINUS})
    del proto.graph.initializer[-1]  # j is computed
    found = attributes(eie.from_onnx(proto)).verified
    assert found == "its results are those of onnx.reference"
