"""A manifest has what layers are called, where that does not follow from their names."""

import json

import pytest
from tvm import relax

import eie_backend as eie
from eie_backend import HardwareConfig
from eie_backend.codegen.library import programs
from eie_backend.codegen.manifest import aliases_entry
from eie_backend.transform.attributes import ModuleAttributes, Origin, with_attributes
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.partition import Partition

CONFIG = HardwareConfig(num_pe=4)
NOTED = ModuleAttributes(
    aliases={"net_1": ("net.1", "node_linear"), "fc": ("fc.weight",), "conv": ("node_conv2d",)},
    convolutions={f"conv_w{n}": Origin("conv", 1) for n in range(16)},
)


@pytest.mark.parametrize(
    ("layers", "expected"),
    [
        (["net_1", "fc"], {"net_1": ["node_linear"]}),
        (["conv_w0"], {"conv_w0": ["node_conv2d"]}),
        (["fc", "other"], None),
        ([], None),
    ],
)
def test_the_entry_of_some_layers(layers, expected):
    entry = aliases_entry(NOTED, layers)
    assert entry == ({} if expected is None else {"aliases": json.dumps(expected)})


def noted(mod):
    aliases = {"fc1": ("net.1", "node_linear"), "fc2": ("fc2/",)}
    return with_attributes(eie.compress(mod), aliases=aliases)


def test_each_program_has_the_names_of_its_layers(make_mlp):
    mod = noted(eie.from_onnx(make_mlp(6, 5, 4)))
    (program,) = programs(eie.compile(mod, CONFIG))
    assert program.manifest["aliases"] == '{"fc1": ["net.1", "node_linear"]}'


def test_a_module_that_is_partitioned_by_hand_keeps_the_names(make_mlp):
    mod = Partition(CONFIG)(DenseForm()(noted(eie.from_onnx(make_mlp(6, 5, 4)))))
    built = relax.transform.RunCodegen()(mod)
    (program,) = programs(built.attrs["external_mods"][0])
    assert program.manifest["aliases"] == '{"fc1": ["net.1", "node_linear"]}'
