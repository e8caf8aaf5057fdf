"""Every operator that is folded has ONNX Runtime's values, over drawn operands."""

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from onnx import TensorProto, ValueInfoProto, helper, numpy_helper

from eie_backend.frontend.graph.evaluate import ELEMENTS, OPERATORS, evaluated, is_small

ELEMENTWISE = "Add And Div Equal Greater GreaterOrEqual Less LessOrEqual Max Min Mod Mul Or Sub Xor"
UNARY = "Abs Ceil Floor Identity Neg NonZero Not Sign Sqrt"
BOOLEAN = ("And", "Or", "Xor", "Not")
FLOATS = ("Ceil", "Floor", "Sqrt")


def small(*values, dtype=np.int64):
    return np.array(values, dtype)


VALUES = small(*range(-6, 6)).reshape(3, 4)
SHAPED = {
    "Cast": [([VALUES], {"to": kind}) for kind in (TensorProto.INT32, TensorProto.FLOAT)]
    + [([VALUES], {"to": TensorProto.BOOL})]
    + [([small(1.7, -1.7, dtype="f")], {"to": TensorProto.INT64})],
    "CastLike": [([VALUES, small(1, dtype="f")], {})],
    "Concat": [([VALUES, VALUES], {"axis": axis}) for axis in (0, 1, -1)],
    "ConstantOfShape": [
        ([small(2, 3)], {"value": numpy_helper.from_array(small(7))}),
        ([small()], {"value": numpy_helper.from_array(small(7))}),
        ([small(2)], {}),
    ],
    "CumSum": [([VALUES, np.int64(1)], {}), ([VALUES, np.int64(0)], {"reverse": 1})],
    "Expand": [([VALUES, small(2, 1, 4)], {}), ([VALUES, small(1)], {})],
    "Flatten": [([VALUES], {"axis": axis}) for axis in (0, 1, 2, -1)],
    "Gather": [([VALUES, small(0, -1)], {"axis": axis}) for axis in (0, 1, -1)]
    + [([VALUES, np.int64(-3)], {})],
    "GatherND": [([VALUES, small(0, -1).reshape(1, 2)], {})],
    "OneHot": [
        ([small(0, 2, -1, 7), np.int64(4), small(0, 1)], {"axis": axis}) for axis in (0, -1)
    ],
    "Pow": [([VALUES, np.int64(2)], {}), ([VALUES.astype("f"), small(2, dtype="f")], {})],
    "Range": [([np.int64(a) for a in of], {}) for of in ((0, 5, 2), (5, 0, -2), (0, 0, 1))],
    **{
        f"Reduce{kind}": [
            ([VALUES] if kind != "Sum" else [VALUES, small(0)], {"keepdims": keep})
            for keep in (0, 1)
        ]
        for kind in ("Max", "Min", "Prod", "Sum")
    },
    "Reshape": [([VALUES, small(2, -1)], {}), ([VALUES, small(0, 2, 2)], {})],
    "ScatterND": [([VALUES, small(1, -1).reshape(2, 1), VALUES[:2]], {})],
    "Slice": [
        ([VALUES, small(*starts), small(*ends), small(*axes), small(*steps)], {})
        for starts, ends, axes, steps in (
            ((0,), (2,), (0,), (1,)),
            ((-1,), (-(1 << 62),), (1,), (-1,)),
            ((1, -2), (1 << 62, 99), (-2, 1), (2, 1)),
            ((3,), (1,), (1,), (1,)),
        )
    ],
    "Split": [([VALUES, small(1, 3)], {"axis": 1}), ([VALUES, small(1, 2)], {})],
    "Squeeze": [([VALUES.reshape(1, 3, 1, 4)], {}), ([VALUES.reshape(1, 12), small(0)], {})],
    "Sum": [([VALUES.astype("f"), VALUES[:1].astype("f"), small(1, dtype="f")], {})],
    "Tile": [([VALUES, small(2, 1)], {})],
    "Transpose": [([VALUES], {}), ([VALUES.reshape(1, 3, 4)], {"perm": [2, 0, 1]})],
    "Trilu": [([VALUES], {"upper": 0}), ([VALUES, np.int64(1)], {})],
    "Unsqueeze": [([VALUES, small(0, -1)], {})],
    "Where": [([VALUES > 0, VALUES, np.int64(7)], {})],
}


def check(operator, operands, attributes=None, results=1):
    """Compare a node's folded values with ONNX Runtime's; it must be folded."""
    names = [f"i{number}" for number in range(len(operands))]
    outputs = [f"o{number}" for number in range(results)]
    tensors = [
        numpy_helper.from_array(np.asarray(v), n) for n, v in zip(names, operands, strict=True)
    ]
    node = helper.make_node(operator, names, outputs, **(attributes or {}))
    found = evaluated(node, {tensor.name: tensor for tensor in tensors}, 17)
    graph = helper.make_graph(
        [node], "graph", [], [ValueInfoProto(name=name) for name in outputs], tensors
    )
    opsets = [helper.make_opsetid("", 17)]
    data = helper.make_model(graph, opset_imports=opsets, ir_version=8).SerializeToString()
    options = onnxruntime.SessionOptions()
    options.log_severity_level = 4
    wanted = onnxruntime.InferenceSession(data, options).run(None, {})
    assert found is not None
    for name, want in zip(outputs, wanted, strict=True):
        one = numpy_helper.to_array(found[name])
        assert (one.dtype, one.shape) == (want.dtype, want.shape)
        np.testing.assert_array_equal(one, want)


def test_the_tables_name_every_operator():
    assert {*ELEMENTWISE.split(), *UNARY.split(), *SHAPED} == OPERATORS


@pytest.mark.parametrize("operator", SHAPED)
def test_shaped(operator):
    for operands, attributes in SHAPED[operator]:
        check(operator, operands, attributes, 2 if operator == "Split" else 1)


integers = st.lists(st.integers(-9, 9), min_size=3, max_size=3)


@pytest.mark.parametrize("operator", ELEMENTWISE.split())
@given(integers, integers.filter(all))
@settings(max_examples=10)
def test_elementwise(operator, first, second):
    dtype = bool if operator in BOOLEAN else np.int64
    check(operator, [np.array(first, dtype), np.array(second, dtype)])
    if operator in ("Add", "Div", "Max", "Min", "Mul", "Sub"):
        check(operator, [np.array(first, "f"), np.array(second, "f")])


@pytest.mark.parametrize("operator", UNARY.split())
@given(integers)
@settings(max_examples=10)
def test_unary(operator, values):
    dtype = bool if operator in BOOLEAN else np.float32 if operator in FLOATS else np.int64
    given = np.array(values, dtype)
    check(operator, [abs(given) if operator == "Sqrt" else given])


# Left alone


@pytest.mark.parametrize(
    ("dims", "kind"),
    [
        ((ELEMENTS + 1,), TensorProto.INT64),
        ((-1, 2), TensorProto.INT64),
        ((2,), TensorProto.STRING),
    ],
)
def test_what_is_no_part_of_shape_arithmetic(dims, kind):
    assert not is_small(TensorProto(dims=dims, data_type=kind))


@pytest.mark.parametrize(
    ("operator", "operands"),
    [
        ("Div", [small(-(1 << 63)), small(-1)]),
        ("Div", [small(1), small(0)]),
        ("Mod", [small(1), small(0)]),
        ("Sqrt", [small(-1, dtype="f")]),
        ("Gather", [VALUES, small(3)]),
        ("GatherND", [VALUES, small(0, 4)]),
        ("ScatterND", [VALUES, small(5).reshape(1, 1), VALUES[:1]]),
        ("ScatterND", [VALUES, small(1).reshape(1, 1), small(1)]),
        ("ScatterND", [VALUES, small(1).reshape(1, 1), VALUES[:2]]),
        ("ScatterND", [VALUES, small(), VALUES]),
        ("Trilu", [small(1, 2)]),
        ("Squeeze", [VALUES, small(0)]),
        ("NonZero", [np.ones((1 << 15, 1, 1))]),
        ("NonZero", [np.int64(1)]),
        ("Cast", [small(np.nan, np.inf, dtype="f")]),
        ("Tile", [small(*range(300)), small(1 << 40)]),
        ("OneHot", [small(*range(300)), np.int64(1 << 40), small(0, 1)]),
    ],
)
def test_what_fails_or_is_large_is_left_to_others(operator, operands):
    names = [f"i{number}" for number in range(len(operands))]
    tensors = {
        n: numpy_helper.from_array(np.asarray(v), n) for n, v in zip(names, operands, strict=True)
    }
    to = {"to": TensorProto.INT64} if operator == "Cast" else {}
    node = helper.make_node(operator, names, ["o"], **to)
    assert evaluated(node, tensors, 17) is None
