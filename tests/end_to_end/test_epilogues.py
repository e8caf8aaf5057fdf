"""ReLU6, LeakyReLU and PReLU run on the machine, from any source; what it cannot run says why."""

import numpy as np
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.epilogues import BY_NAME
from eie_backend.errors import ModelError
from eie_backend.machine.choices import ENGINE

RNG = np.random.default_rng(7)
# Few values: nothing is shared, so that the machine computes the model itself.
VALUES = np.array([-1, -0.5, 0, 0.25, 0.75], np.float32)
W = RNG.choice(VALUES, (9, 12))
B = RNG.normal(size=12).astype(np.float32)
X = RNG.normal(size=(40, 9)).astype(np.float32) * 3


def node(operator, inputs, output, name="", **attributes):
    return helper.make_node(operator, inputs.split(" "), [output], name, **attributes)


def model(nodes, constants, shape=("N", 9), result=("N", 12), opset=17):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
        [numpy_helper.from_array(np.asarray(v, np.float32), n) for n, v in constants.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", opset)], ir_version=8)


def after_a_layer(*nodes, opset=17, **constants):
    """Return a dense layer whose sum `h` these nodes turn into `y`."""
    layer = [node("Gemm", "x w b", "h", "fc")]
    return model([*layer, *nodes], {"w": W, "b": B, **constants}, opset=opset)


SPELLINGS = {
    "clip": [node("Clip", "h low high", "y", "act")],
    "clip without a low bound": [node("Relu", "h", "r"), node("Clip", "r  high", "y", "act")],
    "relu and min": [node("Relu", "h", "r"), node("Min", "r high", "y", "act")],
    "min and max": [node("Min", "high h", "r"), node("Max", "low r", "y", "act")],
    "leaky": [node("LeakyRelu", "h", "y", "act", alpha=0.3)],
    "prelu": [node("PRelu", "h slope", "y", "act")],
    "prelu, a slope per channel, all alike": [node("PRelu", "h slopes", "y", "act")],
    "max(x, s x)": [node("Mul", "h slope", "q"), node("Max", "h q", "y", "act")],
    "where": [
        node("Greater", "h low", "c"),
        node("Mul", "h slope", "q"),
        node("Where", "c h q", "y", "act"),
    ],
}
CONSTANTS = {"low": 0, "high": 1.7, "slope": 0.1, "slopes": np.full(12, 0.4)}


def reference(proto, x):
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


def on_host(mod):
    return [row for row in eie.explain(mod) if row.runs_on == "host"]


def write_backs(executable):
    return [
        s.operands for p in programs(executable) for s in p.steps if s.instruction == "write_back"
    ]


def check(mod, x, expected, **options):
    """Compare float32 exactly, and int16 to its format's step; nothing is left to the host."""
    assert on_host(mod) == []
    exact = eie.run(eie.compile(mod, arithmetic="float32", strict=True, **options), x)[0]
    np.testing.assert_allclose(exact, expected, rtol=1e-5, atol=1e-5)
    executable = eie.compile(mod, calibration=x, strict=True, **options)
    found = [eie.run(executable, x, engine=engine)[0] for engine in ENGINE.values]
    assert all(one.tobytes() == found[0].tobytes() for one in found)
    assert np.abs(found[0] - expected).max() <= 2.0**-10 * np.abs(X @ W + B).max()
    return executable


@pytest.mark.parametrize("name", SPELLINGS)
def test_from_onnx(name):
    nodes = SPELLINGS[name]
    used = {one for n in nodes for one in n.input}
    proto = after_a_layer(*nodes, **{n: v for n, v in CONSTANTS.items() if n in used})
    executable = check(eie.from_onnx(proto, {"N": 1}), X, reference(proto, X))
    (operands,) = write_backs(executable)
    kind = "clip" if "high" in used else "leaky_relu"
    assert operands["epilogue"] == BY_NAME[kind].number


@pytest.mark.parametrize("opset", [6, 11])
def test_from_older_opsets(opset):
    bounds = {"min": 0.0, "max": 1.7} if opset < 11 else {}
    clip = node("Clip", "h" if bounds else "h low high", "y", "act", **bounds)
    constants = {} if bounds else {"low": 0, "high": 1.7}
    # Gemm takes a bias of one dimension since opset 7.
    layer = [node("MatMul", "x w", "h", "fc")]
    proto = model([*layer, clip], {"w": W, **constants}, opset=opset)
    check(eie.from_onnx(proto, {"N": 1}), X, reference(proto, X))


HOST = {
    "a slope of 1.5": ([node("LeakyRelu", "h", "y", "act", alpha=1.5)], "its slope is 1.5"),
    "a negative slope": ([node("LeakyRelu", "h", "y", "act", alpha=-0.1)], "its slope is -0.1"),
    "slopes per channel": ([node("PRelu", "h each", "y", "act")], "it has several slopes"),
    "other bounds": ([node("Clip", "h minus high", "y", "act")], "its bounds are -1.0 and 1.7"),
    "HardSwish": ([node("HardSwish", "h", "y", "act")], "constant weights"),
    "HardSigmoid": ([node("HardSigmoid", "h", "y", "act")], "constant weights"),
}


@pytest.mark.parametrize("name", HOST)
def test_the_host_runs_the_others_and_explain_says_why(name):
    nodes, why = HOST[name]
    constants = {"each": np.linspace(0, 0.5, 12), "minus": -1, "high": 1.7}
    used = {one for n in nodes for one in n.input}
    proto = after_a_layer(*nodes, **{n: v for n, v in constants.items() if n in used})
    mod = eie.from_onnx(proto, {"N": 1})
    rows = on_host(mod)
    assert any(why in row.reason for row in rows), rows
    found = eie.run(eie.compile(mod, arithmetic="float32"), X)[0]
    np.testing.assert_allclose(found, reference(proto, X), rtol=1e-5, atol=1e-5)


def test_a_bound_makes_the_format_fine_without_data():
    proto = after_a_layer(node("Clip", "h low high", "y"), low=0, high=6)
    (operands,) = write_backs(eie.compile(eie.from_onnx(proto, {"N": 1})))
    _, _, store = programs(eie.compile(eie.from_onnx(proto, {"N": 1})))[0].steps[-3:]
    assert store.operands["frac_bits"] == 12  # 6 takes 3 of 15 bits
    assert operands["parameter"] > 0


def test_products_of_slopes_are_counted_and_cost_energy():
    proto = after_a_layer(node("LeakyRelu", "h", "y", alpha=0.5))
    plain = after_a_layer(node("Relu", "h", "y"))
    reports = [
        eie.profile(eie.compile(eie.from_onnx(one, {"N": 1}), calibration=X), X)
        for one in (proto, plain)
    ]
    leaky, relu = (report.layers[0] for report in reports)
    assert leaky.counters["epilogue_multiplies"] == len(X) * 12
    assert relu.counters["epilogue_multiplies"] == 0
    assert leaky.cycles_per_sample == relu.cycles_per_sample
    more = leaky.energy_pj["arith"] - relu.energy_pj["arith"]
    assert more == pytest.approx(0.62 * len(X) * 12)


# A block of MobileNetV1


def block():
    """Return a depthwise and a pointwise convolution, each with batch norm and ReLU6."""
    channels, outputs = 8, 12

    def norm(x, y, name, size):
        statistics = {f"{name}_{n}": RNG.uniform(0.5, 1.5, size) for n in ("scale", "var")}
        statistics |= {f"{name}_{n}": RNG.normal(size=size) * 0.1 for n in ("bias", "mean")}
        order = " ".join(f"{name}_{n}" for n in ("scale", "bias", "mean", "var"))
        return node("BatchNormalization", f"{x} {order}", y, name), statistics

    depthwise_norm, first = norm("d", "dn", "norm1", channels)
    pointwise_norm, second = norm("p", "pn", "norm2", outputs)
    nodes = [
        node("Conv", "x depthwise", "d", "dw", group=channels, pads=[1, 1, 1, 1]),
        depthwise_norm,
        node("Clip", "dn low high", "dr", "dw_relu6"),
        node("Conv", "dr pointwise", "p", "pw"),
        pointwise_norm,
        node("Clip", "pn low high", "y", "pw_relu6"),
    ]
    weights = {
        "depthwise": RNG.normal(size=(channels, 1, 3, 3)),
        "pointwise": RNG.normal(size=(outputs, channels, 1, 1)),
    }
    constants = {**weights, **first, **second, "low": 0, "high": 6}
    return model(nodes, constants, ("N", channels, 10, 10), ("N", outputs, 10, 10), opset=15)


def test_every_layer_of_a_mobilenet_block_ends_on_the_machine():
    proto = block()
    mod = eie.from_onnx(proto, {"N": 1})
    rows = {row.name: row for row in eie.explain(mod)}
    layers = {name: row.layer for name, row in rows.items() if row.runs_on == "machine"}
    assert layers["dw"] == "dw" and layers["dw_relu6"] == "dw"
    assert layers["pw"] == "pw" and layers["pw_relu6"] == "pw"
    assert {rows[name].operator for name in rows if rows[name].runs_on == "host"} <= {
        "permute_dims",
        "reshape",
    }
    x = RNG.normal(size=(6, 8, 10, 10)).astype(np.float32)
    executable = eie.compile(
        mod,
        eie.HardwareConfig(codebook_bits=7),
        recipe=eie.Recipe(bits=7),
        calibration=x,
        strict=True,
    )
    assert {one["epilogue"] for one in write_backs(executable)} == {BY_NAME["clip"].number}
    expected = reference(proto, x)
    found = eie.run(executable, x)[0]
    assert np.linalg.norm(found - expected) <= 0.1 * np.linalg.norm(expected)


# Other sources


@pytest.mark.torch
@pytest.mark.parametrize(
    ("module", "epilogue"),
    [
        (("ReLU6",), "clip"),
        (("Hardtanh", 0, 1.5), "clip"),
        (("LeakyReLU", 0.3), "leaky_relu"),
        (("PReLU",), "leaky_relu"),
        (("PReLU", 12), "leaky_relu"),  # its slopes are alike until it is trained
    ],
)
def test_from_pytorch(module, epilogue):
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    layer = torch.nn.Linear(9, 12)
    with torch.no_grad():
        layer.weight.copy_(torch.tensor(W.T))
        layer.bias.copy_(torch.tensor(B))
    name, *arguments = module
    model = torch.nn.Sequential(layer, getattr(torch.nn, name)(*arguments)).eval()
    mod = eie.from_pytorch(model, (torch.zeros(1, 9),))
    with torch.no_grad():
        expected = model(torch.tensor(X)).numpy()
    (operands,) = write_backs(check(mod, X, expected))
    assert operands["epilogue"] == BY_NAME[epilogue].number


@pytest.mark.torch
@pytest.mark.parametrize("name", ["Hardswish", "Hardsigmoid"])
def test_the_host_runs_others_of_pytorch(name):
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    model = torch.nn.Sequential(torch.nn.Linear(9, 12), getattr(torch.nn, name)()).eval()
    assert on_host(eie.from_pytorch(model, (torch.zeros(1, 9),)))


@pytest.mark.jax
@pytest.mark.parametrize(
    ("name", "epilogue"),
    [("relu6", "clip"), ("leaky_relu", "leaky_relu"), ("maximum", "leaky_relu"), ("clip", "clip")],
)
def test_from_jax(name, epilogue):
    jax = pytest.importorskip("jax", reason="needs the extra `jax`")
    functions = {
        "relu6": jax.nn.relu6,
        "leaky_relu": jax.nn.leaky_relu,
        "maximum": lambda h: jax.numpy.maximum(h, 0.25 * h),
        "clip": lambda h: jax.numpy.clip(h, 0, 1.5),
    }

    def function(x):
        return functions[name](x @ W + B)

    mod = eie.from_jax(function, X[:1])
    (operands,) = write_backs(check(mod, X, np.asarray(function(X))))
    assert operands["epilogue"] == BY_NAME[epilogue].number


def test_a_bound_may_have_dimensions_of_one():
    proto = after_a_layer(node("Clip", "h low high", "y", "act"), low=[0], high=[[1.5]])
    # ONNX Runtime takes scalars alone.
    plain = after_a_layer(node("Clip", "h low high", "y", "act"), low=0, high=1.5)
    check(eie.from_onnx(proto, {"N": 1}), X, reference(plain, X))


@pytest.mark.parametrize("shape", [(12,), (0,), (1, 12)])
def test_a_bound_that_is_not_one_number_is_refused(shape):
    proto = after_a_layer(node("Clip", "h low high", "y", "act"), low=0, high=np.ones(shape))
    said = ", ".join(map(str, shape))
    with pytest.raises(
        ModelError, match=rf"node 'act' \(Clip\): a bound of Clip has shape \({said}\)"
    ):
        eie.from_onnx(proto, {"N": 1})
