"""`BalanceRows`: layers compute the same, their outputs in another order.

Numbers are the docstring's.
"""

import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from on_llvm import on_llvm
from tvm import relax
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

from eie_backend.transform.balance_rows import (
    ELEMENTWISE,
    BalanceRows,
    movable_layers,
    order_sources,
)
from eie_backend.transform.dense_form import DenseForm
from eie_backend.transform.layers import layers_of

RNG = np.random.default_rng(0)
W1 = RNG.integers(-7, 8, (5, 4)).astype(np.float32)
B1 = RNG.integers(-7, 8, 4).astype(np.float32)
FULL = RNG.integers(-7, 8, (2, 4)).astype(np.float32)
W2 = RNG.integers(-7, 8, (4, 3)).astype(np.float32)
W3 = RNG.integers(-7, 8, (4, 4)).astype(np.float32)
ORDER = np.array([2, 0, 3, 1])
INVERSE = np.array([1, 3, 0, 2])
ORDER3 = np.array([1, 2, 0])


@I.ir_module
class Chain:
    @R.function
    def main(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 3), "float32"):
        with R.dataflow():
            fc1: R.Tensor((2, 4), "float32") = R.matmul(x, R.const(W1))
            lv: R.Tensor((2, 4), "float32") = R.add(fc1, R.const(B1))
            lv1: R.Tensor((2, 4), "float32") = R.nn.relu(lv)
            fc2: R.Tensor((2, 3), "float32") = R.matmul(lv1, R.const(W2))
            R.output(fc2)
        return fc2


@I.ir_module
class BalancedChain:
    @R.function
    def main(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 3), "float32"):
        with R.dataflow():
            fc1: R.Tensor((2, 4), "float32") = R.matmul(x, R.const(W1[:, ORDER]))
            lv: R.Tensor((2, 4), "float32") = R.add(fc1, R.const(B1[ORDER]))
            lv1: R.Tensor((2, 4), "float32") = R.nn.relu(lv)
            fc2: R.Tensor((2, 3), "float32") = R.matmul(lv1, R.const(W2[ORDER]))
            R.output(fc2)
        return fc2


@I.ir_module
class BothLayers:
    @R.function
    def main(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 3), "float32"):
        with R.dataflow():
            fc1: R.Tensor((2, 4), "float32") = R.matmul(x, R.const(W1[:, ORDER]))
            lv: R.Tensor((2, 4), "float32") = R.add(fc1, R.const(B1[ORDER]))
            lv1: R.Tensor((2, 4), "float32") = R.nn.relu(lv)
            fc2: R.Tensor((2, 3), "float32") = R.matmul(lv1, R.const(W2[ORDER][:, ORDER3]))
            R.output(fc2)
        gv: R.Tensor((2, 3), "float32") = R.take(
            fc2, R.const(np.argsort(ORDER3), "int64"), axis=1, mode="clip"
        )
        return gv


@I.ir_module
class Gated:
    @R.function
    def main(x: R.Tensor((2, 1, 5), "float32")) -> R.Tensor((2, 3), "float32"):
        with R.dataflow():
            fc1: R.Tensor((2, 1, 4), "float32") = R.matmul(x, R.const(W1))
            lv: R.Tensor((2, 4), "float32") = R.reshape(fc1, R.shape([2, 4]))
            lv1: R.Tensor((2, 4), "float32") = R.multiply(R.const(FULL), lv)
            lv2: R.Tensor((2, 4), "float32") = R.sigmoid(lv1)
            lv3: R.Tensor((2, 4), "float32") = R.multiply(lv1, lv2)
            lv4: R.Tensor((2, 4), "float32") = R.subtract(lv3, R.const(FULL[:, :1]))
            lv5: R.Tensor((2, 4), "float32") = R.divide(lv4, R.const(2.0, "float32"))
            fc2: R.Tensor((2, 3), "float32") = R.matmul(lv5, R.const(W2))
            R.output(fc2)
        return fc2


@I.ir_module
class BalancedGated:
    @R.function
    def main(x: R.Tensor((2, 1, 5), "float32")) -> R.Tensor((2, 3), "float32"):
        with R.dataflow():
            fc1: R.Tensor((2, 1, 4), "float32") = R.matmul(x, R.const(W1[:, ORDER]))
            lv: R.Tensor((2, 4), "float32") = R.reshape(fc1, R.shape([2, 4]))
            lv1: R.Tensor((2, 4), "float32") = R.multiply(R.const(FULL[:, ORDER]), lv)
            lv2: R.Tensor((2, 4), "float32") = R.sigmoid(lv1)
            lv3: R.Tensor((2, 4), "float32") = R.multiply(lv1, lv2)
            lv4: R.Tensor((2, 4), "float32") = R.subtract(lv3, R.const(FULL[:, :1]))
            lv5: R.Tensor((2, 4), "float32") = R.divide(lv4, R.const(2.0, "float32"))
            fc2: R.Tensor((2, 3), "float32") = R.matmul(lv5, R.const(W2[ORDER]))
            R.output(fc2)
        return fc2


@I.ir_module
class Residual:
    @R.function
    def main(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 4), "float32"):
        with R.dataflow():
            fc1: R.Tensor((2, 4), "float32") = R.matmul(x, R.const(W1))
            lv: R.Tensor((2, 4), "float32") = R.nn.relu(fc1)
            fc3: R.Tensor((2, 4), "float32") = R.matmul(lv, R.const(W3))
            lv1: R.Tensor((2, 4), "float32") = R.add(lv, fc3)
            R.output(lv1)
        return lv1


@I.ir_module
class BalancedResidual:
    @R.function
    def main(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 4), "float32"):
        with R.dataflow():
            fc1: R.Tensor((2, 4), "float32") = R.matmul(x, R.const(W1[:, ORDER]))
            lv: R.Tensor((2, 4), "float32") = R.nn.relu(fc1)
            fc3: R.Tensor((2, 4), "float32") = R.matmul(lv, R.const(W3[ORDER]))
            lv2: R.Tensor((2, 4), "float32") = R.take(
                lv, R.const(INVERSE, "int64"), axis=1, mode="clip"
            )
            lv1: R.Tensor((2, 4), "float32") = R.add(lv2, fc3)
            R.output(lv1)
        return lv1


@I.ir_module
class Readers:
    """Two layers, a softmax and the results read fc1; a reshape mixes its outputs."""

    @R.function
    def main(x: R.Tensor((2, 5), "float32")):
        with R.dataflow():
            fc1: R.Tensor((2, 4), "float32") = R.matmul(x, R.const(W1))
            a: R.Tensor((2, 3), "float32") = R.matmul(fc1, R.const(W2))
            b: R.Tensor((2, 4), "float32") = R.matmul(fc1, R.const(W3))
            c: R.Tensor((2, 4), "float32") = R.nn.softmax(fc1)
            d: R.Tensor((4, 2), "float32") = R.reshape(fc1, R.shape([4, 2]))
            e: R.Tensor((2, 4), "float32") = R.add(b, fc1)
            R.output(a, b, c, d, e, fc1)
        return (a, b, c, d, e, fc1)


def shared_weights():
    """Return a module in which one constant is the weights of fc1 and fc2."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((2, 4), "float32"))
    weights = relax.const(W3)
    with builder.function("main", [x]):
        with builder.dataflow():
            hidden = builder.emit(relax.op.matmul(x, relax.const(W3 + 1)), "fc0")
            hidden = builder.emit(relax.op.matmul(hidden, weights), "fc1")
            hidden = builder.emit(relax.op.matmul(hidden, weights), "fc2")
            result = builder.emit_output(hidden)
        builder.emit_func_output(result)
    return DenseForm()(builder.get())


def takes(mod):
    return mod.script().count("R.take(")


def check_values(mod, orders, shape=(2, 5)):
    """Compare the module with its balanced form, on integers: sums are exact in any order."""
    x = np.random.default_rng(1).integers(-9, 10, shape).astype(np.float32)
    balanced = BalanceRows(orders)(mod)
    relax.analysis.well_formed(balanced)
    for found, expected in zip(on_llvm(balanced, x), on_llvm(mod, x), strict=True):
        np.testing.assert_array_equal(found, expected)
    return balanced


# Accepted


def test_the_next_layer_takes_its_columns_in_the_order():  # 2
    assert_structural_equal(BalanceRows({"fc1": ORDER})(Chain), BalancedChain)
    check_values(Chain, {"fc1": ORDER})


def test_every_layer_may_have_an_order_and_the_result_has_none():  # 2, 3
    orders = {"fc1": ORDER, "fc2": ORDER3}
    assert_structural_equal(BalanceRows(orders)(Chain), BothLayers)
    check_values(Chain, orders)


def test_an_order_goes_through_elementwise_operators_and_their_constants():  # 1
    assert_structural_equal(BalanceRows({"fc1": ORDER})(Gated), BalancedGated)
    x = np.random.default_rng(1).normal(size=(2, 1, 5)).astype(np.float32)
    found, expected = (on_llvm(m, x)[0] for m in (BalancedGated, Gated))
    np.testing.assert_allclose(found, expected, rtol=1e-5)


def test_every_elementwise_operator_exists_and_keeps_the_place_of_a_value():  # 1
    for name in ELEMENTWISE:
        call = getattr(relax.op.nn if ".nn." in name else relax.op, name.rpartition(".")[2])
        for operands in (lambda y: (y, relax.const(FULL)), lambda y: (y,), lambda y: (y, 0, 3)):
            try:
                mod = one_operator(call, operands)
                break
            except TypeError:
                continue
        x = np.random.default_rng(1).uniform(0.5, 1, (2, 5)).astype(np.float32)
        balanced = BalanceRows({"fc1": ORDER})(mod)
        assert takes(balanced) == 0, name
        found, expected = on_llvm(balanced, x)[0], on_llvm(mod, x)[0]
        np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-4, err_msg=name)


def one_operator(call, operands):
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((2, 5), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            hidden = builder.emit(relax.op.matmul(x, relax.const(np.abs(W1))), "fc1")
            hidden = builder.emit(call(*operands(hidden)))
            result = builder.emit_output(relax.op.matmul(hidden, relax.const(W2)), "fc2")
        builder.emit_func_output(result)
    return builder.get()


def test_a_branch_beside_the_next_layer_reads_the_old_order():  # 2, 3
    assert_structural_equal(BalanceRows({"fc1": ORDER})(Residual), BalancedResidual)
    check_values(Residual, {"fc1": ORDER})
    check_values(Residual, {"fc1": ORDER, "fc3": ORDER[::-1]})


def test_every_reader_gets_what_it_got():  # 2, 3
    balanced = check_values(Readers, {"fc1": ORDER, "a": ORDER3, "b": ORDER[::-1]})
    # softmax, reshape, the sum of two orders, and the results a, b and fc1
    assert takes(balanced) == 1 + 1 + 2 + 3


@given(st.integers(0, 2**32 - 1), st.integers(1, 4), st.sampled_from(["relu", "tanh", "add"]))
@settings(max_examples=10)
def test_any_orders_of_any_chain_change_no_result(seed, depth, between):  # 1, 2, 3
    rng = np.random.default_rng(seed)
    sizes = rng.integers(1, 9, depth + 1).tolist()
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((2, sizes[0]), "float32"))
    value, orders = x, {}
    with builder.function("main", [x]):
        with builder.dataflow():
            for n, (inputs, outputs) in enumerate(itertools.pairwise(sizes)):
                matrix = relax.const(rng.normal(size=(inputs, outputs)).astype(np.float32))
                value = builder.emit(relax.op.matmul(value, matrix), f"fc{n}")
                bias = relax.const(rng.normal(size=outputs).astype(np.float32))
                after = {"relu": relax.op.nn.relu, "tanh": relax.op.tanh}.get(
                    between, lambda one, bias=bias: relax.op.add(bias, one)
                )
                value = builder.emit(after(value))
                if rng.integers(4):
                    orders[f"fc{n}"] = rng.permutation(outputs)
            result = builder.emit_output(value)
        builder.emit_func_output(result)
    mod = DenseForm()(builder.get())
    data = rng.normal(size=(2, sizes[0])).astype(np.float32)
    found, expected = on_llvm(BalanceRows(orders)(mod), data)[0], on_llvm(mod, data)[0]
    np.testing.assert_allclose(found, expected, rtol=1e-4, atol=1e-5)


def test_what_can_follow_what():
    assert order_sources(layers_of(Chain)) == {"fc2": "fc1"}
    assert order_sources(layers_of(Gated)) == {"fc2": "fc1"}
    assert order_sources(layers_of(Residual)) == {"fc3": "fc1"}
    assert order_sources(layers_of(Readers)) == {"a": "fc1", "b": "fc1"}


# Left alone


def test_layers_that_share_their_weights():  # 4
    mod = shared_weights()
    assert movable_layers(layers_of(mod)) == {"fc0"}
    assert order_sources(layers_of(mod)) == {}
    assert_structural_equal(BalanceRows({"fc1": ORDER, "fc2": ORDER})(mod), mod)
    balanced = check_values(mod, {"fc0": ORDER}, (2, 4))
    assert takes(balanced) == 1


@pytest.mark.parametrize("mod", [Chain, Gated, Residual, Readers])
def test_layers_without_an_order(mod):  # 5
    assert_structural_equal(BalanceRows({"other": ORDER})(mod), mod)


def test_a_sum_of_two_layers_has_no_order():  # 3
    @I.ir_module
    class Sum:
        @R.function
        def main(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 3), "float32"):
            with R.dataflow():
                fc1 = R.matmul(x, R.const(W1))
                other = R.matmul(x, R.const(W1 + 1))
                lv = R.add(fc1, other)
                fc2 = R.matmul(lv, R.const(W2))
                R.output(fc2)
            return fc2

    assert order_sources(layers_of(Sum)) == {}
    check_values(Sum, {"fc1": ORDER, "other": ORDER})


def test_an_output_that_is_spread_over_others_has_no_order():  # 3
    """One column of one layer, added to all outputs of another."""

    @I.ir_module
    class Spread:
        @R.function
        def main(x: R.Tensor((2, 5), "float32")) -> R.Tensor((2, 4), "float32"):
            with R.dataflow():
                fc1 = R.matmul(x, R.const(W1[:, :1]))
                lv = R.add(fc1, R.const(FULL))
                fc2 = R.matmul(lv, R.const(W3))
                R.output(fc2)
            return fc2

    assert order_sources(layers_of(Spread)) == {}
    check_values(Spread, {"fc1": np.array([0])})


def test_control_flow_reads_the_old_order():  # 3
    @I.ir_module
    class Branching:
        @R.function
        def main(x: R.Tensor((2, 5), "float32"), c: R.Tensor((), "bool")) -> R.Tensor(
            (2, 4), "float32"
        ):
            fc1 = R.matmul(x, R.const(W1))
            if c:
                y = R.nn.softmax(fc1)
            else:
                y = fc1
            return y

    x = np.random.default_rng(1).integers(-9, 10, (2, 5)).astype(np.float32)
    balanced = BalanceRows({"fc1": ORDER})(Branching)
    relax.analysis.well_formed(balanced)
    for flag in (True, False):
        found, expected = (on_llvm(m, x, np.array(flag))[0] for m in (balanced, Branching))
        np.testing.assert_array_equal(found, expected)


def test_attributes_stay():
    mod = BalanceRows({"fc1": ORDER})(Chain.with_attr("eie.recipe", "{}"))
    assert dict(mod.attrs.items()) == {"eie.recipe": "{}"}
