"""Users find layers by every name; what is ambiguous or unknown is said."""

import re

import pytest

from eie_backend.errors import ConfigError
from eie_backend.names.find import layers_called, layers_matching, not_derived, the_layer

LAYERS = {
    "net_1": ("net.1", "node_linear"),
    "net_3": ("net.3", "node_linear_1"),
    "head": ("node_linear_2", "net_1", "dense_w"),
    "lstm_l0": ("lstm_ih_l0", "lstm_hh_l0", "shared"),
    "lstm_l1": ("lstm_ih_l1", "lstm_hh_l1", "shared"),
}


@pytest.mark.parametrize(
    ("wanted", "expected"),
    [
        ("net_1", ["net_1"]),  # a name counts before other names
        ("net.1", ["net_1"]),
        ("net.1.weight", ["net_1"]),
        ("node_linear", ["net_1"]),
        ("dense_w", ["head"]),
        ("head.weight", ["head"]),
        ("/head", ["head"]),
        ("lstm.weight_ih_l0", ["lstm_l0"]),
        ("shared", ["lstm_l0", "lstm_l1"]),
        ("node", []),
        ("net", []),
        ("", []),
        (".weight", []),
    ],
)
def test_called(wanted, expected):
    assert layers_called(wanted, LAYERS) == expected


@pytest.mark.parametrize(
    ("pattern", "expected"),
    [
        ("node_*", ["net_1", "net_3", "head"]),
        ("net.?", ["net_1", "net_3"]),
        ("*.weight", [*LAYERS]),
        ("lstm_?h_l1", ["lstm_l1"]),
        ("head", []),  # a layer's own name is no other name
    ],
)
def test_matching(pattern, expected):
    assert layers_matching(pattern, LAYERS) == expected


def test_what_follows_from_a_name_need_not_be_written_down():
    found = not_derived({"net_1": ("net.1", "node_linear"), "fc_Gemm": ("/fc/Gemm", "w"), "a": ()})
    assert found == {"net_1": ["node_linear"], "fc_Gemm": ["w"]}
    for layer, others in LAYERS.items():
        for name in others:
            bare = {one: not_derived(LAYERS).get(one, ()) for one in LAYERS}
            assert layers_called(name, bare) == layers_called(name, LAYERS), (layer, name)


def test_one_layer_is_meant():
    assert the_layer("net.3.weight", LAYERS) == "net_3"
    message = "layer 'fc9' is unknown; choose one of net_1, net_3, head, lstm_l0, lstm_l1"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        the_layer("fc9", LAYERS)
    message = "layer 'shared' stands for 2 layers; choose one of lstm_l0, lstm_l1"
    with pytest.raises(ConfigError, match=f"^{re.escape(message)}$"):
        the_layer("shared", LAYERS)


def test_a_convolution_stands_for_its_products():
    products = {f"conv_w{n}": () for n in range(16)}
    message = "layer 'conv' stands for 16 layers; choose one of conv_w0, conv_w1, "
    with pytest.raises(ConfigError, match=f"^{message}"):
        the_layer("conv", {"fc": (), **products})
