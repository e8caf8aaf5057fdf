"""Every operator of a model: where it runs, what it is part of, and why not."""

import numpy as np
import pytest
from recurrent_nodes import recurrent
from tvm import relax

import eie_backend as eie
from eie_backend.codegen.library import programs
from eie_backend.compiler.placement import require_machine
from eie_backend.errors import ModelError
from eie_backend.isa.program import Program

MACHINE = eie.HardwareConfig(num_pe=4)
ONE_PE = eie.HardwareConfig(num_pe=1, act_sram_bytes=16)

WEIGHTS = np.random.default_rng(0).normal(size=(2, 6, 6)).astype(np.float32)


def module(body, *shapes):
    builder = relax.BlockBuilder()
    inputs = [relax.Var(f"x{i}", relax.TensorType(s, "float32")) for i, s in enumerate(shapes)]
    with builder.function("main", inputs):
        with builder.dataflow():
            result = builder.emit_output(body(builder, *inputs), "result")
        builder.emit_func_output(result)
    return builder.get()


def ones(*shape):
    return relax.const(np.ones(shape, np.float32))


def network(builder, x):
    """Return dense, bias, ReLU, pooling, dense, softmax and a product of activations."""
    hidden = builder.emit(relax.op.matmul(x, ones(6, 8)), "fc1")
    hidden = builder.emit(relax.op.add(hidden, ones(8)), "bias1")
    hidden = builder.emit(relax.op.nn.relu(hidden), "relu1")
    pooled = builder.emit(relax.op.nn.avg_pool1d(hidden, 2, 2), "pool")
    scores = builder.emit(relax.op.matmul(pooled, ones(4, 3)), "fc2")
    flipped = builder.emit(relax.op.permute_dims(scores, [0, 2, 1]), "flip")
    product = builder.emit(relax.op.matmul(scores, flipped), "product")
    return relax.op.nn.softmax(product)


def rows(mod, config=MACHINE):
    return {row.name: row for row in eie.explain(mod, config)}


@pytest.fixture(scope="module")
def found():
    return rows(module(network, (2, 5, 6)))


def test_operators_are_in_the_order_of_the_model(found):
    assert list(found) == [
        *("fc1", "bias1", "relu1", "pool", "fc2", "flip", "product", "result"),
    ]
    assert [row.operator for row in found.values()] == [
        *("matmul", "add", "nn.relu", "nn.avg_pool1d"),
        *("matmul", "permute_dims", "matmul", "nn.softmax"),
    ]


def test_a_layer_has_its_bias_and_relu(found):
    for name in ("fc1", "bias1", "relu1"):
        assert (found[name].runs_on, found[name].layer, found[name].reason) == (
            "machine",
            "fc1",
            "",
        )
    assert found["fc2"].layer == "fc2"


def test_a_product_of_two_results_is_no_layer(found):
    assert (found["product"].runs_on, found["product"].is_layer) == ("host", False)
    assert found["product"].reason == (
        "it multiplies two results of the network, and the machine's weights are constants"
    )


def test_a_layer_whose_weights_are_an_input_says_what_to_do():
    builder = relax.BlockBuilder()
    x, w = (
        relax.Var(name, relax.TensorType(shape, "float32"))
        for name, shape in (("x", (2, 6)), ("w", (5, 6)))
    )
    with builder.function("main", [x, w]):
        with builder.dataflow():
            weights = builder.emit(relax.op.permute_dims(w), "weights")
            hidden = builder.emit(relax.op.nn.relu(x), "hidden")
            out = builder.emit_output(relax.op.matmul(hidden, weights), "fc")
        builder.emit_func_output(out)
    (row,) = (one for one in eie.explain(builder.get()) if one.name == "fc")
    assert (row.runs_on, row.is_layer) == ("host", True)
    assert row.reason == (
        "its weights are not a constant matrix; export the model with weights as initializers"
    )


def test_live_values_are_those_of_the_machine_that_is_asked_about():
    assert rows(module(network, (2, 5, 6)), ONE_PE)["fc1"].reason == (
        "its input and output take 14 rows of activation SRAM; a PE has 8: "
        "raise num_pe or act_sram_bytes"
    )


def test_operators_that_are_no_layers_say_so_in_a_phrase(found):
    assert found["pool"].reason == "the machine has no instruction for pooling"
    assert found["flip"].reason == "moves data only"
    assert found["result"].reason == "the machine has no exponential"
    assert {row.name for row in found.values() if row.is_layer} == {"fc1", "fc2"}


def test_what_reads_the_middle_of_a_layer_keeps_its_relu_on_the_host():
    def body(builder, x):
        hidden = builder.emit(relax.op.matmul(x, ones(6, 6)), "fc")
        positive = builder.emit(relax.op.nn.relu(hidden), "relu")
        return relax.op.subtract(positive, hidden)

    found = rows(module(body, (2, 6)))
    assert found["fc"].runs_on == "machine"
    assert found["relu"].runs_on == "host"
    assert "does not follow a layer of the machine" in found["relu"].reason


def test_a_constant_expression_is_folded():
    def body(builder, x):
        weights = builder.emit(relax.op.permute_dims(ones(8, 6)), "weights")
        return relax.op.matmul(x, weights)

    found = rows(module(body, (2, 6)))
    assert (found["weights"].runs_on, found["weights"].reason) == (
        "folded",
        "computed when compiling",
    )
    assert found["result"].runs_on == "machine"


def test_many_different_weights_are_no_reason_as_compiling_shares_them():
    weights = np.arange(48, dtype=np.float32).reshape(6, 8)
    mod = module(lambda builder, x: relax.op.matmul(x, relax.const(weights)), (2, 6))
    assert rows(mod)["result"].runs_on == "machine"


def convolution(builder, x):
    """Return a 3x3 convolution with bias and ReLU, and pooling."""
    image = builder.emit(relax.op.nn.conv2d(x, ones(4, 2, 3, 3)), "conv")
    image = builder.emit(relax.op.add(image, ones(1, 4, 1, 1)), "bias")
    image = builder.emit(relax.op.nn.relu(image), "relu")
    return relax.op.nn.max_pool2d(image, 2, 2)


@pytest.mark.parametrize(("winograd", "relu"), [("never", "machine"), ("always", "host")])
def test_a_convolution_is_a_layer_with_the_bias_and_relu_that_run_with_it(winograd, relu):
    mod = module(convolution, (1, 2, 6, 6)).with_attr("eie.winograd", winograd)
    found = rows(mod)
    assert [row.runs_on for row in found.values()] == ["machine", relu, relu, "host"]
    assert found["conv"].layer == "conv"
    if winograd == "always":
        assert found["relu"].reason.endswith("Winograd's algorithm in conv")


def test_a_layer_that_uses_weights_again_is_on_the_machine():
    def body(builder, x):
        hidden = builder.emit(relax.op.matmul(x, ones(6, 6)), "fc1")
        hidden = builder.emit(relax.op.tanh(hidden), "tanh")
        hidden = builder.emit(relax.op.matmul(hidden, ones(6, 6)), "fc2")
        hidden = builder.emit(relax.op.add(hidden, ones(6)), "bias2")
        return relax.op.nn.relu(hidden)

    mod = module(body, (2, 6))
    found = rows(mod)
    assert {name for name, row in found.items() if row.runs_on == "host"} == {"tanh"}
    assert {row.layer for name, row in found.items() if name != "tanh"} == {"fc1"}
    eie.compile(mod, MACHINE, strict=True)


def relu6(h):
    return relax.op.clip(h, 0, 6)


AFTER = {
    "nothing": {},
    "relu": {"act": relax.op.nn.relu},
    "maximum": {"act": lambda h: relax.op.maximum(h, relax.const(0.0, "float32"))},
    "relu6 read twice": {
        "act": relu6,
        "sum": lambda h, act: relax.op.add(act, relax.op.multiply(act, act)),
    },
    "the sum read twice": {
        "act": relu6,
        "product": relax.op.multiply,
    },
    "a maximum of a sum read twice": {
        "act": lambda h: relax.op.maximum(h, relax.const(0.0, "float32")),
        "product": relax.op.multiply,
    },
    "HardSwish": {
        "plus": lambda h: relax.op.add(h, relax.const(3.0, "float32")),
        "act": lambda h, plus: relu6(plus),
        "product": lambda h, plus, act: relax.op.multiply(h, act),
        "quotient": lambda h, plus, act, p: relax.op.divide(p, relax.const(6.0, "float32")),
    },
    "HardSigmoid": {
        "product": lambda h: relax.op.multiply(h, relax.const(0.2, "float32")),
        "plus": lambda h, p: relax.op.add(p, relax.const(0.5, "float32")),
        "act": lambda h, p, plus: relax.op.clip(plus, 0, 1),
    },
}


@pytest.mark.sampled(3)
@pytest.mark.parametrize("names", [True, False])
@pytest.mark.parametrize("after", AFTER)
@pytest.mark.parametrize("layer", ["dense", "conv1d", "conv2d"])
def test_epilogues_are_where_the_code_has_them(layer, after, names):
    first = {
        "dense": lambda x: relax.op.matmul(x, ones(5, 4)),
        "conv1d": lambda x: relax.op.nn.conv1d(x, ones(4, 2, 3)),
        "conv2d": lambda x: relax.op.nn.conv2d(x, ones(4, 2, 3, 3)),
    }
    shape = {"dense": (2, 5), "conv1d": (1, 2, 6), "conv2d": (1, 2, 6, 6)}[layer]
    bias = ones(*(1, 4, *[1] * (len(shape) - 2)) if layer != "dense" else (4,))

    def body(builder, x):
        def emit(value, name):
            return builder.emit(value, name if names else "")

        product = emit(first[layer](x), "layer")
        results = [emit(relax.op.add(product, bias), "bias")]
        for name, operation in AFTER[after].items():
            results.append(emit(operation(*results), name))
        return relax.op.tanh(results[-1])

    mod = module(body, shape).with_attr("eie.winograd", "never")
    found = eie.explain(mod, MACHINE)
    (write_back,) = (
        step.operands
        for program in programs(eie.compile(mod, MACHINE, arithmetic="float32"))
        for step in program.steps
        if step.instruction == "write_back"
    )
    # All of these are epilogues, or nothing but the host's.
    placed = [row.operator for row in found if row.runs_on == "machine"]
    assert len(placed) == 2 + bool(write_back["epilogue"]), found


def test_products_that_are_summed_are_one_layer():
    def body(builder, x, h):
        products = [
            builder.emit(relax.op.matmul(x, ones(6, 8)), "inputs"),
            builder.emit(relax.op.matmul(h, ones(4, 8)), "states"),
        ]
        return builder.emit(relax.op.add(*products), "gates")

    found = rows(module(body, (2, 6), (2, 4)))
    assert {row.runs_on for row in found.values()} == {"machine"}
    assert {row.layer for row in found.values()} == {"inputs"}


def test_the_answer_is_what_compile_does(found):
    mod = module(network, (2, 5, 6))
    compiled: list[Program] = programs(eie.compile(mod, MACHINE))
    names = {name for program in compiled for name in program.layers}
    assert names == {row.name for row in found.values() if row.layer == row.name}


def test_strict_names_every_layer_with_its_reason():
    with pytest.raises(ModelError) as error:
        eie.compile(module(network, (2, 5, 6)), ONE_PE, strict=True)
    text = str(error.value)
    assert text.startswith("strict: 1 layer would stay on the host: fc1 (matmul): its input and ")
    assert "product" not in text


def test_strict_accepts_pooling_and_softmax_on_the_host():
    def body(builder, x):
        hidden = builder.emit(relax.op.matmul(x, ones(6, 8)), "fc1")
        return relax.op.nn.softmax(builder.emit(relax.op.nn.avg_pool1d(hidden, 2, 2), "pool"))

    require_machine(eie.explain(module(body, (2, 5, 6)), MACHINE))


def test_layers_of_one_shape_around_the_host_are_all_on_the_machine():
    def alike(builder, x):
        hidden = builder.emit(relax.op.matmul(x, relax.const(WEIGHTS[0])), "fc1")
        return relax.op.matmul(builder.emit(relax.op.tanh(hidden)), relax.const(WEIGHTS[1]))

    mod = module(alike, (2, 6))
    found = rows(mod)
    assert (found["fc1"].layer, found["result"].layer) == ("fc1", "result")
    eie.compile(mod, MACHINE, strict=True)


def test_a_module_without_main():
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((2, 6), "float32"))
    with builder.function("other", [x]):
        builder.emit_func_output(builder.emit(relax.op.nn.relu(x)))
    with pytest.raises(ModelError, match="has no function `main`"):
        eie.explain(builder.get())


@pytest.mark.sampled(5)
@pytest.mark.parametrize(
    "machine", [{}, {"act_sram_bytes": 16, "num_pe": 2}], ids=["fits", "small"]
)
@pytest.mark.parametrize("given", [["B"], []], ids=["bias", "none"])
@pytest.mark.parametrize("operator", ["LSTM", "GRU", "RNN"])
def test_recurrent_layers_with_and_without_a_bias(operator, given, machine):
    model, _ = recurrent(operator, steps=3, inputs=8, hidden=12, given=given)
    rows = [row for row in eie.explain(eie.from_onnx(model), machine) if row.is_layer]
    assert {row.runs_on for row in rows} == {"host" if machine else "machine"}
    assert all(bool(row.layer) != bool(row.reason) for row in rows)
    products = {"LSTM": 2, "GRU": 4, "RNN": 2}[operator]
    assert len(rows) == products
