"""A manifest has what layers are called, where that does not follow from their names."""

import json

import pytest

import eie_backend as eie
from eie_backend import HardwareConfig
from eie_backend.codegen.library import programs
from eie_backend.codegen.manifest import aliases_entry
from eie_backend.transform.attributes import ModuleAttributes, Origin, attributes

CONFIG = HardwareConfig(num_pe=4)
NOTED = ModuleAttributes(
    aliases={
        "net_1": ("net.1", "node_linear"),
        "fc": ("fc.weight",),
        "conv": ("node_conv2d",),
        "dense": ("dense_w", "/dense"),
        "cell": ("cell_ih", "cell_hh"),
    },
    convolutions={f"conv_w{n}": Origin("conv", 1) for n in range(16)},
    renamed=("net_1", "fc", "conv"),
)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["net_1", "fc"], {"net_1": ["node_linear"]}),
        (["conv_w0"], {"conv_w0": ["node_conv2d"]}),
        # It says nothing of layers that are called after their nodes, and of those without nodes.
        (["fc", "dense", "cell", "other"], None),
        ([], None),
    ],
)
def test_the_entry_of_some_layers(layers, expected):
    entry = aliases_entry(NOTED, layers)
    assert entry == ({} if expected is None else {"aliases": json.dumps(expected)})


def test_each_program_has_the_names_of_its_layers(make_mlp):
    model = make_mlp(6, 5, 4)
    model.graph.node[0].name = "node_linear"
    (program,) = programs(eie.compile(eie.from_onnx(model), CONFIG))
    assert program.manifest["aliases"] == '{"fc1": ["node_linear"]}'


def test_images_of_layers_that_are_called_after_their_nodes_say_nothing(make_mlp):
    """Whatever their tensors are called: they stay what they were."""
    model = make_mlp(6, 5, 4)
    expected = programs(eie.compile(eie.from_onnx(model), CONFIG))
    for node, tensor in zip((model.graph.node[0], model.graph.node[2]), "vw", strict=True):
        (old,) = (t for t in model.graph.initializer if t.name == node.input[1])
        old.name = node.input[1] = tensor
    mod = eie.from_onnx(model)
    assert attributes(mod).aliases == {"fc1": ("v",), "fc2": ("w",)}
    found = programs(eie.compile(mod, CONFIG))
    assert [{**p.manifest, "model_sha256": ""} for p in found] == [
        {**p.manifest, "model_sha256": ""} for p in expected
    ]


def test_a_library_says_what_it_checks(make_mlp):
    library = eie.compile(eie.from_onnx(make_mlp(6, 5, 3)), CONFIG)
    assert {p.manifest["checks"] for p in programs(library)} == {"indices, divisors"}
