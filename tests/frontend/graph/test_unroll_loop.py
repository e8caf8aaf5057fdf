"""A loop of a known number of trips is its nodes, that many times."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.fold_shapes import fold_shapes

RNG = np.random.default_rng(0)
W = RNG.normal(0, 1, (4, 4)).astype(np.float32)
X = RNG.normal(0, 1, (2, 4)).astype(np.float32)
TRUE = numpy_helper.from_array(np.array(True), "true")


def node(operator, inputs, outputs="y", name="", **attributes):
    return helper.make_node(operator, inputs.split(), outputs.split(), name, **attributes)


def body(*nodes, results="more a sum", tensors=()):
    """Return a body of one carried value `a`, whose condition is `c` or `more`."""
    kinds = {"i": TensorProto.INT64, "c": TensorProto.BOOL, "more": TensorProto.BOOL}

    def values(names):
        return [
            helper.make_tensor_value_info(
                name, kinds.get(name, TensorProto.FLOAT), [] if name in kinds else None
            )
            for name in names.split()
        ]

    return helper.make_graph([*nodes], "body", values("i c a"), values(results), [*tensors])


STEPS = [
    node("MatMul", "a w", "h", "step"),
    node("Cast", "i", "n", "count", to=TensorProto.FLOAT),
    node("Add", "h n", "s", "shift"),
]


def looped(inner, count="trips", condition="true", outputs="y,all"):
    return helper.make_node("Loop", [count, condition, "x"], outputs.split(","), "loop", body=inner)


@pytest.fixture
def make_loop(make_graph):
    def made(loop, opset=17, **constants):
        known = {"w": W, "true": np.array(True), "trips": np.int64(3), **constants}
        ends = {name: ("f", None) for name in loop.output if name}
        return make_graph([loop], {"x": ("f", [2, 4])}, ends, opset, **known)

    return made


@pytest.mark.parametrize("opset", [11, 17])
@pytest.mark.parametrize("condition", ["handed on", "a constant", "an initializer"])
def test_a_known_number_of_trips(condition, opset, make_loop, as_onnx_runtime):
    more = {
        "handed on": [node("Identity", "c", "more")],
        "a constant": [helper.make_node("Constant", [], ["more"], value=TRUE)],
        "an initializer": [node("Identity", "true_too", "more")],
    }[condition]
    tensors = [numpy_helper.from_array(np.array(True), "true_too")]
    inner = body(*STEPS, *more, results="more s h", tensors=tensors * (condition[-1] == "r"))
    mod = as_onnx_runtime(make_loop(looped(inner), opset), {"x": X}, tolerance=1e-4)
    rows = [row for row in eie.explain(mod) if row.is_layer]
    assert {row.runs_on for row in rows} == {"machine"} and len(rows) == 3


def test_no_condition(make_loop, as_onnx_runtime):
    inner = body(*STEPS, node("Identity", "c", "more"), results="more s h")
    as_onnx_runtime(make_loop(looped(inner, condition="")), {"x": X}, tolerance=1e-4)


def test_what_nobody_takes_is_not_collected(make_loop):
    inner = body(*STEPS, node("Identity", "c", "more"), results="more s h")
    proto = make_loop(looped(inner, outputs="y,"))
    fold_shapes(proto, Context())
    assert {one.op_type for one in proto.graph.node} == {"MatMul", "Add", "Identity"}


# Left alone

EMPTY = "it runs 0 times, so what it collects has no shape; leave that out"


@pytest.mark.parametrize(
    ("changed", "count", "why"),
    [
        ({}, 0, EMPTY),
        ({}, -1, EMPTY),
        ({}, 1 << 62, f"its {1 << 62} trips are more than 4096 nodes, with all loops; reduce them"),
        ({"true": np.array(False)}, 3, EMPTY),
    ],
)
def test_what_is_no_loop_of_few_trips(changed, count, why, make_loop):
    inner = body(*STEPS, node("Identity", "c", "more"), results="more s h")
    proto = make_loop(looped(inner), trips=np.int64(count), **changed)
    fold_shapes(proto, Context())
    assert [one.op_type for one in proto.graph.node] == ["Loop"]
    with pytest.raises(ModelError, match=rf"^model: node 'loop' \(Loop\): {why}"):
        eie.from_onnx(proto)


@pytest.mark.parametrize("changed", [{"trips": np.int64(0)}, {"true": np.array(False)}])
def test_no_trip_gives_what_the_loop_was_given(changed, make_loop, as_onnx_runtime):
    inner = body(*STEPS, node("Identity", "c", "more"), results="more s")
    proto = make_loop(looped(inner, outputs="y"), **changed)
    proto.graph.node.append(node("MatMul", "y w", "z"))
    proto.graph.output[0].name = "z"
    as_onnx_runtime(proto, {"x": X})


def test_a_condition_that_is_computed(make_loop):
    inner = body(
        *STEPS,
        node("ReduceSum", "s", "total", keepdims=0),
        node("Less", "total w00", "more"),
        results="more s h",
        tensors=[numpy_helper.from_array(np.float32(9), "w00")],
    )
    proto = make_loop(looped(inner))
    fold_shapes(proto, Context())
    assert [one.op_type for one in proto.graph.node] == ["Loop"]
    with pytest.raises(ModelError, match="its body decides when it ends; give it a fixed number"):
        eie.from_onnx(proto)


def test_loops_in_loops_are_bounded(make_graph):
    """Of 60 trips each, three deep."""
    inner = [node("Relu", "a", "s"), node("Identity", "c", "more")]
    for depth in range(3):
        loop = helper.make_node(
            "Loop",
            ["trips", "true", "a" if depth < 2 else "x"],
            ["s" if depth < 2 else "y"],
            "it",
            body=body(*inner, results="more s"),
        )
        inner = [loop, node("Identity", "c", "more")]
    proto = make_graph([loop], {"x": ("f", [2, 4])}, ["y"], trips=np.int64(60), true=np.array(True))
    fold_shapes(proto, Context())
    assert len(proto.graph.node) < 5000
    assert "Loop" in {one.op_type for one in proto.graph.node}


def test_what_is_copied_for_each_trip_is_bounded(make_loop):
    large = numpy_helper.from_array(np.zeros((1 << 18, 4), np.float32), "k")
    nodes = [*STEPS[:2], node("ReduceMax", "k", "top", keepdims=0), node("Add", "h top", "s")]
    inner = body(*nodes, node("Identity", "c", "more"), results="more s h", tensors=[large])
    for trips, operator in ((2, "MatMul"), (100, "Loop")):
        proto = make_loop(looped(inner), trips=np.int64(trips))
        fold_shapes(proto, Context())
        assert operator in {one.op_type for one in proto.graph.node}
