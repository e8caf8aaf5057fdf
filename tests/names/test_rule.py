"""The rule: parameter, else module, else node."""

import pytest

from eie_backend.names.rule import aliases, identifier, owner, source_name


@pytest.mark.parametrize(
    ("parameter", "expected"),
    [
        ("fc1.weight", "fc1"),
        ("net.1.weight", "net.1"),
        ("lstm.weight_hh_l0_reverse", "lstm.hh_l0_reverse"),
        ("attention.in_proj_weight", "attention.in_proj"),
        # No framework's: without a path, or not of weights.
        ("weight", ""),
        ("fc1_weight", ""),
        ("dense_w", ""),
        ("onnx::MatMul_12", ""),
        ("val_3", ""),
        ("fc1.bias", ""),
        ("fc1.weights", ""),
        ("dense/kernel", ""),
        ("", ""),
    ],
)
def test_what_has_the_weights(parameter, expected):
    assert owner(parameter) == expected


def test_a_parameter_counts_before_a_module_and_that_before_a_node():
    assert source_name("a.weight", "b", "c") == "a"
    assert source_name("val_3", "b", "c") == "b"
    assert source_name("val_3", "", "c") == "c"


@pytest.mark.parametrize(
    ("given", "expected"),
    [
        (("net_1", "net.1.weight", "net.1", "node_linear"), ("net.1", "node_linear")),
        (("fc1", "fc1.weight", "fc1", "fc1"), ()),
        (("fc1_Gemm", "onnx::Gemm_9", "", "/fc1/Gemm"), ("onnx::Gemm_9", "/fc1/Gemm")),
        # The name was numbered, or merged: the parameter no longer tells it.
        (("a_b_1", "a_b.weight", "", "fc"), ("a_b", "a_b.weight", "fc")),
        (("lstm_l0", "lstm.weight_ih_l0", "", ""), ("lstm.weight_ih_l0",)),
        (("lstm_ih_l0", "lstm.weight_ih_l0", "", ""), ()),
    ],
)
def test_aliases_are_what_the_name_does_not_say(given, expected):
    assert aliases(*given) == expected


@pytest.mark.parametrize("name", ["net.1", "0.weight", "/a/b", "class", "größe", "a b\n"])
def test_an_identifier_is_one_and_stays_one(name):
    found = identifier(name)
    assert found.isidentifier()
    assert identifier(found) == found
