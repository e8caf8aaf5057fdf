"""What data decide of a graph, and must be known, is refused with who decides it and a way out."""

import numpy as np
import pytest
from onnx import helper

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.frontend import register_onnx_operator, unregister_onnx_operator

BIND = "bind the input: --bind-value n=... (Python: bind_values={'n': ...})"
EARLIER = "compute it before the model"


def node(operator, inputs, outputs="y", name="it", **attributes):
    return helper.make_node(operator, inputs.split(" "), outputs.split(" "), name, **attributes)


def failure(proto):
    with pytest.raises(ModelError) as error:
        eie.from_onnx(proto)
    return str(error.value).removeprefix("model: ")


@pytest.fixture
def with_size(make_graph):
    """Make a model of nodes that read a layer's result `a` and an input of sizes `n`."""

    def made(*nodes, kind="i", shape=(2,), **constants):
        layer = node("MatMul", "x w", "a", "fc")
        inputs = {"x": ("f", [2, 4]), "n": (kind, shape)}
        return make_graph([layer, *nodes], inputs, ["y"], w=np.eye(4, dtype="f"), **constants)

    return made


@pytest.mark.parametrize(
    ("operator", "what"),
    [
        ("Expand", "shape"),
        ("ReduceSum", "axes"),
        ("Reshape", "shape"),
        ("Tile", "repeats"),
        ("Unsqueeze", "axes"),
    ],
)
def test_an_input_is_the_size(operator, what, with_size):
    said = failure(with_size(node(operator, "a n")))
    assert said == f"node 'it' ({operator}): input 'n' decides its {what}; {BIND}"


def test_the_shape_of_zeros(with_size):
    said = failure(with_size(node("ConstantOfShape", "n", "c"), node("Add", "a c", name="add")))
    assert said == f"node 'it' (ConstantOfShape): input 'n' decides its shape; {BIND}"


def test_the_way_out_leads_out(with_size):
    proto = with_size(node("Reshape", "a n"))
    mod = eie.from_onnx(proto, bind_values={"n": [4, 2]})
    assert [int(one) for one in mod["main"].ret_ty.shape.values] == [4, 2]


def test_a_node_without_a_name_is_called_after_its_result(with_size):
    assert failure(with_size(node("Reshape", "a n", name=""))).startswith("node 'y' (Reshape): ")


def test_a_size_that_is_made_of_an_input(with_size):
    nodes = [node("Concat", "n four", "s", "join", axis=0), node("Reshape", "a s")]
    proto = with_size(*nodes, shape=(1,), four=np.array([4]))
    assert failure(proto) == f"node 'it' (Reshape): input 'n' decides its shape; {BIND}"
    eie.from_onnx(proto, bind_values={"n": 2})


def test_two_inputs(make_graph):
    nodes = [node("Concat", "m n", "s", "join", axis=0), node("Reshape", "x s")]
    inputs = {"x": ("f", [2, 4]), "n": ("i", [1]), "m": ("i", [1])}
    assert failure(make_graph(nodes, inputs, ["y"])) == (
        "node 'it' (Reshape): inputs 'm', 'n' decide its shape; bind the input: --bind-value "
        "m=... --bind-value n=... (Python: bind_values={'m': ..., 'n': ...})"
    )


def test_what_the_data_are_is_not_bound(with_size):
    nodes = [
        node("ReduceMax", "a", "top", "most", keepdims=0),
        node("Cast", "top", "t", "count", to=7),
        node("Unsqueeze", "t zero", "s", "one"),
        node("Reshape", "a flat", "f", "line"),
        node("Tile", "f s"),
    ]
    proto = with_size(*nodes, zero=np.array([0]), flat=np.array([-1]))
    assert failure(proto) == f"node 'it' (Tile): data decide its repeats; {EARLIER}"


@pytest.mark.parametrize(
    ("count", "condition", "why"),
    [
        ("n", "true", f"input 'n' decides its trip count; {BIND}"),
        ("top", "true", f"data decide its trip count; {EARLIER}"),
        ("trips", "n", f"input 'n' decides whether it runs; {BIND}"),
        ("", "true", "it has no trip count; give it one"),
    ],
)
def test_a_loop(count, condition, why, with_size):
    kind, of = ("b", ()) if condition == "n" else ("i", ())
    ends = [
        [helper.make_tensor_value_info(n, t, s) for n, t, s in one]
        for one in (
            [("i", 7, []), ("c", 9, []), ("b", 1, None)],
            [("c", 9, []), ("r", 1, None)],
        )
    ]
    body = helper.make_graph([node("Relu", "b", "r", "")], "body", *ends)
    nodes = [
        node("ReduceMax", "a", "most", "most", keepdims=0),
        node("Cast", "most", "top", "count", to=7),
        node("Loop", f"{count} {condition} a", body=body),
    ]
    proto = with_size(*nodes, kind=kind, shape=of, trips=np.int64(3), true=np.array(True))
    assert failure(proto) == f"node 'it' (Loop): {why}"


# Left alone


def test_the_shape_of_data_is_no_data(with_size):
    proto = with_size(
        node("Cube", "a", "b", "own", domain="org.example"),
        node("Shape", "b", "s", "shape"),
        node("Reshape", "a s"),
    )
    proto.opset_import.add(domain="org.example", version=1)
    register_onnx_operator("Cube", lambda _b, inputs, _a: inputs[0], domain="org.example")
    try:
        eie.from_onnx(proto, verify=False)
    finally:
        unregister_onnx_operator("Cube", domain="org.example")


def test_what_has_a_registered_converter(with_size):
    register_onnx_operator("Tile", lambda _b, inputs, _a: inputs[0])
    try:
        eie.from_onnx(with_size(node("Tile", "a n")), verify=False)
    finally:
        unregister_onnx_operator("Tile")
