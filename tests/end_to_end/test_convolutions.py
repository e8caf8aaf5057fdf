"""Convolutions on the machine, against ONNX Runtime and PyTorch."""

from dataclasses import dataclass

import numpy as np
import onnxruntime
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from on_llvm import on_llvm
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend import HardwareConfig, Recipe
from eie_backend.codegen.library import programs
from eie_backend.compiler import prepare
from eie_backend.compiler.stages import emit
from eie_backend.machine.numerics import frac_bits_for
from eie_backend.machine.target import as_target
from eie_backend.transform.attributes import without_attributes
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import dense_layers
from eie_backend.transform.winograd import A, B

# Seven bits hold all values of small integer weights, so that nothing is shared anew.
EXACT = HardwareConfig(num_pe=4, codebook_bits=7)


@dataclass(frozen=True)
class Case:
    """One ONNX convolution: shape of the input and weights, and attributes."""

    x: tuple[int, ...]
    w: tuple[int, ...]
    group: int = 1
    strides: tuple[int, ...] = (1, 1)
    pads: tuple[int, ...] = (0, 0, 0, 0)
    dilations: tuple[int, ...] = (1, 1)
    bias: bool = True
    relu: bool = True

    @property
    def result(self):
        axes = range(len(self.strides))
        reach = [self.dilations[a] * (self.w[a + 2] - 1) for a in axes]
        padded = [self.x[a + 2] + self.pads[a] + self.pads[a + len(axes)] for a in axes]
        spatial = [(padded[a] - reach[a] - 1) // self.strides[a] + 1 for a in axes]
        return (self.x[0], self.w[0], *spatial)

    def model(self, weights, bias):
        tensors = {"w": weights, "b": bias} if self.bias else {"w": weights}
        attributes = {k: getattr(self, k) for k in ("group", "strides", "pads", "dilations")}
        last = "h" if self.relu else "y"
        nodes = [helper.make_node("Conv", ["x", *tensors], [last], name="conv", **attributes)]
        nodes += [helper.make_node("Relu", ["h"], ["y"])] if self.relu else []
        return model(nodes, tensors, self.x, self.result)


def model(nodes, tensors, shape, result):
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, shape)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, result)],
        [numpy_helper.from_array(value, name) for name, value in tensors.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)


def oracle(proto, x):
    session = onnxruntime.InferenceSession(
        proto.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    return session.run(None, {"x": x})[0]


def integers(rng, *shape):
    """Return integers that float32 sums hold exactly, in any order."""
    return rng.integers(-3, 4, shape).astype(np.float32)


@st.composite
def cases(draw):
    axes = range(draw(st.integers(1, 3)))
    each = lambda low, high: tuple(draw(st.integers(low, high)) for _ in axes)  # noqa: E731
    group = draw(st.sampled_from([1, 1, 2, 3]))
    inputs, outputs = draw(st.integers(1, 3)), draw(st.integers(1, 3))
    kernel, dilations, strides = each(1, 3), each(1, 2), each(1, 3)
    pads = each(0, 2) + each(0, 2)
    reach = [dilations[a] * (kernel[a] - 1) + 1 for a in axes]
    extents = tuple(extra + reach[a] for a, extra in enumerate(each(0, 4)))
    return Case(
        (draw(st.integers(1, 2)), inputs * group, *extents),
        (outputs * group, inputs, *kernel),
        group,
        strides,
        pads,
        dilations,
        draw(st.booleans()),
        draw(st.booleans()),
    )


def on_machine(case, weights, bias, x, winograd=None):
    """Return the machine's float32 result, and the report."""
    mod = eie.from_onnx(case.model(weights, bias))
    compiled = eie.compile(mod, EXACT, arithmetic="float32", winograd=winograd)
    report = eie.profile(compiled, x)
    return report.outputs[0], report


@settings(max_examples=12)
@given(case=cases(), seed=st.integers(0, 99))
def test_any_convolution_equals_onnx_runtime(case, seed):
    rng = np.random.default_rng(seed)
    weights, bias, x = (integers(rng, *s) for s in (case.w, case.w[:1], case.x))
    weights[0, 0] = 1  # a layer of zeros alone would issue nothing
    found, report = on_machine(case, weights, bias, x, "never")
    np.testing.assert_array_equal(found, oracle(case.model(weights, bias), x))
    (layer,) = report.layers
    assert layer.name == "conv"
    assert layer.samples == case.x[0]
    assert layer.vectors == np.prod(case.result[2:])
    assert layer.weights == np.prod(case.w) * case.group


@settings(max_examples=2)
@given(
    size=st.tuples(st.integers(1, 7), st.integers(1, 7)),
    pads=st.tuples(*[st.integers(1, 2)] * 4),
    group=st.sampled_from([1, 2]),
    seed=st.integers(0, 99),
)
@pytest.mark.parametrize("mode", ["auto", "always", "never"])
def test_winograd_equals_onnx_runtime(mode, size, pads, group, seed):
    rng = np.random.default_rng(seed)
    case = Case((2, 4, *size), (6, 4 // group, 3, 3), group, pads=pads)
    weights, bias, x = (integers(rng, *s) for s in (case.w, case.w[:1], case.x))
    found, report = on_machine(case, 4 * weights, bias, x, mode)  # so that U is integer
    np.testing.assert_array_equal(found, oracle(case.model(4 * weights, bias), x))
    products = [f"conv_w{k}" for k in range(16)]
    assert [layer.name for layer in report.layers] == (products if mode == "always" else ["conv"])


def test_auto_takes_winograd_where_it_multiplies_less():
    rng = np.random.default_rng(0)
    case = Case((1, 16, 6, 6), (16, 16, 3, 3))
    normal = [rng.normal(size=s).astype(np.float32) for s in (case.w, case.w[:1], case.x)]
    mod = eie.from_onnx(case.model(*normal[:2]))
    assert len(dense_layers(DenseForm()(mod))) == 16
    # A model that arrives compressed is not clustered again.
    shared = eie.from_onnx(case.model(np.round(normal[0]), normal[1]))
    assert len(dense_layers(DenseForm()(shared))) == 1


def test_a_recipe_may_name_the_convolution_of_winograd_products():
    rng = np.random.default_rng(0)
    case = Case((1, 16, 6, 6), (16, 16, 3, 3))
    mod = eie.from_onnx(case.model(*(rng.normal(size=s).astype("f4") for s in (case.w, (16,)))))
    layers = dense_layers(eie.compress(mod, Recipe(density={"conv": 0.25}), winograd="always"))
    assert {np.count_nonzero(layer.weights) for layer in layers} == {64}


@pytest.mark.parametrize("method", ["magnitude", "global", "balanced"])
def test_density_does_not_count_the_zeros_between_groups(method):
    rng = np.random.default_rng(0)
    case = Case((1, 16, 6, 6), (16, 4, 3, 3), group=4)
    mod = eie.from_onnx(case.model(*(rng.normal(size=s).astype("f4") for s in (case.w, (16,)))))
    for density in (0.25, 1.0):
        recipe = Recipe(density=density, method=method)
        (layer,) = dense_layers(eie.compress(mod, recipe, winograd="never"))
        assert np.count_nonzero(layer.weights) == 16 * 4 * 9 * density


def test_a_grouped_convolution_that_keeps_all_does_not_compete():
    rng = np.random.default_rng(0)
    case = Case((1, 4, 1, 1), (6, 2, 1, 1), group=2, bias=False, relu=False)
    conv = helper.make_node("Conv", ["x", "w"], ["h"], name="conv", group=2)
    flat = helper.make_node("Flatten", ["h"], ["f"])
    dense = helper.make_node("MatMul", ["f", "v"], ["y"], name="fc")
    small = rng.normal(size=case.w).astype(np.float32)
    large = 100 * rng.normal(size=(6, 5)).astype(np.float32)
    proto = model([conv, flat, dense], {"w": small, "v": large}, case.x, (1, 5))
    recipe = Recipe(density={"fc": 0.5}, method="global")
    counts = {
        layer.name: np.count_nonzero(layer.weights)
        for layer in dense_layers(eie.compress(eie.from_onnx(proto), recipe))
    }
    assert counts == {"conv": 12, "fc": 15}


def test_a_threshold_does_not_count_the_zeros_between_groups():
    rng = np.random.default_rng(0)
    case = Case((1, 16, 6, 6), (16, 4, 3, 3), group=4)
    weights = rng.normal(size=case.w).astype(np.float32)
    mod = eie.from_onnx(case.model(weights, np.zeros(16, np.float32)))
    (layer,) = dense_layers(eie.compress(mod, Recipe(quality=1.5), winograd="never"))
    stay = np.count_nonzero(np.abs(weights) >= 1.5 * weights.astype(np.float64).std())
    assert np.count_nonzero(layer.weights) == stay


# Fixed point


def error_bound(program, layer, x, has_bias):
    """Bound the error of each output (rows, outputs) for inputs `x` (rows, inputs).

    Inputs and weights are rounded to half a unit; so are each product, the bias and the result.
    """
    operands = {step.instruction: step.operands for step in program.steps}
    weights, used = np.abs(layer.weights).astype(np.float64), layer.weights != 0
    x_bits, y_bits = operands["load_act"]["frac_bits"], operands["store_act"]["frac_bits"]
    w_bits = frac_bits_for(float(weights.max()), 16)
    dx, dw, dy = (0.5 * 2.0**-bits for bits in (x_bits, w_bits, y_bits))
    da = 0.5 * 2.0 ** -(x_bits + w_bits - operands["mvm"]["shift"])
    each = dx * weights.sum(axis=1) + (np.abs(x) * dw + dx * dw) @ used.T.astype(float)
    return each + da * (used.sum(axis=1) + has_bias) + dy


def compiled_pair(mode):
    """Return an int16 report, the float result of the same shared weights, and all between."""
    rng = np.random.default_rng(3)
    case = Case((2, 16, 7, 6), (12, 16, 3, 3), pads=(1, 1, 1, 1), relu=False)
    weights, bias, x = (rng.normal(size=s).astype("f4") for s in (case.w, case.w[:1], case.x))
    shared = eie.compress(eie.from_onnx(case.model(weights, bias)), Recipe(density=0.4), mode)
    calibrated = eie.calibrate(shared, x)
    config = HardwareConfig(num_pe=8)
    compiled = {k: eie.compile(calibrated, config, arithmetic=k) for k in ("int16", "float32")}
    reports = {kind: eie.profile(executable, x) for kind, executable in compiled.items()}
    assert sum(reports["int16"].saturations.values()) == 0
    exact = reports["float32"].outputs[0]
    error = np.abs(reports["int16"].outputs[0] - exact).astype(np.float64)
    layers = {layer.name: layer for layer in dense_layers(calibrated)}
    by_layer = {program.layers[0]: program for program in programs(compiled["int16"])}
    padded = np.pad(x, [(0, 0), (0, 0), (1, 3), (1, 3)]).transpose(0, 2, 3, 1)
    return error, exact, layers, by_layer, padded


def test_int16_stays_within_its_rounding_errors():
    error, exact, layers, by_layer, padded = compiled_pair("never")
    rows = [padded[:, r : r + 7, s : s + 6] for r in range(3) for s in range(3)]
    columns = np.concatenate(rows, axis=3).reshape(-1, 144)
    bound = error_bound(by_layer["conv"], layers["conv"], columns, has_bias=True)
    bound = bound.reshape(2, 7, 6, 12).transpose(0, 3, 1, 2)
    assert (error <= bound + 1e-5).all()
    assert bound.max() < 0.05 * np.abs(exact).max()


def test_winograd_in_int16_adds_up_to_nine_errors():
    error, exact, layers, by_layer, padded = compiled_pair("always")
    d = np.array([[padded[:, r : r + 7 : 2, s : s + 5 : 2] for s in range(4)] for r in range(4)])
    v = np.einsum("ra,sb,rsnijc->abnijc", B, B, d).reshape(16, -1, 16)
    bounds = np.array(
        [
            error_bound(by_layer[f"conv_w{k}"], layers[f"conv_w{k}"], v[k], has_bias=False)
            for k in range(16)
        ]
    ).reshape(4, 4, 2, 4, 3, 12)
    bound = np.einsum("ap,bq,abnijo->noipjq", np.abs(A), np.abs(A), bounds)
    bound = bound.reshape(2, 12, 8, 6)[:, :, :7]
    assert (bound <= 9 * bounds.max()).all()
    assert (error <= bound + 1e-5).all()
    assert bound.max() < 0.1 * np.abs(exact).max()


# Text


@pytest.mark.parametrize("stage", ["partitioned", "eie"])
def test_text_of_a_small_convolution(golden, stage):
    weights = np.array([1, 0, 2, 0, 0, 3, -1, 0], np.float32).reshape(2, 1, 2, 2)
    bias = np.array([0.5, -0.5], np.float32)
    mod = eie.from_onnx(Case((1, 1, 3, 3), (2, 1, 2, 2)).model(weights, bias))
    machine = as_target(HardwareConfig(num_pe=2))
    prepared = prepare(mod, machine, arithmetic="float32")
    prepared = without_attributes(prepared, "verified").with_attr("eie.model_sha256", "")
    (text,) = emit(stage, mod, lambda: prepared, machine, complete=stage == "eie")
    golden(f"conv_{stage}.txt", text + "\n")


# Whole networks


def batch_norm_network(rng):
    """Return a residual block: batch norms, one of which stays, a projection, a depthwise layer."""
    nodes, tensors = [], {}

    def conv(name, source, weights, **attributes):
        tensors[f"{name}.w"] = weights
        operands = [source, f"{name}.w"]
        nodes.append(helper.make_node("Conv", operands, [name], name=name, **attributes))

    def norm(name, source, channels):
        values = [rng.normal(size=channels) for _ in range(3)] + [rng.random(channels) + 0.5]
        keys = [f"{name}.{k}" for k in range(4)]
        tensors.update(zip(keys, (v.astype(np.float32) for v in values), strict=True))
        nodes.append(helper.make_node("BatchNormalization", [source, *keys], [name], name=name))

    def random(*shape):
        return rng.normal(size=shape).astype(np.float32)

    norm("norm0", "x", 4)
    conv("conv1", "norm0", random(8, 4, 3, 3), pads=[1, 1, 1, 1])
    norm("norm1", "conv1", 8)
    nodes.append(helper.make_node("Relu", ["norm1"], ["relu1"]))
    conv("depthwise", "relu1", random(8, 1, 3, 3), group=8, pads=[1, 1, 1, 1])
    norm("norm2", "depthwise", 8)
    conv("project", "x", random(8, 4, 1, 1))
    nodes.append(helper.make_node("Add", ["norm2", "project"], ["y"]))
    return model(nodes, tensors, (2, 4, 6, 5), (2, 8, 6, 5))


@pytest.mark.parametrize("mode", ["never", "always"])
def test_a_residual_block_with_batch_norms_equals_onnx_runtime(mode):
    rng = np.random.default_rng(4)
    proto = batch_norm_network(rng)
    x = rng.normal(size=(2, 4, 6, 5)).astype(np.float32)
    mod = eie.from_onnx(proto).with_attr("eie.winograd", mode)
    dense = DenseForm()(mod)
    assert dense.script().count("batch_norm(") == 1
    values = run_on_llvm(dense, x)
    np.testing.assert_allclose(values, oracle(proto, x), rtol=1e-4, atol=1e-4)
    sources = {layer.source for layer in dense_layers(dense)}
    assert sources == {"conv1", "depthwise", "project"}


def test_a_residual_block_runs_on_the_machine():
    rng = np.random.default_rng(4)
    mod = eie.from_onnx(batch_norm_network(rng)).with_attr("eie.winograd", "never")
    x = rng.normal(size=(2, 4, 6, 5)).astype(np.float32)
    # Sharing changes the weights, so the oracle is the shared module on LLVM.
    prepared = prepare(mod, arithmetic="float32")
    report = eie.profile(eie.compile(prepared, arithmetic="float32"), x)
    np.testing.assert_allclose(report.outputs[0], run_on_llvm(prepared, x), rtol=1e-4, atol=1e-4)
    assert {layer.name for layer in report.layers} == {"conv1", "depthwise", "project"}


def run_on_llvm(mod, x):

    return on_llvm(mod, x)[0]


LENET_5 = (
    ("conv1", (6, 1, 5, 5)),
    ("conv2", (16, 6, 5, 5)),
    ("fc1", (256, 120)),
    ("fc2", (120, 10)),
)


def lenet_5(weights):
    """Return LeNet-5 as ONNX: two convolutions with pooling, then two dense layers."""
    nodes, value = [], "x"
    for name, _ in LENET_5:
        operator = "Conv" if name.startswith("conv") else "Gemm"
        if name == "fc1":
            nodes.append(helper.make_node("Flatten", [value], ["flat"]))
            value = "flat"
        result = "y" if name == "fc2" else name
        operands = [value, f"{name}.w", f"{name}.b"]
        nodes.append(helper.make_node(operator, operands, [result], name=name))
        if name != "fc2":
            nodes.append(helper.make_node("Relu", [result], [f"{name}_relu"]))
            value = f"{name}_relu"
        if operator == "Conv":
            pool = {"kernel_shape": [2, 2], "strides": [2, 2]}
            nodes.append(helper.make_node("MaxPool", [value], [f"{name}_pool"], **pool))
            value = f"{name}_pool"
    return model(nodes, weights, (2, 1, 28, 28), (2, 10))


@pytest.mark.torch
def test_lenet_5_equals_pytorch():
    torch = pytest.importorskip("torch")
    rng = np.random.default_rng(0)
    weights = {}
    for name, shape in LENET_5:
        outputs = shape[0] if len(shape) > 2 else shape[1]
        # Few values, so that the machine's codebook holds them as they are.
        weights[f"{name}.w"] = rng.integers(-7, 8, shape).astype(np.float32) / 64
        weights[f"{name}.b"] = rng.normal(size=outputs).astype(np.float32)
    x = rng.normal(size=(2, 1, 28, 28)).astype(np.float32)

    w = {name: torch.from_numpy(value) for name, value in weights.items()}
    h = torch.from_numpy(x)
    for name in ("conv1", "conv2"):
        h = torch.nn.functional.conv2d(h, w[f"{name}.w"], w[f"{name}.b"])
        h = torch.nn.functional.max_pool2d(torch.relu(h), 2)
    h = torch.relu(h.flatten(1) @ w["fc1.w"] + w["fc1.b"])
    expected = (h @ w["fc2.w"] + w["fc2.b"]).numpy()

    mod = eie.from_onnx(lenet_5(weights))
    report = eie.profile(eie.compile(mod, arithmetic="float32"), x)
    np.testing.assert_allclose(report.outputs[0], expected, rtol=1e-4, atol=1e-4)
    names = [name for name, _ in LENET_5]
    assert [layer.name for layer in report.layers] == names
    assert [layer.vectors for layer in report.layers] == [24 * 24, 8 * 8, 1, 1]
    assert all(layer.samples == 2 for layer in report.layers)
    assert all(layer.cycles_per_sample >= layer.vectors for layer in report.layers)
    prepared = prepare(mod, arithmetic="float32")
    (text,) = emit("partitioned", mod, lambda: prepared, as_target(None), complete=False)
    for operator in ("R.matmul", "R.add", "R.nn.relu", "R.nn.conv2d"):
        assert operator not in text[text.index("def main") :]

    calibrated = eie.calibrate(mod, x)
    fixed = eie.profile(eie.compile(calibrated), x)
    np.testing.assert_allclose(fixed.outputs[0], expected, atol=0.02 * np.abs(expected).max())
