"""A layer has one name in every command and result, and is found by every name of its source."""

import json
import warnings
from dataclasses import fields
from io import BytesIO
from pathlib import Path

import numpy as np
import onnx
import pytest
from onnx import TensorProto, helper, numpy_helper

import eie_backend as eie
from eie_backend import Recipe, cli
from eie_backend.cli.console import asked
from eie_backend.codegen.library import programs
from eie_backend.compress.findings import Setting
from eie_backend.compress.report import report_from_json
from eie_backend.errors import ConfigError, RecipeError
from eie_backend.isa.program import layer_names
from eie_backend.names.onnx_graph import SCOPES
from eie_backend.report import page
from eie_backend.search.compress_onnx import OnnxCompression
from eie_backend.search.sensitivity import sensitivity
from eie_backend.storage.container import save_eiez
from eie_backend.sweep.network import Network
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import dense_layers

NAMES = {
    "conv": ("conv.weight", "node_conv2d"),
    "net_1": ("net.1", "net.1.weight", "node_linear"),
    "net_3": ("net.3", "net.3.weight", "node_linear_1"),
    "head": ("val_9", "node_MatMul_10"),
}
"""The layers, and their other names."""

OTHERS = [(layer, other) for layer, others in NAMES.items() for other in others]
SHAPE = 4, 2, 5, 5


def few(*shape):
    """Return weights of 7 values, of which a third is zero."""
    rng = np.random.default_rng(sum(shape))
    values = rng.choice(np.linspace(-0.7, 0.6, 7, dtype=np.float32), shape)
    return np.where(rng.random(shape) < 1 / 3, np.float32(0), values)


def exported():
    """Return what ``torch.onnx.export`` makes of a network, with the names that it gives."""
    nodes = [
        helper.make_node("Conv", ["x", "conv.weight"], ["conv2d"], "node_conv2d"),
        helper.make_node("Flatten", ["conv2d"], ["view"], "node_view"),
        helper.make_node("Relu", ["view"], ["relu"], "node_relu"),
        helper.make_node(
            "Gemm", ["relu", "net.1.weight", "net.1.bias"], ["linear"], "node_linear", transB=1
        ),
        helper.make_node("Relu", ["linear"], ["relu_1"], "node_relu_1"),
        helper.make_node(
            "Gemm", ["relu_1", "net.3.weight"], ["linear_1"], "node_linear_1", transB=1
        ),
        helper.make_node("Relu", ["linear_1"], ["relu_2"], "node_relu_2"),
        # Of more dimensions, the weights are transposed when it is exported.
        helper.make_node("MatMul", ["relu_2", "val_9"], ["val_10"], "node_MatMul_10"),
        helper.make_node("Add", ["val_10", "head.bias"], ["y"], "node_linear_2"),
    ]
    for node in nodes[-2:]:
        node.metadata_props.add(key=SCOPES, value="['', 'head', 'linear_2']")
    weights = {
        "conv.weight": few(3, 2, 3, 3),
        "net.1.weight": few(12, 27),
        "net.1.bias": few(12),
        "net.3.weight": few(10, 12),
        "val_9": few(10, 6),
        "head.bias": few(6),
    }
    graph = helper.make_graph(
        nodes,
        "main_graph",
        [helper.make_tensor_value_info("x", TensorProto.FLOAT, SHAPE)],
        [helper.make_tensor_value_info("y", TensorProto.FLOAT, [4, 6])],
        [numpy_helper.from_array(values, name) for name, values in weights.items()],
    )
    return helper.make_model(graph, opset_imports=[helper.make_opsetid("", 18)], ir_version=10)


@pytest.fixture(scope="module")
def model():
    return exported()


@pytest.fixture(scope="module")
def x():
    return np.random.default_rng(0).normal(size=(8, *SHAPE[1:])).astype(np.float32)


@pytest.fixture(scope="module")
def compression(model, x):
    return OnnxCompression(model, x, np.arange(8) % 6)


@pytest.fixture(scope="module")
def library(model, x, tmp_path_factory):
    path = tmp_path_factory.mktemp("library") / "out.so"
    executable = eie.compile(eie.from_onnx(model), calibration=x, winograd="never")
    eie.export_library(executable, path)
    return path


@pytest.fixture
def told(model, x, library, tmp_path, monkeypatch, capsys):
    """Run a command that succeeds beside the model; return what it tells with ``--json``."""
    monkeypatch.chdir(tmp_path)
    for field in fields(asked):
        monkeypatch.setattr(asked, field.name, False)
    onnx.save(model, tmp_path / "model.onnx")
    (tmp_path / "model.so").symlink_to(library)
    np.savez(tmp_path / "x.npz", x=x, labels=np.arange(8) % 6)
    np.save(tmp_path / "x.npy", x)

    def run(command):
        monkeypatch.setattr("sys.argv", ["eie", *command.split(), "--json"])
        with pytest.raises(SystemExit) as leaving:
            cli.main()
        text, errors = capsys.readouterr()
        assert leaving.value.code == 0, errors
        return json.loads(text)

    return run


# One name


def test_every_command_tells_the_same_names(told):
    names = [*NAMES]
    explained = told("explain model.onnx")["operators"]
    layers = [row for row in explained if row["operator"] in ("matmul", "nn.conv2d")]
    assert [row["name"] for row in layers] == names
    assert [row["layer"] for row in layers] == names
    assert {row["layer"] for row in explained} <= {*names, ""}
    compiled = told("compile model.onnx -o out.so --winograd never --calibrate x.npy")
    assert [row["name"] for row in compiled["layers"]] == names
    balanced = told("compile model.onnx -o out.so --winograd never --calibrate x.npy --balance on")
    assert {*balanced["balance"]["layers"]} <= {*names}
    for report in (
        told("profile out.so --input x.npy"),
        told("evaluate out.so --data x.npz --scheduler threads")["report"],
        told("report out.so --input x.npy -o out.html")["report"],
    ):
        assert [row["name"] for row in report["layers"]] == names
    assert all(f">{name}<" in Path("out.html").read_text() for name in names)
    told("disasm out.so -o out.mlir")
    assert all(f'"{name}"' in Path("out.mlir").read_text() for name in names)


def test_files_and_compression_tell_the_same_names(told):
    names = {*NAMES}
    packed = told("pack model.onnx -o packed.eiez")
    assert {*packed["layers"]} == {*told("inspect packed.eiez")["layers"]} == names
    assert [
        row["name"] for row in told("compile packed.eiez -o packed.so --winograd never")["layers"]
    ] == [*NAMES]
    command = "compress model.onnx --data x.npz --max-drop 50 --num-pe 4 -o out.eiez"
    told(f"{command} --report out.json")
    report = report_from_json(Path("out.json").read_text())
    found = report.search.sensitivity
    for by_layer in (report.layers, found.densities, found.bits, report.search.best.trial):
        assert {*by_layer} == names
    assert all({*step.drift} <= names for step in report.steps)
    assert {*report.recipe.density, *report.recipe.bits} == names
    assert {*told("inspect out.eiez")["layers"]} == names
    recipe = json.loads(Path("out.recipe.json").read_text())
    assert {*recipe["density"], *recipe["bits"]} == names


def test_python_tells_the_same_names(model, x, compression, library):
    names = [*NAMES]
    mod = eie.from_onnx(model)
    assert [row.name for row in eie.explain(mod) if row.is_layer] == names
    assert [layer.name for layer in dense_layers(DenseForm()(mod))] == names
    assert [*eie.calibrate(mod, x).attrs["eie.calibration"]] == names
    assert {*layer_names(programs(eie.load(library)))} == {*names}
    assert [layer.name for layer in eie.profile(library, x).layers] == names
    assert [*sensitivity(compression.trials, [0.5], [4]).densities] == names
    assert [*compression.weights(model)] == names
    assert "net_1" in page(eie.profile(library, x))


# Every name


@pytest.mark.parametrize(("layer", "other"), OTHERS)
def test_a_recipe_takes_every_name(model, layer, other):
    layers = dense_layers(eie.compress(eie.from_onnx(model), Recipe({other: 0.25}), "never"))
    kept = {one.name: np.count_nonzero(one.weights) / one.weights.size for one in layers}
    assert {name for name, share in kept.items() if share < 0.3} == {layer}


@pytest.mark.parametrize(
    ("pattern", "layers"),
    [
        ("net.*", {"net_1", "net_3"}),
        ("node_linear*", {"net_1", "net_3"}),
        ("node_*", {*NAMES}),
        ("*.weight", {*NAMES}),
        ("val_?", {"head"}),
        # What a layer's own name matches is about that alone: `node_linear_1` is another's.
        ("*_1", {"net_1"}),
    ],
)
def test_a_recipe_takes_patterns_of_every_name(model, pattern, layers):
    mod = eie.compress(eie.from_onnx(model), Recipe({pattern: 0.25}), "never")
    kept = {n.name: np.count_nonzero(n.weights) / n.weights.size for n in dense_layers(mod)}
    assert {name for name, share in kept.items() if share < 0.3} == layers


@pytest.mark.sampled(2)
@pytest.mark.parametrize("which", range(2))
def test_every_command_takes_every_name(told, which):
    """In a recipe, which is kept and shown with the layers' own names."""
    keys = [others[-1 - which] for others in NAMES.values()]
    densities = dict(zip(keys, (0.2, 0.25, 0.3, 0.35), strict=True))
    Path("recipe.json").write_text(json.dumps({"density": densities}))
    expected = dict(zip(NAMES, densities.values(), strict=True))
    compiled = told("compile model.onnx -o out.so --winograd never --recipe recipe.json")
    shares = {row["name"]: row["density"] for row in compiled["layers"]}
    assert shares == pytest.approx(expected, abs=0.02)
    compressed = told("compress model.onnx --data x.npz --recipe recipe.json -o out.eiez")
    assert compressed["recipe"]["density"] == expected
    assert told("inspect out.eiez")["recipe"]["density"] == expected
    widths = dict(zip(NAMES, (2, 3, 4, 5), strict=True))
    renamed = {key: widths[layer] for key, layer in zip(keys, NAMES, strict=True)}
    Path("widths.json").write_text(json.dumps({"index_bits": renamed}))
    packed = told("pack model.onnx -o packed.eiez --recipe widths.json")
    assert {name: row["index_bits"] for name, row in packed["layers"].items()} == widths


def test_a_sweep_takes_every_name(model, x):
    network = Network(model.SerializeToString(), {}, x, np.arange(8) % 6)
    estimated = {
        other: network.estimate(eie.HardwareConfig(num_pe=4), Recipe({other: 0.1}), "int16")
        for names in NAMES.items()
        for other in (names[0], *names[1])
    }
    for layer, others in NAMES.items():
        assert {estimated[layer]} == {estimated[other] for other in others}
    assert len({*estimated.values()}) == len(NAMES)


@pytest.mark.parametrize(("layer", "other"), OTHERS)
def test_trials_take_every_name(compression, layer, other):
    setting = Setting(0.1, 2)
    assert compression.trials.accuracy({other: setting}) == compression.trials.accuracy(
        {layer: setting}
    )


@pytest.mark.parametrize(("layer", "other"), OTHERS)
def test_traces_take_every_name(told, library, x, layer, other):
    by_name, by_other = (eie.trace(library, x, "vcd", layer=name).data for name in (layer, other))
    assert by_name == by_other
    told(f"trace model.so --input x.npy --layer {other} -o out.vcd")
    assert Path("out.vcd").read_bytes() == by_name


# Unknown or ambiguous


def test_who_is_unknown_is_told_the_names(model, library, x):
    with pytest.raises(ConfigError, match=r"^layer 'fc9' is unknown; choose one of ") as caught:
        eie.trace(library, x, layer="fc9")
    assert {*str(caught.value).rpartition(" of ")[2].split(", ")} == {*NAMES}
    message = r"^recipe: no layer is called 'fc9'; the layers are conv, net_1, net_3, head$"
    with pytest.raises(RecipeError, match=message):
        eie.compress(eie.from_onnx(model), Recipe({"fc9": 0.5}), "never")


def test_a_convolution_stands_for_its_products(model, x):
    mod = eie.from_onnx(model)
    products = [f"conv_w{n}" for n in range(16)]
    for name in ("conv", "conv.weight", "node_conv2d"):
        layers = dense_layers(eie.compress(mod, Recipe({name: 0.3}), "always"))
        kept = [n.name for n in layers if np.count_nonzero(n.weights) <= 0.4 * n.weights.size]
        assert kept == products
    executable = eie.compile(mod, calibration=x, winograd="always")
    for name in ("conv", "conv.weight", "node_conv2d"):
        message = f"^layer '{name}' stands for 16 layers; choose one of conv_w"
        with pytest.raises(ConfigError, match=message) as caught:
            eie.trace(executable, x, layer=name)
        assert {*str(caught.value).rpartition(" of ")[2].split(", ")} == {*products}


# Nothing more than that


def test_a_library_remembers_what_does_not_follow(library, make_mlp):
    found = [json.loads(program.manifest["aliases"]) for program in programs(eie.load(library))]
    assert {layer: names for entry in found for layer, names in entry.items()} == {
        "conv": ["node_conv2d"],
        "net_1": ["node_linear"],
        "net_3": ["node_linear_1"],
        "head": ["val_9", "node_MatMul_10"],
    }
    for program in programs(eie.compile(eie.from_onnx(make_mlp(8, 6, 4)))):
        assert "aliases" not in program.manifest


# From PyTorch


def to_onnx(network, x, dynamo):
    import torch

    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        if dynamo:
            pytest.importorskip("onnxscript", reason="torch.onnx needs it")
            return torch.onnx.export(network, (x,), dynamo=True, verbose=False).model_proto
        data = BytesIO()
        torch.onnx.export(network, (x,), data, dynamo=False)
        return onnx.load_from_string(data.getvalue())


@pytest.mark.torch
@pytest.mark.parametrize("dynamo", [False, True], ids=["traced", "exported"])
def test_a_network_from_pytorch_has_the_same_names(dynamo, tmp_path):
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    from torch import nn

    from eie_backend.compress.torch.layers import find_layers

    torch.manual_seed(0)
    network = nn.Sequential()
    network.conv = nn.Conv2d(2, 3, 3)
    network.net = nn.Sequential(nn.Flatten(), nn.Linear(27, 12), nn.ReLU(), nn.Linear(12, 10))
    network.head = nn.Sequential(nn.ReLU(), nn.Linear(10, 6))
    names = ["conv", "net_1", "net_3", "head_1"]
    with torch.no_grad():
        for parameter in network.parameters():
            parameter.copy_(torch.from_numpy(few(*parameter.shape)))
    x = torch.randn(SHAPE)
    assert [layer.name for layer in find_layers(network)] == names
    proto = to_onnx(network.eval(), x, dynamo)
    for mod in (eie.from_pytorch(network, x), eie.from_onnx(proto)):
        assert [row.name for row in eie.explain(mod) if row.is_layer] == names
        for name in ("net.1", "net.1.weight", "net_1"):
            compressed = eie.compress(mod, Recipe({name: 0.1}), "never")
            _, layer, *_ = dense_layers(compressed)
            assert np.count_nonzero(layer.weights) == round(0.1 * layer.weights.size)
        executable = eie.compile(mod, calibration=x.numpy(), winograd="never")
        assert [layer.name for layer in eie.profile(executable, x.numpy()).layers] == names
        traces = {eie.trace(executable, x.numpy(), layer=n).data for n in ("net_1", "net.1.weight")}
        assert len(traces) == 1
    save_eiez(tmp_path / "network.eiez", proto)
    assert [*eie.read_eiez(tmp_path / "network.eiez").layers] == names
    save_eiez(tmp_path / "state.eiez", network.state_dict())
    assert [*eie.read_eiez(tmp_path / "state.eiez").layers] == names


@pytest.mark.torch
def test_a_layer_of_more_dimensions_has_the_name_of_its_module():
    """Its weights are transposed when they are exported, and their name is lost."""
    torch = pytest.importorskip("torch", reason="needs the extra `torch`")
    network = torch.nn.Sequential()
    network.head = torch.nn.Linear(6, 4)
    network.tail = torch.nn.Linear(4, 3, bias=False)
    x = torch.randn(2, 3, 6)
    proto = to_onnx(network.eval(), x, dynamo=True)
    for mod in (eie.from_pytorch(network, x), eie.from_onnx(proto)):
        assert [layer.name for layer in dense_layers(mod)] == ["head", "tail"]
