"""`CanonicalLayers`: one way to write a layer. Numbers are those of its docstring."""

import numpy as np
import pytest
from tvm import relax
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

import eie_backend as eie
from eie_backend.transform.canonical_layers import CanonicalLayers
from eie_backend.transform.layers import dense_layers

W = np.arange(12, dtype=np.float32).reshape(3, 4) - 5
ZEROS = np.zeros(2, np.float32)


def left(*shape):
    """Return a module that multiplies constant weights by its input."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType(shape, "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            product = builder.emit(relax.op.matmul(relax.const(W), x), "fc")
            output = builder.emit_output(relax.op.nn.relu(product))
        builder.emit_func_output(output)
    return builder.get()


# Accepted


def test_weights_move_to_the_right():  # 1
    @I.ir_module
    class Before:
        @R.function
        def main(x: R.Tensor((4, 2), "float32")) -> R.Tensor((3, 2), "float32"):
            with R.dataflow():
                fc: R.Tensor((3, 2), "float32") = R.matmul(R.const(W), x)
                R.output(fc)
            return fc

    @I.ir_module
    class After:
        @R.function
        def main(x: R.Tensor((4, 2), "float32")) -> R.Tensor((3, 2), "float32"):
            with R.dataflow():
                lv = R.permute_dims(x, axes=[1, 0])
                fc = R.matmul(lv, R.const(np.ascontiguousarray(W.T)))
                fc_1 = R.permute_dims(fc, axes=[1, 0])
                R.output(fc_1)
            return fc_1

    assert_structural_equal(CanonicalLayers()(Before), After)


@pytest.mark.parametrize("shape", [(4,), (4, 2), (5, 4, 2), (2, 5, 4, 2)])
def test_weights_on_the_left_run_on_the_machine(shape):  # 1
    mod = left(*shape)
    x = np.random.default_rng(0).integers(-9, 10, shape).astype(np.float32)
    assert [layer.name for layer in dense_layers(CanonicalLayers()(mod))] == ["fc"]
    report = eie.profile(eie.compile(mod, arithmetic="float32"), x)
    assert [layer.name for layer in report.layers] == ["fc"]
    np.testing.assert_array_equal(report.outputs[0], np.maximum(np.matmul(W, x), 0))


# Left alone


def unchanged(mod):
    assert_structural_equal(CanonicalLayers()(mod), mod)


@pytest.mark.parametrize("operands", ["x x", "W W", "x W"])
def test_other_products(operands):  # 1
    square = np.eye(4, dtype=np.float32)
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((4, 4), "float32"))
    values = {"x": x, "W": relax.const(square)}
    with builder.function("main", [x]):
        with builder.dataflow():
            product = builder.emit(relax.op.matmul(*(values[n] for n in operands.split())))
            output = builder.emit_output(relax.op.add(product, x))
        builder.emit_func_output(output)
    unchanged(builder.get())
