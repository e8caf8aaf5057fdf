"""StableHLO text arrives with its values, and with one-line errors."""

import sys

import numpy as np
import pytest
from on_llvm import on_llvm

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.transform.layers import dense_layers


def test_jax_is_missing(monkeypatch):
    for name in ("jax", "jax.interpreters", "jaxlib.mlir"):
        monkeypatch.setitem(sys.modules, name, None)
    monkeypatch.delitem(sys.modules, "eie_backend.frontend.stablehlo_importer", raising=False)
    for call, arguments in ((eie.from_stablehlo, [""]), (eie.from_jax, [abs, 1])):
        with pytest.raises(ModelError, match=r"pip install '\.\[jax\]' in eie's checkout$"):
            call(*arguments)


pytestmark = pytest.mark.jax
pytest.importorskip("jax", reason="needs the extra `jax`")

MLP = """
module {
  func.func public @main(%x: tensor<2x3xf32>) -> (tensor<2x2xf32>, tensor<2x3xf32>) {
    %w = stablehlo.constant dense<[[1.0, 2.0, 3.0], [-4.0, 5.0, 6.0]]> : tensor<2x3xf32>
    %b = stablehlo.constant dense<[0.5, -0.5]> : tensor<2xf32>
    %0 = stablehlo.dot_general %x, %w, contracting_dims = [1] x [1]
         : (tensor<2x3xf32>, tensor<2x3xf32>) -> tensor<2x2xf32>
    %1 = stablehlo.broadcast_in_dim %b, dims = [1] : (tensor<2xf32>) -> tensor<2x2xf32>
    %2 = stablehlo.add %0, %1 : tensor<2x2xf32>
    %3 = call @relu(%2) : (tensor<2x2xf32>) -> tensor<2x2xf32>
    return %3, %x : tensor<2x2xf32>, tensor<2x3xf32>
  }
  func.func private @relu(%x: tensor<2x2xf32>) -> tensor<2x2xf32> {
    %zero = stablehlo.constant dense<0.0> : tensor<f32>
    %0 = stablehlo.broadcast_in_dim %zero, dims = [] : (tensor<f32>) -> tensor<2x2xf32>
    %1 = stablehlo.maximum %x, %0 : tensor<2x2xf32>
    return %1 : tensor<2x2xf32>
  }
}
"""


def function(body, arguments="%x: tensor<2x3xf32>", result="tensor<2x3xf32>", name="main"):
    return f"func.func @{name}({arguments}) -> {result} {{\n{body}\n}}"


def test_all_results_calls_and_dimension_numbers_are_imported():
    mod = eie.from_stablehlo(MLP)
    x = np.arange(6, dtype=np.float32).reshape(2, 3) - 2
    w = np.array([[1, 2, 3], [-4, 5, 6]], np.float32)
    y, again = on_llvm(mod, x)
    np.testing.assert_allclose(y, np.maximum(x @ w.T + np.array([0.5, -0.5]), 0), rtol=1e-6)
    np.testing.assert_array_equal(again, x)
    report = eie.profile(eie.compile(mod, arithmetic="float32"), x)
    assert [layer.name for layer in report.layers] == ["dot_general"]
    np.testing.assert_array_equal(report.outputs[0], y)
    assert len(mod["main"].body.blocks[0].bindings) == 4  # product, bias, ReLU, both results


def test_a_broadcast_along_another_dimension():
    text = function(
        "%0 = stablehlo.broadcast_in_dim %x, dims = [0] : (tensor<2xf32>) -> tensor<2x3xf32>\n"
        "return %0 : tensor<2x3xf32>",
        "%x: tensor<2xf32>",
    )
    (found,) = on_llvm(eie.from_stablehlo(text), np.array([1, 2], np.float32))
    np.testing.assert_array_equal(found, [[1, 1, 1], [2, 2, 2]])


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("not MLIR", "model: not StableHLO text: "),
        (function("return %x : tensor<2x3xf32>", name="f"), "model: it has no function @main"),
        (
            function(
                '%0 = "chlo.lgamma"(%x) : (tensor<2x3xf32>) -> tensor<2x3xf32>\n'
                '%1 = "chlo.digamma"(%0) : (tensor<2x3xf32>) -> tensor<2x3xf32>\n'
                "return %1 : tensor<2x3xf32>"
            ),
            "model: operations chlo.digamma, chlo.lgamma are not supported; the supported "
            "ones are chlo.acos, ",
        ),
        (
            function("return %x : tensor<?x3xf32>", "%x: tensor<?x3xf32>", "tensor<?x3xf32>"),
            "model: arguments 0 of @main have dynamic shapes; export the model with static ones",
        ),
        (
            function("return %x : tensor<2xbf16>", "%x: tensor<2xbf16>", "tensor<2xbf16>"),
            "model: StableHLO cannot be imported: element type bf16",
        ),
    ],
)
def test_faults(text, message):
    with pytest.raises(ModelError) as caught:
        eie.from_stablehlo(text)
    assert str(caught.value).startswith(message)
    assert "\n" not in str(caught.value)
    assert dense_layers(eie.from_stablehlo(MLP))
