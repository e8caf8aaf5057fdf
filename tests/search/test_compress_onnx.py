"""`OnnxCompression`: the model that is written is the network that was tried."""

import numpy as np
import onnx
import onnxruntime
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend import compiler
from eie_backend.compress import compress
from eie_backend.errors import ModelError, RecipeError
from eie_backend.machine.codebook import nonzero_values
from eie_backend.recipe import Recipe
from eie_backend.search.compress_onnx import OnnxCompression
from eie_backend.search.evaluator import Evaluator
from eie_backend.search.search import search_trials

MACHINE = eie.HardwareConfig(num_pe=4)


def scores(model, x):
    session = onnxruntime.InferenceSession(
        model.SerializeToString(), providers=["CPUExecutionProvider"]
    )
    batch = session.get_inputs()[0].shape[0]
    parts = [session.run(None, {"x": part})[0] for part in np.split(x, len(x) // batch)]
    return np.concatenate(parts)


@pytest.fixture(scope="module")
def network(small_onnx, small):
    _, x, labels = small
    return OnnxCompression(small_onnx, x, labels, config=MACHINE)


def test_the_accuracy_is_that_of_the_written_model(network, small):
    """By ONNX Runtime."""
    _, x, labels = small
    recipe = Recipe(density={"fc1": 0.25, "fc2": 0.7}, bits=3, method="balanced")
    model, steps = network.apply(recipe)
    assert [step.name for step in steps] == ["float", "prune", "share"]
    assert steps[0].accuracy == 0.95
    assert steps[2].accuracy == np.mean(scores(model, x).argmax(axis=1) == labels)
    assert not steps[0].drift
    assert steps[1].drift.keys() == steps[2].drift.keys() == {"fc1", "fc2"}
    weights = network.weights(model)
    assert np.count_nonzero(weights["fc1"]) == 24 * 32 // 4
    assert {nonzero_values(values).size for values in weights.values()} == {7}
    biases = [numpy_helper.to_array(t) for t in model.graph.initializer if "bias" in t.name]
    assert all(values.any() for values in biases)


def test_a_search_tries_what_is_written(network):
    found = search_trials(network.trials, 0.15)
    model, steps = network.apply(found.recipe)
    assert steps[-1].accuracy == found.best.accuracy
    sizes = network.storage(model, found.recipe)
    bias_bytes = 4 * (32 + 10)
    assert sum(s.stored_bytes for s in sizes.values()) - bias_bytes == found.best.cost.bytes


def test_the_machine_takes_the_weights_as_they_are(network, small):
    _, x, _ = small
    model, _ = network.apply(Recipe(density=0.5, bits=4))
    prepared = compiler.prepare(eie.from_onnx(model), MACHINE, calibration=x)
    assert list(prepared.attrs["eie.as_is"]) == ["fc1", "fc2"]


def cnn():
    """Return a 3x3 convolution with batch norm, ReLU and a grouped one, then a dense layer."""
    rng = np.random.default_rng(5)

    def values(name, *shape):
        return numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name)

    norm = [values("scale", 8), values("shift", 8), values("mean", 8)]
    norm.append(numpy_helper.from_array(np.ones(8, np.float32), "variance"))
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], "conv1", pads=[1, 1, 1, 1]),
        helper.make_node("BatchNormalization", ["c", *(t.name for t in norm)], ["n"], "norm"),
        helper.make_node("Relu", ["n"], ["r"], "relu"),
        helper.make_node("Conv", ["r", "g", "b"], ["d"], "conv2", group=2, strides=[2, 2]),
        helper.make_node("Flatten", ["d"], ["f"], "flat"),
        helper.make_node("MatMul", ["f", "w"], ["y"], "fc"),
    ]
    weights = [values("k", 8, 4, 3, 3), values("g", 8, 4, 3, 3), values("b", 8)]
    graph = helper.make_graph(
        nodes,
        "cnn",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [20, 4, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [20, 10])],
        [*weights, *norm, values("w", 72, 10)],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.checker.check_model(model)
    return model


def test_weights_in_half_precision_are_compressed_as_float32(small_onnx, small):
    _, x, labels = small
    half = onnx.ModelProto()
    half.CopyFrom(small_onnx)
    for tensor in half.graph.initializer:
        values = numpy_helper.to_array(tensor).astype(np.float16)
        tensor.CopyFrom(numpy_helper.from_array(values, tensor.name))
    for value in (*half.graph.input, *half.graph.output):
        value.type.tensor_type.elem_type = TensorProto.FLOAT16
    with pytest.warns(eie.ModelWarning, match="computed in float32; give x as float32"):
        network = OnnxCompression(half, x, labels, config=MACHINE)
    model, _ = network.apply(Recipe(density=0.5))
    assert {tensor.data_type for tensor in model.graph.initializer} == {TensorProto.FLOAT}
    assert half.graph.initializer[0].data_type == TensorProto.FLOAT16


def test_convolutions_batch_norm_and_groups():
    """The search sees what the file will hold: no batch norm is folded into shared weights."""
    x = np.random.default_rng(6).normal(size=(40, 4, 8, 8)).astype(np.float32)
    model = cnn()
    labels = scores(model, x).argmax(axis=1)
    network = OnnxCompression(model, x, labels, config=MACHINE)
    assert network.unchanged == {}
    assert network.trials.accuracy({}) == 1.0
    recipe = Recipe(density={"conv2": 0.5, "fc": 0.3}, bits=4)
    compressed, steps = network.apply(recipe)
    assert steps[-1].accuracy == np.mean(scores(compressed, x).argmax(axis=1) == labels)
    grouped = network.storage(compressed, recipe)["conv2"]
    assert (grouped.weights, grouped.nonzeros, grouped.bias_bytes) == (288, 144, 32)
    placed = compiler.prepare(eie.from_onnx(compressed), MACHINE, calibration=x)
    assert sorted(placed.attrs["eie.as_is"]) == ["conv1", "conv2", "fc"]


def test_a_layer_that_is_too_small_to_count_as_shared_stays():
    """Its 18 weights of up to 15 values: the batch norm is folded into it."""
    rng = np.random.default_rng(7)
    values = {"k": (1, 2, 3, 3), "scale": (1,), "shift": (1,), "mean": (1,), "w": (36, 10)}
    tensors = [
        numpy_helper.from_array(rng.normal(size=shape).astype(np.float32), name)
        for name, shape in values.items()
    ]
    nodes = [
        helper.make_node("Conv", ["x", "k"], ["c"], "conv"),
        helper.make_node("BatchNormalization", ["c", "scale", "shift", "mean", "one"], ["n"], "bn"),
        helper.make_node("Flatten", ["n"], ["f"], "flat"),
        helper.make_node("MatMul", ["f", "w"], ["y"], "fc"),
    ]
    graph = helper.make_graph(
        nodes,
        "small",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [20, 2, 8, 8])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [20, 10])],
        [*tensors, numpy_helper.from_array(np.ones(1, np.float32), "one")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    x = rng.normal(size=(40, 2, 8, 8)).astype(np.float32)
    labels = scores(model, x).argmax(axis=1)
    network = OnnxCompression(model, x, labels, config=MACHINE)
    assert list(network.trials.layers) == ["fc"]
    assert list(network.unchanged) == ["conv"]
    seen = network.trials.evaluator.scores(network.trials.weights)
    np.testing.assert_allclose(seen, scores(model, x), rtol=1e-4, atol=1e-4)
    compressed, steps = network.apply(Recipe(density=0.5))
    assert compressed.graph.initializer[0] == model.graph.initializer[0]
    assert steps[-1].accuracy == np.mean(scores(compressed, x).argmax(axis=1) == labels)


def test_a_layer_whose_weights_are_used_twice_stays(small):
    weights = np.random.default_rng(0).normal(size=(24, 24)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["h"], "one"),
        helper.make_node("MatMul", ["h", "w"], ["g"], "two"),
        helper.make_node("MatMul", ["g", "v"], ["y"], "three"),
    ]
    graph = helper.make_graph(
        nodes,
        "twice",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [50, 24])],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [50, 10])],
        [numpy_helper.from_array(weights, "w"), numpy_helper.from_array(weights[:, :10], "v")],
    )
    model = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    _, x, labels = small
    network = OnnxCompression(model, x, labels)
    assert list(network.trials.layers) == ["three"]
    assert network.unchanged == {
        "one": "its weights are no initializer of its own, or something is folded into it"
    }
    compressed, _ = network.apply(Recipe(density=0.1))
    unchanged = numpy_helper.to_array(compressed.graph.initializer[0])
    np.testing.assert_array_equal(unchanged, weights)
    with pytest.raises(RecipeError, match=r"no layer is called 'one'; the layers are three"):
        network.apply(Recipe(density={"one": 0.5}))
    del model.graph.node[2], model.graph.initializer[1]
    model.graph.output[0].CopyFrom(helper.make_tensor_value_info("g", TensorProto.FLOAT, [50, 24]))
    with pytest.raises(ModelError, match=r"^model: no layer can be compressed: one: its"):
        OnnxCompression(model, x, labels)


def test_a_layer_on_the_host_stays_whole_also_in_a_container(network, small_onnx, small, tmp_path):
    _, x, labels = small
    recipe = Recipe(density=0.5, runs_on={"fc1": "host"}, bits={"fc1": 8, "*": 3})
    model, steps = network.apply(recipe)
    assert network.left_out(recipe) == {"fc1": "the recipe keeps it on the host"}
    assert network.left_out(Recipe()) == {}
    assert [step.drift.keys() for step in steps[1:]] == [{"fc2"}, {"fc2"}]
    assert steps[2].accuracy == np.mean(scores(model, x).argmax(axis=1) == labels)
    assert network.storage(model, recipe).keys() == {"fc2"}
    path = tmp_path / "kept.eiez"
    eie.save_eiez(path, model, recipe)
    before, after = network.weights(small_onnx), network.weights(eie.load_eiez(path))
    np.testing.assert_array_equal(after["fc1"], before["fc1"])
    assert nonzero_values(after["fc2"]).size == 7
    # Whoever compiles the file need not know of it.
    library = eie.compile(eie.from_onnx(path), MACHINE, calibration=x)
    report = eie.profile(library, x)
    assert [layer.name for layer in report.layers] == ["fc2"]
    assert np.mean(report.outputs[0].argmax(axis=1) == labels) > 0.8


def test_a_recipe_that_leaves_nothing_to_the_machine_is_refused(network):
    with pytest.raises(RecipeError, match="all layers stay on the host; leave one to the machine"):
        network.apply(Recipe(runs_on="host"))
    with pytest.raises(RecipeError, match="no layer is called 'fc9'; the layers are fc2, fc1"):
        network.apply(Recipe(runs_on={"fc1": "host", "fc9": "host"}))


def test_a_search_leaves_out_what_a_recipe_keeps_on_the_host(small):
    module, x, labels = small
    kept = compress(module, Recipe(runs_on={"fc1": "host"}))
    evaluator = Evaluator(kept, x, labels)
    assert [layer.name for layer in evaluator.layers] == ["fc2"]
