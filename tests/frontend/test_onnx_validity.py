"""Models that mean nothing, or nothing on this machine, are refused by a sentence that says why."""

import numpy as np
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.errors import ModelError

W = np.eye(5, 3, dtype=np.float32)
LAYER = helper.make_node("MatMul", ["x", "w"], ["a"], "fc")


def node(operator, inputs, outputs="y", name="it", **attributes):
    return helper.make_node(operator, inputs.split(" "), outputs.split(" "), name, **attributes)


def tensor(name, shape, kind=TensorProto.FLOAT):
    return helper.make_tensor_value_info(name, kind, shape)


def model(*nodes, inputs=(), outputs=(), opset=17, ir_version=8, **constants):
    graph = helper.make_graph(
        [LAYER, *nodes],
        "graph",
        [tensor("x", (4, 5)), *inputs],
        [*(outputs or [tensor("y", None)])],
        [
            v if isinstance(v, TensorProto) else numpy_helper.from_array(np.asarray(v), k)
            for k, v in {"w": W, **constants}.items()
        ],
    )
    opsets = [helper.make_opsetid("", opset)]
    return helper.make_model(graph, opset_imports=opsets, ir_version=ir_version)


def of_type(name, kind):
    return helper.make_value_info(name, kind)


FLOATS = helper.make_tensor_type_proto(TensorProto.FLOAT, None)
INTS = tensor("y", None, TensorProto.INT64)
IMAGE = np.ones((1, 1, 8, 8), np.float32)

SPARSE = helper.make_sparse_tensor(
    helper.make_tensor("values", TensorProto.FLOAT, [1], [2.0]),
    helper.make_tensor("indices", TensorProto.INT64, [1], [4]),
    [3, 3],
)

INVALID = {
    "weights of no values": (
        model(node("MatMul", "a v"), v=np.zeros((3, 0), np.float32)),
        "node 'it' (MatMul): its weights v are empty",
    ),
    "rows without end": (
        model(node("Relu", "z"), inputs=[tensor("z", (2**62, 5))]),
        "input 'z': z has 23058430092136939520 values, over 2147483647",
    ),
    "a wide result": (
        model(node("Concat", "z z", axis=0), inputs=[tensor("z", (2**30,))]),
        "node 'it' (Concat): y has 2147483648 values, over 2147483647",
    ),
    "a large image": (
        model(
            node("Resize", "z e s"),
            inputs=[tensor("z", (1, 1, 4, 4))],
            e=np.zeros(0, np.float32),
            s=np.float32([1, 1, 1e6, 1e6]),
        ),
        "node 'it' (Resize): y has 16000000000000 values, over 2147483647",
    ),
    "a kernel of another shape": (
        model(node("Conv", "i k", kernel_shape=[5, 5]), i=IMAGE, k=IMAGE[:, :, :3, :3]),
        "node 'it' (Conv): kernel_shape is [5, 5], its weights have [3, 3]",
    ),
    "strides of nothing": (
        model(node("Conv", "i k", strides=[0, 1]), i=IMAGE, k=IMAGE[:, :, :3, :3]),
        "node 'it' (Conv): ",
    ),
    "a name written twice": (
        model(node("Relu", "a", "a"), outputs=[tensor("a", None)]),
        "'a' has been used as output names multiple times",
    ),
    "an operator set that nobody knows": (
        model(node("Relu", "a"), opset=99),
        "its operator set is 99, known are 1..",
    ),
    "operands that are broadcast along an axis": (
        model(node("Add", "a v", axis=0, broadcast=1), opset=6, ir_version=3, v=W[:4, 0]),
        "node 'it' (Add): it broadcasts along axis 0, as operator sets before 7 do: convert the "
        "model, onnx.version_converter.convert_version(model, 13); export it again",
    ),
    "an axis that was 1 before it had to be said": (
        model(node("Concat", "a a"), opset=3, ir_version=3),
        "node 'it' (Concat): it has no axis, as operator sets before 7 do",
    ),
    "statistics of every value": (
        model(node("BatchNormalization", "i s s s s", spatial=0), opset=7, i=IMAGE, s=IMAGE[0, 0]),
        "node 'it' (BatchNormalization): it has statistics of every value",
    ),
    "a format that nobody knows": (model(node("Relu", "a"), ir_version=99), "ir_version 99"),
    "a value before it is made": (
        model(node("Add", "a q"), node("Relu", "a", "q", "late")),
        "reads 'q', which is no input, no initializer and no result of a node before",
    ),
    "a sequence": (
        model(
            node("SplitToSequence", "a"),
            outputs=[of_type("y", helper.make_sequence_type_proto(FLOATS))],
        ),
        "output 'y' is no tensor but a sequence",
    ),
    "an optional": (
        model(
            node("Optional", "a"), outputs=[of_type("y", helper.make_optional_type_proto(FLOATS))]
        ),
        "output 'y' is no tensor but a optional",
    ),
    "text": (
        model(
            node("Identity", "t"),
            inputs=[tensor("t", (1,), TensorProto.STRING)],
            outputs=[tensor("y", (1,), TensorProto.STRING)],
        ),
        "input 't' is text; this machine computes on numbers; output 'y' is text",
    ),
    "where it is not zero": (
        model(node("NonZero", "a"), outputs=[INTS]),
        "node 'it' (NonZero): the shape of its result depends on data",
    ),
    "what differs": (
        model(node("Unique", "a")),
        "node 'it' (Unique): the shape of its result depends on data",
    ),
    "what a condition holds for": (
        model(
            node("Cast", "a", "c", "bits", to=TensorProto.BOOL),
            node("Reshape", "c s", "f", "flat"),
            node("Compress", "a f"),
            s=np.array([-1]),
        ),
        "node 'it' (Compress): the shape of its result depends on data",
    ),
    "a range of an input": (
        model(
            node("Range", "o n o"),
            inputs=[tensor("n", (), TensorProto.INT64)],
            outputs=[INTS],
            o=np.int64(1),
        ),
        "node 'it' (Range): input 'n' decides its limit; bind the input",
    ),
    "a slice of computed bounds": (
        model(
            node("Slice", "a n e"),
            inputs=[tensor("n", (1,), TensorProto.INT64)],
            e=np.array([4]),
        ),
        "node 'it' (Slice): input 'n' decides its starts; bind the input",
    ),
    "a shape from an input": (
        model(
            node("Reshape", "a n"),
            inputs=[tensor("n", (2,), TensorProto.INT64)],
        ),
        "node 'it' (Reshape): input 'n' decides its shape; bind the input",
    ),
    "a sparse constant": (
        model(node("Constant", "", "c", sparse_value=SPARSE), node("MatMul", "a c")),
        "node 'it' (Constant): its value is sparse; computed are dense tensors",
    ),
    "a response that is not in the middle": (
        model(node("LRN", "i", size=4), i=IMAGE),
        "node 'it' (LRN): size is 4, it must be odd for TVM's importer",
    ),
    "labels from nowhere": (
        model(node("Einsum", "a", equation="ij->ii")),
        "node 'it' (Einsum): equation 'ij->ii': i cannot be in the result",
    ),
    "a dot that is no ellipsis": (
        model(node("Einsum", "a", equation="i.j->j")),
        "node 'it' (Einsum): equation 'i.j->j' must be terms of letters with an ellipsis at most",
    ),
    "half an arrow": (
        model(node("Einsum", "a", equation="i-j")),
        "node 'it' (Einsum): equation 'i-j' must be terms of letters with an ellipsis at most",
    ),
    "a mirror of more than there is": (
        model(node("Pad", "a p", mode="reflect"), p=np.array([4, 0, 0, 0])),
        "node 'it' (Pad): pads [4, 0] of axis 0, allowed is up to 3 (reflect)",
    ),
    "a quotient by zero": (
        model(node("Div", "n d"), outputs=[INTS], n=np.array([7, 8]), d=np.array([2, 0])),
        "node 'it' (Div): divisor 0 at (1); an integer has no quotient by 0",
    ),
    "a remainder by zero": (
        model(node("Mod", "n d"), outputs=[INTS], n=np.array([7, 8]), d=np.array([2, 0])),
        "node 'it' (Mod): divisor 0 at (1); an integer has no quotient by 0",
    ),
    "an axis that 32 bits cut": (
        model(node("Concat", "a a", axis=2**32)),
        "node 'it' (Concat): axis is 4294967296, which takes more than 32 bits",
    ),
    "inputs of half a byte": (
        model(
            node("Cast", "z", to=TensorProto.FLOAT), inputs=[tensor("z", (4,), TensorProto.INT4)]
        ),
        "input 'z' is INT4; computed are floats of 16 to 64 bits",
    ),
    "weights of a type of their own": (
        model(
            node("DequantizeLinear", "v s"),
            opset=19,
            v=helper.make_tensor("v", TensorProto.FLOAT8E5M2, [1], [1.0]),
            s=np.float32(1),
        ),
        "v is FLOAT8E5M2; computed are floats of 16 to 64 bits",
    ),
    "an integer beyond the last": (
        model(
            node("Div", "n d"),
            outputs=[tensor("y", None, TensorProto.INT32)],
            n=np.int32([-(2**31)]),
            d=np.int32([-1]),
        ),
        "node 'it' (Div): -2147483648 divided by -1 is no int32",
    ),
}


@pytest.mark.parametrize("what", INVALID)
def test_is_refused(what):
    proto, sentence = INVALID[what]
    with pytest.raises(ModelError) as error:
        eie.from_onnx(proto)
    message = str(error.value)
    assert message.startswith("model: ")
    assert sentence in message
    assert "\n" not in message
    assert "; " in message, "it does not say what to do"


def test_a_sparse_initializer():
    proto = model(node("MatMul", "a values"))
    proto.graph.sparse_initializer.append(SPARSE)
    with pytest.raises(ModelError, match="initializer 'values' is sparse; computed are dense"):
        eie.from_onnx(proto)


def test_all_faults_at_once():
    wrong = [node("MatMul", "a v", "q", "one"), node("MatMul", "a u", "y", "two")]
    with pytest.raises(ModelError, match=r"'one' .* weights v are empty; .*'two' .* weights u are"):
        eie.from_onnx(model(*wrong, v=W[:3, :0], u=W[:3, :0]))


@pytest.mark.parametrize("scale", [1e-42, 1e-38, 1e38])
def test_weights_of_any_size_compile_and_load(scale):
    """Subnormal weights have subnormal values; nothing divides by them."""
    proto = model(outputs=[tensor("a", None)], w=W * np.float32(scale))
    library = eie.compile(eie.from_onnx(proto), eie.HardwareConfig(num_pe=2), arithmetic="float32")
    x = np.ones((4, 5), np.float32)
    np.testing.assert_array_equal(eie.run(library, x)[0], x @ (W * np.float32(scale)))


@pytest.mark.parametrize("shape", [None, (), (7, 7, 7)])
def test_what_a_model_says_of_its_outputs_shape_decides_nothing(shape):
    mod = eie.from_onnx(model(node("Relu", "a"), outputs=[tensor("y", shape)]))
    assert [row.runs_on for row in eie.explain(mod)] == ["machine", "machine"]
