"""Quantized products become products of floats: ONNX Runtime and its quantizer are the oracle."""

import logging

import numpy as np
import onnx
import onnxruntime
import pytest
from by_runtime import assert_models_agree, by_runtime, imported, one_node
from onnx import TensorProto, helper
from onnxruntime.quantization import QuantType, quantize_dynamic

import eie_backend as eie
from eie_backend.frontend.graph.context import Context
from eie_backend.frontend.graph.integer_products import as_float_products

RNG = np.random.default_rng(0)
KINDS = {"int8": QuantType.QInt8, "uint8": QuantType.QUInt8}
"""Of weights."""


def node(operator, inputs, output, **attributes):
    name = attributes.pop("name", output)
    return helper.make_node(operator, inputs.split(" "), output.split(" "), name, **attributes)


def weights(**shapes):
    """Return weights of 15 values, which the machine's codebook has room for, also as integers."""
    return {
        name.replace("_", "."): (RNG.integers(-7, 8, shape) * 0.05).astype(np.float32)
        for name, shape in shapes.items()
    }


MLP = (
    [
        node("Gemm", "x fc1.weight fc1.bias", "a", name="one", transB=1),
        node("Relu", "a", "b"),
        node("MatMul", "b fc2.weight", "c", name="two"),
        node("Add", "c fc2.bias", "y"),
    ],
    [4, 32],
    weights(fc1_weight=(64, 32), fc1_bias=64, fc2_weight=(64, 10), fc2_bias=10),
)
CNN = (
    [
        node("Conv", "x c1.weight c1.bias", "a", pads=[1] * 4),
        node("Relu", "a", "b"),
        node("MaxPool", "b", "p", kernel_shape=[2, 2], strides=[2, 2]),
        node("Conv", "p c2.weight", "d", strides=[2, 2], pads=[1] * 4, group=2),
        node("Flatten", "d", "f"),
        node("Gemm", "f fc.weight fc.bias", "y", transB=1),
    ],
    [2, 3, 8, 8],
    weights(
        c1_weight=(8, 3, 3, 3), c1_bias=8, c2_weight=(6, 4, 3, 3), fc_weight=(10, 24), fc_bias=10
    ),
)


@pytest.fixture
def quantized(make_graph, tmp_path):
    """Make a network, quantized by ONNX Runtime's tool."""

    def made(network, kind="int8", per_channel=False):
        nodes, shape, constants = network
        proto = make_graph(nodes, {"x": ("f", shape)}, ["y"], **constants)
        before, after = tmp_path / "before.onnx", tmp_path / "after.onnx"
        onnx.save(proto, before)
        logging.disable(logging.WARNING)  # it asks for its own preprocessing
        try:
            quantize_dynamic(before, after, per_channel=per_channel, weight_type=KINDS[kind])
        finally:
            logging.disable(logging.NOTSET)
        return onnx.load(after)

    return made


def places(proto):
    return {row.name: row.runs_on for row in eie.explain(eie.from_onnx(proto)) if row.is_layer}


@pytest.mark.sampled(6)
@pytest.mark.parametrize("per_channel", [False, True])
@pytest.mark.parametrize("kind", KINDS)
@pytest.mark.parametrize(("network", "layers"), [(MLP, ("fc1", "fc2")), (CNN, ("c1", "c2", "fc"))])
def test_what_the_quantizer_writes(network, layers, kind, per_channel, quantized):
    proto = quantized(network, kind, per_channel)
    assert any("Integer" in one.op_type for one in proto.graph.node)
    assert places(proto) == dict.fromkeys(layers, "machine")
    assert_models_agree(proto, {"x": RNG.normal(size=network[1]).astype(np.float32)})


@pytest.mark.parametrize("network", [MLP, CNN])
def test_on_the_machine(network, quantized):
    proto = quantized(network)
    x = RNG.normal(size=network[1]).astype(np.float32)
    compiled = eie.compile(eie.from_onnx(proto), arithmetic="float32", strict=True)
    (found,), (wanted,) = eie.run(compiled, x), by_runtime(proto, {"x": x})
    np.testing.assert_allclose(found, wanted, 1e-4, 1e-4)


# ONNX Runtime's own operators


@pytest.mark.parametrize("network", [MLP, CNN])
def test_what_onnx_runtime_makes_of_it(network, quantized, tmp_path):
    options = onnxruntime.SessionOptions()
    options.optimized_model_filepath = str(tmp_path / "fused.onnx")
    level = onnxruntime.GraphOptimizationLevel.ORT_ENABLE_EXTENDED
    options.graph_optimization_level = level
    onnxruntime.InferenceSession(quantized(network).SerializeToString(), options)
    proto = onnx.load(tmp_path / "fused.onnx")
    assert any(one.op_type == "DynamicQuantizeMatMul" for one in proto.graph.node)
    assert {*places(proto).values()} == {"machine"}
    assert_models_agree(proto, {"x": RNG.normal(size=network[1]).astype(np.float32)})


A = RNG.integers(0, 256, (3, 6)).astype(np.uint8)
Q = RNG.integers(-128, 128, (6, 4)).astype(np.int8)
EACH = RNG.integers(-5, 5, 4).astype(np.int8)
SCALES = RNG.uniform(0.01, 0.02, 4).astype(np.float32)
BIAS = RNG.normal(size=4).astype(np.float32)


def one(operator, inputs, constants, kind=TensorProto.FLOAT, domain="", **attributes):
    """Return a model of a node, and what to feed it."""
    proto, feeds = one_node(
        operator, inputs, constants, opset=20, kinds=[kind], domain=domain, **attributes
    )
    if domain:
        proto.opset_import.add(domain=domain, version=1)
    return proto, feeds


@pytest.mark.sampled(2)
@pytest.mark.parametrize("bias", [None, BIAS])
@pytest.mark.parametrize("zeros", [(None, None), (np.uint8(9), np.int8(-2)), (None, EACH)])
@pytest.mark.parametrize("constants", [range(1, 7), ()])
def test_products_with_scales(constants, zeros, bias):
    inputs = [A, Q, np.float32(0.02), SCALES, *zeros, bias]
    constants = [at for at in constants if inputs[at] is not None]
    proto, feeds = one("MatMulIntegerToFloat", inputs, constants, domain="com.microsoft")
    assert_models_agree(proto, feeds)
    # Products of two results are no layers.
    assert {*places(proto).values()} == ({"machine"} if 1 in constants else set())


# Integers that stay integers


@pytest.mark.sampled(2)
@pytest.mark.parametrize("constants", [(), (1, 2, 3), (1, 3)])
@pytest.mark.parametrize(
    "zeros",
    [
        (None, None),
        (np.uint8(7), np.int8(3)),
        (np.array([7], np.uint8), EACH),
        (None, EACH),
    ],
)
def test_integer_products(zeros, constants):
    constants = [at for at in constants if at == 1 or zeros[at - 2] is not None]
    proto, feeds = one("MatMulInteger", [A, Q, *zeros], constants, TensorProto.INT32)
    assert_models_agree(proto, feeds)


@pytest.mark.parametrize("constants", [(), (1, 2)])
def test_zero_points_of_rows(constants):
    """ONNX Runtime has none."""
    zeros = np.array([7, 0, 200], np.uint8)
    proto, feeds = one("MatMulInteger", [A, Q, zeros], constants, TensorProto.INT32)
    (found,) = imported(proto, feeds)
    wide = A.astype(np.int32) - zeros[:, None]
    np.testing.assert_array_equal(found, wide @ Q.astype(np.int32))


def test_sums_beyond_what_float32_has():
    a, q = np.full((2, 600), 255, np.uint8), np.full((600, 2), 127, np.int8)
    q[0, 1] = 126
    proto, feeds = one("MatMulInteger", [a, q], [1], TensorProto.INT32)
    (found,), (wanted,) = imported(proto, feeds), by_runtime(proto, feeds)
    assert found.dtype == wanted.dtype and np.array_equal(found, wanted)
    assert wanted.max() > 1 << 24


@pytest.mark.sampled(6)
@pytest.mark.parametrize("constants", [(), (1, 2, 3)])
@pytest.mark.parametrize("zeros", [(np.uint8(7), np.int8(3)), (np.uint8(200), None)])
@pytest.mark.parametrize("attributes", [{}, {"pads": [1, 0, 2, 1]}, {"auto_pad": "SAME_UPPER"}])
def test_integer_convolutions(attributes, zeros, constants):
    x = RNG.integers(0, 256, (2, 3, 6, 5)).astype(np.uint8)
    q = RNG.integers(-128, 128, (4, 3, 3, 2)).astype(np.int8)
    constants = [at for at in constants if at == 1 or zeros[at - 2] is not None]
    proto, feeds = one("ConvInteger", [x, q, *zeros], constants, TensorProto.INT32, **attributes)
    assert_models_agree(proto, feeds)


# Left alone


@pytest.fixture
def scaled_otherwise(make_graph):
    """Make a product that is scaled by `scale`, whose other factor may be an input `s`."""

    def made(*nodes, outputs=("y",), **constants):
        nodes = [node("DynamicQuantizeLinear", "x", "d sx zx"), *nodes]
        inputs = {"x": ("f", [3, 6]), "s": ("f", [3, 1])}
        return make_graph(nodes, inputs, outputs, q=Q, zq=np.int8(3), **constants)

    return made


FEEDS = {
    "x": RNG.normal(size=(3, 6)).astype(np.float32),
    "s": RNG.uniform(1, 2, (3, 1)).astype(np.float32),
}
PRODUCT = node("MatMulInteger", "d q zx zq", "p")
CAST = node("Cast", "p", "c", to=TensorProto.FLOAT)


@pytest.mark.parametrize(
    "nodes",
    [
        [node("Mul", "c s", "y")],  # a scale of each row
        [node("Mul", "sx rows", "t"), node("Mul", "c t", "y")],
        [node("Mul", "c c", "y")],
        [node("Add", "c sx", "y")],
        [node("Mul", "c sx", "z"), node("Add", "z c", "y")],  # it is read elsewhere
    ],
)
def test_what_is_no_scale(nodes, scaled_otherwise, as_onnx_runtime):
    proto = scaled_otherwise(PRODUCT, CAST, *nodes, rows=np.float32([[1], [2], [3]]))
    as_onnx_runtime(proto, FEEDS, tolerance=1e-4)


def test_a_product_that_is_a_result(scaled_otherwise, as_onnx_runtime):
    nodes = [PRODUCT, CAST, node("Mul", "c sx", "y")]
    outputs = {"y": ("f", None), "p": ("i4", None)}
    as_onnx_runtime(scaled_otherwise(*nodes, outputs=outputs), FEEDS, tolerance=1e-4)


def test_the_names_of_weights_that_are_taken(make_graph):
    nodes = [
        node("DynamicQuantizeLinear", "x", "d sx zx"),
        node("MatMulInteger", "d fc.weight_quantized zx", "p"),
        CAST,
        node("Mul", "c sx", "h"),
        node("MatMul", "h fc.weight", "y"),
    ]
    constants = {"fc.weight_quantized": Q, "fc.weight": np.eye(4, dtype=np.float32)}
    proto = make_graph(nodes, {"x": ("f", [3, 6])}, ["y"], **constants)
    assert places(proto) == {"p": "machine", "fc": "machine"}


def test_weights_that_two_products_share(make_graph):
    nodes = [node("DynamicQuantizeLinear", "x", "d sx zx")]
    for at in "12":
        nodes += [
            node("MatMulInteger", "d w_quantized zx", f"p{at}"),
            node("Cast", f"p{at}", f"c{at}", to=TensorProto.FLOAT),
            node("Mul", f"c{at} sx", f"y{at}"),
        ]
    proto = make_graph(nodes, {"x": ("f", [3, 6])}, ["y1", "y2"], w_quantized=Q)
    prepared = onnx.ModelProto()
    prepared.CopyFrom(proto)
    as_float_products(prepared, Context())
    assert [one.input[1] for one in prepared.graph.node if one.op_type == "MatMul"] == ["w", "w"]


def test_an_operator_of_the_users(make_graph):
    proto = make_graph([PRODUCT], {"d": ("i", [3, 6])}, {"p": ("i4", None)}, q=Q)
    before = proto.SerializeToString()
    as_float_products(proto, Context(foreign=frozenset({"MatMulInteger"})))
    assert proto.SerializeToString() == before
