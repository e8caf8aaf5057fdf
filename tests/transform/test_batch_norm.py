"""`FoldBatchNorm`: numbers are those of its docstring."""

import numpy as np
import pytest
from on_llvm import on_llvm
from tvm import relax
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

from eie_backend.transform.batch_norm import FoldBatchNorm
from eie_backend.transform.layers import layer_bindings
from eie_backend.transform.normalize import Normalize

RNG = np.random.default_rng(0)
W = RNG.normal(size=(3, 2, 1, 1)).astype(np.float32)
BIAS = RNG.normal(size=3).astype(np.float32)
X = RNG.normal(size=(2, 2, 5, 4)).astype(np.float32)
# gamma / sqrt(variance + epsilon) is 2, and all numbers are exact in binary.
GAMMA, BETA = np.full(3, 2, np.float32), np.array([1, -2, 3], np.float32)
MEAN, VARIANCE = np.array([4, 0, -8], np.float32), np.full(3, 0.75, np.float32)


def norm(x, axis=1, training=False, parameters=(GAMMA, BETA, MEAN, VARIANCE)):
    constants = [relax.const(p) if isinstance(p, np.ndarray) else p for p in parameters]
    return relax.op.nn.batch_norm(x, *constants, axis=axis, epsilon=0.25, training=training)


def build(body, *shapes):
    builder = relax.BlockBuilder()
    inputs = [relax.Var(f"x{i}", relax.TensorType(s, "float32")) for i, s in enumerate(shapes)]
    with builder.function("main", inputs):
        with builder.dataflow():
            result = builder.emit_output(body(builder, *inputs), "out")
        builder.emit_func_output(result)
    return Normalize()(builder.get())


def conv(builder, x, name="conv", weights=W, **options):
    return builder.emit(relax.op.nn.conv2d(x, relax.const(weights), **options), name)


def has_norm(mod):
    return "batch_norm" in mod.script()


def check(mod, *arrays):
    folded = FoldBatchNorm()(mod)
    assert_structural_equal(FoldBatchNorm()(folded), folded)
    (before,), (after,) = (on_llvm(m, *arrays) for m in (mod, folded))
    np.testing.assert_allclose(after, before, rtol=1e-5, atol=1e-5)
    return folded


@I.ir_module
class Folded:
    @R.function
    def main(x: R.Tensor((2, 2, 5, 4), "float32")) -> R.Tensor((2, 3, 5, 4), "float32"):
        with R.dataflow():
            conv = R.nn.conv2d(x, R.const(2 * W))
            out = R.add(conv, R.const((BETA - 2 * MEAN).reshape(1, 3, 1, 1)))
            R.output(out)
        return out


# Accepted


def test_a_batch_norm_scales_the_weights_and_adds_a_bias():  # 2
    mod = build(lambda b, x: b.emit(norm(conv(b, x)))[0], X.shape)
    assert_structural_equal(FoldBatchNorm()(mod), Folded)
    assert [b.var.name for b, _ in layer_bindings(check(mod, X))] == ["conv"]


@pytest.mark.parametrize("swapped", [False, True])
def test_a_bias_is_scaled_too(swapped):  # 2
    def body(builder, x):
        operands = [conv(builder, x), relax.const(BIAS.reshape(3, 1, 1))]
        total = builder.emit(relax.op.add(*(operands[::-1] if swapped else operands)))
        return builder.emit(norm(total))[0]

    assert not has_norm(check(build(body, X.shape), X))


def test_groups_and_other_layouts():  # 2
    weights = RNG.normal(size=(3, 3, 1, 3)).astype(np.float32)
    x = RNG.normal(size=(2, 5, 4, 3)).astype(np.float32)
    layouts = {"data_layout": "NHWC", "kernel_layout": "HWIO", "groups": 3}
    mod = build(
        lambda b, x: b.emit(norm(conv(b, x, weights=weights, **layouts), axis=3))[0], x.shape
    )
    assert not has_norm(check(mod, x))


def test_a_dense_layer_takes_it_too():  # 2
    x = RNG.normal(size=(4, 5)).astype(np.float32)
    weights = RNG.normal(size=(5, 3)).astype(np.float32)
    mod = build(
        lambda b, x: b.emit(norm(b.emit(relax.op.matmul(x, relax.const(weights)), "fc")))[0],
        x.shape,
    )
    folded = check(mod, x)
    assert not has_norm(folded)
    assert [b.var.name for b, _ in layer_bindings(folded)] == ["fc"]


# Left alone


def test_a_batch_norm_in_training():  # 1
    mod = build(lambda b, x: b.emit(norm(conv(b, x), training=True))[0], X.shape)
    assert_structural_equal(FoldBatchNorm()(mod), mod)


def test_parameters_that_are_no_constants():  # 1
    mod = build(
        lambda b, x, g: b.emit(norm(conv(b, x), parameters=(g, BETA, MEAN, VARIANCE)))[0],
        X.shape,
        (3,),
    )
    assert_structural_equal(FoldBatchNorm()(mod), mod)


def test_another_operation_before():  # 2
    mod = build(lambda b, x: b.emit(norm(b.emit(relax.op.nn.relu(conv(b, x)))))[0], X.shape)
    assert_structural_equal(FoldBatchNorm()(mod), mod)


def test_other_channels_than_the_outputs():  # 2
    x = RNG.normal(size=(2, 2, 5, 3)).astype(np.float32)
    mod = build(lambda b, x: b.emit(norm(conv(b, x), axis=3))[0], x.shape)
    assert_structural_equal(FoldBatchNorm()(mod), mod)


@pytest.mark.parametrize("read", ["product", "sum", "statistics"])
def test_a_result_that_something_else_reads(read):  # 3
    def body(builder, x):
        product = conv(builder, x)
        total = builder.emit(relax.op.add(product, relax.const(BIAS.reshape(3, 1, 1))))
        normal = builder.emit(norm(total))
        other = {
            "product": product,
            "sum": total,
            "statistics": relax.op.reshape(builder.emit(normal[1]), (1, 3, 1, 1)),
        }
        return builder.emit(relax.op.subtract(builder.emit(normal[0]), builder.emit(other[read])))

    mod = build(body, X.shape)
    assert_structural_equal(FoldBatchNorm()(mod), mod)


def test_weights_that_were_shared():  # 4
    mod = build(lambda b, x: b.emit(norm(conv(b, x, weights=np.sign(W))))[0], X.shape)
    assert_structural_equal(check(mod, X), mod)


def test_a_batch_norm_alone():  # 5
    x = RNG.normal(size=(2, 3, 5, 4)).astype(np.float32)
    mod = build(lambda b, x: b.emit(norm(x))[0], x.shape)
    assert_structural_equal(check(mod, x), mod)
