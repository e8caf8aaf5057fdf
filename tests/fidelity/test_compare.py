"""`compare` against what NumPy computes, and on every kind of network that the machine runs."""

import json
from dataclasses import replace

import numpy as np
import pytest
from networks import Net, drawn, residual
from onnx import TensorProto, helper, numpy_helper
from recurrent_nodes import recurrent

import eie_backend as eie
from eie_backend.codegen.library import export_library, programs
from eie_backend.compiler.driver import prepare
from eie_backend.errors import ImageError, InputError, ModelError, SaturationWarning
from eie_backend.fidelity.measure import fidelity
from eie_backend.fidelity.orders import orders_of
from eie_backend.fidelity.told import share
from eie_backend.host.network import HostNetwork
from eie_backend.isa.program import Program
from eie_backend.runtime import Runtime
from eie_backend.transform.layers import bias_of, layers_of

CONFIG = eie.HardwareConfig(num_pe=4)
RECIPE = eie.Recipe(density=0.5)
BATCH = 4


@pytest.fixture(scope="module")
def mlp(make_mlp):
    """Return a module of fc1, fc2 and fc3 in batches of 4, and three batches."""
    x = np.random.default_rng(3).normal(size=(3 * BATCH, 16)).astype(np.float32)
    return eie.from_onnx(make_mlp(16, 24, 12, 5, batch=BATCH), verify=False), x


def cnn():
    """Return conv1, relu, conv2, relu and fc in batches of 1."""
    net = Net((1, 3, 8, 8), np.random.default_rng(5))
    net.conv(8)
    net.nodes[-1].name = "conv1"
    net.add("Relu")
    net.conv(8)
    net.nodes[-1].name = "conv2"
    net.add("Relu")
    net.add("Flatten", shape=(1, 512))
    net.dense(5)
    net.nodes[-2].name = "fc"
    return net.model()


@pytest.fixture(scope="module")
def images():
    x = np.random.default_rng(6).normal(size=(3, 3, 8, 8)).astype(np.float32)
    return eie.from_onnx(cnn(), verify=False), x


def dense_values(mod):
    """Return weights (outputs, inputs) and bias of the layers of a module in dense form."""
    return [(layer.weights, bias_of(layer.uses[0])[0]) for layer in layers_of(mod)]


def off(found, exact, relative_to=None):
    """Return the mean over samples of the norm of a difference, over that of exact values."""
    base = exact if relative_to is None else relative_to
    norms = np.linalg.norm(found.astype(float) - exact, axis=1)
    return float((norms / np.linalg.norm(base.astype(float), axis=1)).mean())


def test_errors_on_a_float32_machine_are_those_of_the_shared_weights(mlp):
    mod, x = mlp
    library = eie.compile(mod, CONFIG, recipe=RECIPE, arithmetic="float32")
    found = eie.compare(library, mod, x)
    prepared = prepare(mod, CONFIG, RECIPE, arithmetic="float32")
    exact = wrong = x
    layers = zip(found.layers, dense_values(mod_of(mod)), dense_values(prepared), strict=True)
    for number, (layer, (w, b), (shared, _)) in enumerate(layers):
        last = number == len(found.layers) - 1
        y, own, run = (
            total if last else np.maximum(total, 0)
            for total in (exact @ w.T + b, exact @ shared.T + b, wrong @ shared.T + b)
        )
        assert layer.name == f"fc{number + 1}" == layer.source
        assert layer.relative_error == pytest.approx(off(run, y), rel=1e-4)
        assert layer.own_error == pytest.approx(off(own, y), rel=1e-4)
        assert layer.inherited_error == pytest.approx(off(run, own, y), rel=1e-4, abs=1e-7)
        assert layer.largest_difference == pytest.approx(np.abs(run - y).max(), rel=1e-4)
        noise = np.square(own.astype(float) - y).sum()
        decibel = 10 * np.log10(np.square(y.astype(float)).sum() / noise)
        assert layer.own_sqnr_db == pytest.approx(decibel, rel=1e-4)
        assert layer.rows == len(x)
        assert not layer.reason
        exact, wrong = y, run
    assert found.layers[0].inherited_error == 0
    assert found.layers[0].relative_error == found.layers[0].own_error
    last = found.layers[-1]
    assert found.fidelity == fidelity([run_in(library, x)], [exact_in(mod, x)], len(x))
    assert found.fidelity.relative_error == pytest.approx(last.relative_error, rel=1e-6)
    # The last layer has no epilogue: norm(x (W' - W)^T) / norm(y).
    assert len(found.layers) == 3


def mod_of(mod):
    """Return a module in dense form with float weights."""
    return eie.calibrate(mod, np.zeros((BATCH, 16), np.float32))


def run_in(library, x):
    return eie.run(library, x)[0]


def exact_in(mod, x):
    network = HostNetwork(mod)
    return np.concatenate([network(part)[0].copy() for part in np.split(x, len(x) // BATCH)])


@pytest.mark.sampled(2)
@pytest.mark.parametrize("arithmetic", ["int8", "int16"])
def test_whole_runs_are_those_of_the_library(mlp, arithmetic, tmp_path):
    mod, x = mlp
    library = eie.compile(mod, CONFIG, recipe=RECIPE, arithmetic=arithmetic, calibration=x)
    path = tmp_path / "mlp.so"
    export_library(library, path)
    found = eie.compare(path, mod, x)
    expected = fidelity([eie.run(library, x)[0]], [exact_in(mod, x)], len(x))
    assert found.fidelity == expected
    last = found.layers[-1]
    assert (last.relative_error, last.sqnr_db) == (expected.relative_error, expected.sqnr_db)
    assert last.largest_difference == expected.largest_difference
    for layer in found.layers:
        assert layer.relative_error <= layer.own_error + layer.inherited_error


def test_a_layer_that_was_spoiled_is_named(images):
    mod, x = images
    recipe = eie.Recipe(density={"conv2": 0.02})
    library = eie.compile(mod, CONFIG, recipe=recipe, winograd="never", calibration=x)
    found = eie.compare(library, mod, x)
    assert [layer.name for layer in found.layers] == ["conv1", "conv2", "fc"]
    assert [layer.rows for layer in found.layers] == [3 * 64, 3 * 64, 3]
    assert found.worst.name == "conv2"
    assert found.answer.startswith(f"conv2 adds most: {share(found.worst.own_error)} of its own")
    conv1, conv2, fc = found.layers
    assert conv2.own_error > 5 * max(conv1.own_error, fc.own_error)
    assert fc.inherited_error > 5 * fc.own_error
    assert fc.relative_error == pytest.approx(found.fidelity.relative_error)


def test_runs_once_and_each_layer_once_more(mlp, monkeypatch):
    """Nothing counts cycles: this is less than two evaluations, whatever the network."""
    mod, x = mlp
    calls = []
    load = Runtime.load_image

    class Counting:
        def __init__(self, loaded):
            self.loaded = loaded

        def __getitem__(self, symbol):
            function = self.loaded[symbol]
            return lambda *tensors: (calls.append(symbol), function(*tensors))

    library = eie.compile(mod, CONFIG)
    monkeypatch.setattr(Runtime, "load_image", lambda self, data: Counting(load(self, data)))
    eie.compare(library, mod, x)
    (symbol,) = (program.symbol for program in programs(library))
    batches = len(x) // BATCH
    assert sorted(calls) == sorted([symbol, *(f"{symbol}/{n}" for n in range(3))] * batches)


def test_balanced_layers_are_compared_in_the_model_s_order(mlp):
    """Sums of fixed point are exact in any order."""
    mod, x = mlp
    options = {"recipe": RECIPE, "calibration": x}
    plain = eie.compare(eie.compile(mod, CONFIG, **options), mod, x)
    library = eie.compile(mod, CONFIG, **options, balance="on")
    orders, untold = orders_of(programs(library))
    assert orders.keys() == {"fc1", "fc2", "fc3"}
    assert not untold
    assert eie.compare(library, mod, x) == plain


def test_values_that_do_not_fit_are_counted(mlp):
    mod, x = mlp
    library = eie.compile(mod, CONFIG, calibration=x / 8)
    with pytest.warns(SaturationWarning, match="fc1") as told:
        found = eie.compare(library, mod, x)
    assert len(told) == 1
    assert found.layers[0].saturations["input"] > 0
    assert found.worst.name == "fc1"
    with pytest.warns(SaturationWarning):
        report = eie.profile(library, x)
    for layer, other in zip(found.layers, report.layers, strict=True):
        for kind, count in layer.saturations.items():
            assert count == other.counters[f"{kind}_saturations"]


def test_what_cannot_be_compared_says_why(mlp, make_mlp):
    mod, x = mlp
    library = eie.compile(mod, CONFIG)
    other = eie.from_onnx(make_mlp(16, 8, 12, 5, batch=BATCH), verify=False)
    found = eie.compare(library, other, x)
    assert found.layers[0].reason == ("not compared: 24 x 16 on the machine, 8 x 16 in the model")
    assert found.layers[0].own_error is None
    assert not found.layers[2].reason
    assert found.answer.endswith("; 2 of 3 layers were not compared.")
    longer = eie.from_onnx(make_mlp(16, 5, batch=BATCH), verify=False)
    lost = eie.compare(library, longer, x)
    assert [layer.name for layer in lost.layers] == ["fc1", "fc2", "fc3"]
    assert lost.layers[1].reason == "not compared: the float network has no layer of this name"
    with pytest.raises(InputError, match=r"inputs are x float32 \(4, 9\), the library's are x"):
        eie.compare(library, eie.from_onnx(make_mlp(9, 5, batch=BATCH), verify=False), x)
    with pytest.raises(ModelError, match="compare: a path; it must be a Relax module"):
        eie.compare(library, "mlp.onnx", x)
    with pytest.raises(ImageError, match=r"gone.so: cannot be read"):
        eie.compare("gone.so", mod, x)


def test_orders_that_a_manifest_does_not_say():
    balance = json.dumps({"mode": "on", "layers": {"fc1": {"order": "size"}}})
    program = Program("main", CONFIG, "int16", 1, 1, ("fc1",), (), (), (), (), {"balance": balance})
    assert orders_of([program]) == ({}, {"fc1"})
    for damaged in ('{"fc1": [0, 0]}', '{"fc1": [[0, 1]]}', '{"fc1": ["a"]}', "[]", "{"):
        manifest = {"balance": balance, "orders": damaged}
        with pytest.raises(ImageError, match="compile the model again"):
            orders_of([replace(program, manifest=manifest)])


def test_as_data_and_as_a_table(mlp):
    mod, x = mlp
    found = eie.compare(eie.compile(mod, CONFIG, recipe=RECIPE), mod, x)
    data = json.loads(json.dumps(found.to_dict()))
    assert data.keys() == {"answer", "fidelity", "layers", "samples", "worst"}
    assert data["samples"] == len(x)
    assert data["worst"] == found.worst.name
    assert [row["name"] for row in data["layers"]] == ["fc1", "fc2", "fc3"]
    head, model, *rows = (line.split(",") for line in found.to_csv().splitlines())
    assert head[:4] == ["level", "name", "source", "relative_error"]
    assert {len(row) for row in (head, model, *rows)} == {len(head)}
    assert float(model[3]) == found.fidelity.relative_error
    assert [row[:2] for row in rows] == [["layer", f"fc{n}"] for n in (1, 2, 3)]
    assert float(rows[1][head.index("own_error")]) == found.layers[1].own_error
    page = found._repr_html_()
    assert "all results" in page
    assert "fc3" in page


@pytest.fixture(scope="module")
def always(images):
    mod, x = images
    library = eie.compile(mod, CONFIG, recipe=RECIPE, winograd="always", calibration=x)
    return eie.compare(library, mod, x)


@pytest.mark.nightly
def test_winograd_s_products_are_parts_of_their_convolution(always):
    assert [layer.name for layer in always.layers] == ["conv1", "conv2", "fc"]
    conv1, conv2, fc = always.layers
    assert [len(layer.parts) for layer in (conv1, conv2, fc)] == [16, 16, 0]
    assert conv1.parts[3].name == "conv1_w3"
    assert conv1.parts[3].source == "conv1"
    assert conv1.rows == sum(part.rows for part in conv1.parts) == 3 * 16 * 16
    errors = [part.own_error for part in conv2.parts]
    assert min(errors) < conv2.own_error < max(errors)
    assert conv1.inherited_error == 0 < conv2.inherited_error
    assert [row.split(",")[0] for row in always.to_csv().splitlines()].count("part") == 32


@pytest.mark.nightly
def test_the_network_s_form_follows_from_the_library(images, always):
    """Here by the names of its layers: the module says nothing of Winograd."""
    mod, x = images
    for mode, parts in (("never", 0), ("always", 16)):
        library = eie.compile(mod, CONFIG, recipe=RECIPE, winograd=mode, calibration=x)
        assert len(eie.compare(library, mod, x).layers[0].parts) == parts


@pytest.mark.nightly
def test_biases_in_a_column(mlp):
    mod, x = mlp
    options = {"recipe": RECIPE, "bias": "column", "arithmetic": "float32"}
    found = eie.compare(eie.compile(mod, CONFIG, **options), mod, x)
    prepared = dense_values(prepare(mod, CONFIG, RECIPE, arithmetic="float32"))
    exact = x
    for layer, (w, b), (shared, _) in zip(
        found.layers, dense_values(mod_of(mod)), prepared, strict=True
    ):
        y = exact @ w.T + b
        # The column's biases are values of the codebook.
        values = np.unique(np.append(shared, 0))
        near = values[np.abs(values[None] - b[:, None]).argmin(1)]
        own = exact @ shared.T + near
        if layer.name != "fc3":
            y, own = np.maximum(y, 0), np.maximum(own, 0)
        assert layer.own_error == pytest.approx(off(own, y), rel=1e-3)
        exact = y


def test_a_layer_of_all_steps_has_a_row_for_each():
    model, feeds = recurrent("LSTM", steps=5, batch=2, head=3)
    mod = eie.from_onnx(model, verify=False)
    library = eie.compile(mod, CONFIG, recipe=eie.Recipe(bits=2), calibration=feeds)
    found = eie.compare(library, mod, feeds)
    assert not [layer.reason for layer in found.layers if layer.reason]
    rows = {layer.name: layer.rows for layer in found.layers}
    assert rows["fc"] == 2
    assert {*rows.values()} == {2, 10}
    assert all(layer.own_error > 0 for layer in found.layers)
    assert any(layer.inherited_error > 0 for layer in found.layers)


@pytest.mark.nightly
@pytest.mark.parametrize("name", ["LSTM", "GRU", "RNN"])
@pytest.mark.parametrize("directions", [1, 2])
@pytest.mark.parametrize("balance", ["off", "on"])
def test_recurrent_networks_on_the_same_weights_have_no_error(name, directions, balance):
    """What is compared is matched: any other row would be far off."""
    model, feeds = recurrent(name, steps=4, batch=3, directions=directions)
    mod = eie.from_onnx(model, verify=False)
    options = {"arithmetic": "float32", "recipe": eie.Recipe(bits=7)}
    config = eie.HardwareConfig(num_pe=4, codebook_bits=7)
    library = eie.compile(mod, config, balance=balance, calibration=feeds, **options)
    found = eie.compare(library, mod, feeds)
    for layer in found.layers:
        assert not layer.reason
        assert max(layer.own_error, layer.relative_error) < 0.05


@pytest.mark.nightly
@pytest.mark.parametrize("balance", ["off", "on"])
@pytest.mark.parametrize("winograd", ["never", "always"])
def test_a_residual_network(balance, winograd):
    net = Net((1, 4, 6, 6), np.random.default_rng(0))
    residual(net)
    residual(net)
    net.add("GlobalAveragePool", shape=(1, 4, 1, 1))
    net.add("Flatten", shape=(1, 4))
    net.dense(3)
    mod = eie.from_onnx(net.model(), verify=False)
    config = eie.HardwareConfig(num_pe=4, codebook_bits=7)
    x = np.random.default_rng(2).normal(size=(4, 4, 6, 6)).astype(np.float32)
    options = {"recipe": eie.Recipe(bits=7), "balance": balance, "winograd": winograd}
    found = eie.compare(eie.compile(mod, config, calibration=x, **options), mod, x)
    assert len(found.layers) == 5
    for layer in found.layers:
        assert not layer.reason
        assert layer.own_error < 0.05
        assert layer.relative_error < 0.1


@pytest.mark.nightly
def test_several_results_and_a_shared_layer():
    rng = np.random.default_rng(4)
    w = rng.normal(size=(6, 6)).astype(np.float32)
    nodes = [
        helper.make_node("MatMul", ["x", "w"], ["a"], "first"),
        helper.make_node("Tanh", ["a"], ["b"], "tanh"),
        helper.make_node("MatMul", ["b", "w"], ["c"], "second"),
        helper.make_node("ArgMax", ["c"], ["n"], "argmax", axis=1),
    ]
    kinds = {"b": TensorProto.FLOAT, "c": TensorProto.FLOAT, "n": TensorProto.INT64}
    graph = helper.make_graph(
        nodes,
        "graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, [2, 6])],
        [helper.make_tensor_value_info(name, kind, None) for name, kind in kinds.items()],
        [numpy_helper.from_array(w, "w")],
    )
    opsets = [helper.make_opsetid("", 17)]
    mod = eie.from_onnx(helper.make_model(graph, opset_imports=opsets, ir_version=8), verify=False)
    x = rng.normal(size=(8, 6)).astype(np.float32)
    library = eie.compile(mod, CONFIG, recipe=eie.Recipe(bits=3), calibration=x)
    found = eie.compare(library, mod, x)
    (layer,) = found.layers
    assert layer.rows == 16
    network = HostNetwork(mod)
    exact = [[one.copy() for one in network(part)] for part in np.split(x, 4)]
    together = [np.concatenate(parts) for parts in zip(*exact, strict=True)]
    assert found.fidelity.relative_error == pytest.approx(
        fidelity(eie.run(library, x), together, 8).relative_error
    )


@pytest.mark.nightly
def test_programs_that_take_turns(make_mlp):
    mod = eie.from_onnx(make_mlp(40, 30, 20, 10, batch=2, relu=False), verify=False)
    x = np.random.default_rng(8).normal(size=(4, 40)).astype(np.float32)
    options = {"recipe": RECIPE, "calibration": x}
    whole = eie.compare(eie.compile(mod, CONFIG, **options), mod, x)
    small = eie.HardwareConfig(num_pe=4, spmat_sram_bytes=256)
    assert eie.compare(eie.compile(mod, small, **options), mod, x) == whole


@pytest.mark.nightly
def test_a_layer_that_runs_another_number_of_times_is_not_compared():
    w = np.random.default_rng(4).normal(size=(6, 6)).astype(np.float32)

    def chain(uses):
        nodes = [
            helper.make_node("MatMul", [f"v{n}", "w"], [f"v{n + 1}"], f"layer{n}")
            for n in range(uses)
        ]
        graph = helper.make_graph(
            nodes,
            "chain",
            [helper.make_tensor_value_info("v0", TensorProto.FLOAT, [2, 6])],
            [helper.make_tensor_value_info(f"v{uses}", TensorProto.FLOAT, [2, 6])],
            [numpy_helper.from_array(w, "w")],
        )
        opsets = [helper.make_opsetid("", 17)]
        model = helper.make_model(graph, opset_imports=opsets, ir_version=8)
        return eie.from_onnx(model, verify=False)

    x = np.ones((4, 6), np.float32)
    for here, there, why in (
        (3, 1, "the machine ran it 2 times more"),
        (1, 3, "the float network ran it more often than the machine"),
    ):
        library = eie.compile(chain(here), CONFIG, calibration=x)
        (layer,) = eie.compare(library, chain(there), x).layers
        assert layer.reason == f"not compared: {why}"
        assert layer.rows == 0


@pytest.mark.nightly
@pytest.mark.parametrize("seed", range(12))
@pytest.mark.parametrize("balance", ["off", "on"])
def test_drawn_networks(seed, balance):
    """With 126 shared values all errors are small, unless values are matched with others."""
    mod = eie.from_onnx(drawn(seed), verify=False)
    shape = [int(extent) for extent in mod["main"].params[0].ty.shape]
    x = np.random.default_rng(seed).normal(size=(3, *shape[1:])).astype(np.float32)
    config = eie.HardwareConfig(num_pe=4, codebook_bits=7)
    options = {"recipe": eie.Recipe(bits=7), "calibration": x, "balance": balance}
    found = eie.compare(eie.compile(mod, config, **options), mod, x)
    for layer in found.layers:
        assert not layer.reason
        assert layer.own_error < 0.08
        assert layer.relative_error < 0.25
        assert layer.relative_error <= layer.own_error + layer.inherited_error + 1e-9
