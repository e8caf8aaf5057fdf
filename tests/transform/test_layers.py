"""Dense layers are found, named, checked and rewritten."""

import re

import numpy as np
import pytest
from tvm import relax
from tvm.ir import assert_structural_equal
from tvm.script import ir as I
from tvm.script import relax as R

from eie_backend.errors import ModelError
from eie_backend.transform.layers import (
    MAX_SHARED,
    bias_of,
    constant_weights,
    dense_layers,
    is_matmul,
    is_shared,
    map_weights,
    matmuls,
)

W1 = np.arange(12, dtype=np.float32).reshape(4, 3)
W2 = np.arange(6, dtype=np.float32).reshape(3, 2) * 10
B1 = np.array([1, 2, 3], np.float32)


@I.ir_module
class Two:
    @R.function
    def main(x: R.Tensor((5, 4), "float32")) -> R.Tensor((5, 2), "float32"):
        with R.dataflow():
            fc1 = R.matmul(x, R.const(W1))
            lv = R.add(fc1, R.const(B1))
            fc2 = R.matmul(lv, R.const(W2))
            R.output(fc2)
        return fc2


@I.ir_module
class NoLayers:
    @R.function
    def main(x: R.Tensor((2, 2), "float32"), half: R.Tensor((2, 2), "float16")) -> R.Tuple(
        R.Tensor((2, 2), "float32"), R.Tensor((3, 2, 2), "float32")
    ):
        with R.dataflow():
            among_inputs = R.matmul(x, x)
            batched = R.matmul(x, R.const(np.ones((3, 2, 2), np.float32)))
            on_the_left = R.matmul(R.const(np.ones((2, 2), np.float32)), x)
            halves = R.matmul(half, R.const(np.ones((2, 2), np.float16)))
            lv = R.add(among_inputs, on_the_left)
            lv1 = R.astype(halves, "float32")
            lv2 = R.add(lv, lv1)
            R.output(lv2, batched)
        return (lv2, batched)


def test_layers_come_in_order_with_names_and_weights_as_outputs_by_inputs():
    layers = dense_layers(Two)
    assert [layer.name for layer in layers] == ["fc1", "fc2"]
    np.testing.assert_array_equal(layers[0].weights, W1.T)
    np.testing.assert_array_equal(layers[1].weights, W2.T)
    assert all(layer.uses[0].function.same_as(Two["main"]) for layer in layers)


def test_a_matmul_without_a_float32_constant_matrix_on_its_right_is_no_layer():
    assert dense_layers(NoLayers) == []
    found = {binding.var.name: constant_weights(binding.value) for binding, _ in matmuls(NoLayers)}
    assert list(found) == ["among_inputs", "batched", "on_the_left", "halves"]
    assert set(found.values()) == {None}


def test_other_operations_are_no_matmul():
    bindings = [b for block in Two["main"].body.blocks for b in block.bindings]
    assert [is_matmul(binding.value) for binding in bindings] == [True, False, True]
    assert not is_matmul(Two["main"].params[0])


def test_every_layer_with_bad_numbers_is_named():
    def spoil(name, weights):
        spoiled = weights.copy()
        spoiled[0, 0] = np.nan
        spoiled[-1, -1] = np.inf if name == "fc1" else np.nan
        return spoiled

    message = (
        "fc1: 2 of 12 weights are NaN or infinite; fc2: 2 of 6 weights are NaN or infinite; "
        "repair the model"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        dense_layers(map_weights(Two, spoil))


def test_a_bias_with_bad_numbers_is_named():
    bias = np.array([0, -np.inf, np.nan], np.float32)

    @I.ir_module
    class Bad:
        @R.function
        def main(x: R.Tensor((5, 4), "float32")) -> R.Tensor((5, 3), "float32"):
            fc1 = R.matmul(x, R.const(W1))
            lv = R.add(fc1, R.const(bias))
            return lv

    message = "fc1: 2 of 3 biases are NaN or infinite; repair the model"
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        dense_layers(Bad)


def test_weights_are_rewritten_and_nothing_else():
    seen = {}

    def change(name, weights):
        seen[name] = weights.shape
        return weights * 2

    @I.ir_module
    class Doubled:
        @R.function
        def main(x: R.Tensor((5, 4), "float32")) -> R.Tensor((5, 2), "float32"):
            with R.dataflow():
                fc1 = R.matmul(x, R.const(W1 * 2))
                lv = R.add(fc1, R.const(B1))
                fc2 = R.matmul(lv, R.const(W2 * 2))
                R.output(fc2)
            return fc2

    changed = map_weights(Two.with_attr("eie.recipe", "{}"), change)
    assert_structural_equal(changed, Doubled.with_attr("eie.recipe", "{}"))
    assert seen == {"fc1": (3, 4), "fc2": (2, 3)}
    assert [layer.name for layer in dense_layers(changed)] == ["fc1", "fc2"]


def shared():
    """Return a module that uses one constant three times, once with a bias."""
    weights, bias = relax.const(W1[:3]), relax.const(B1)
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType((5, 3), "float32"))
    with builder.function("main", [x]):
        with builder.dataflow():
            h = builder.emit(relax.op.matmul(x, weights), "fc")
            h = builder.emit(relax.op.add(builder.emit(relax.op.matmul(h, weights)), bias))
            y = builder.emit_output(relax.op.matmul(h, weights))
        builder.emit_func_output(y)
    return builder.get()


def test_matmuls_with_the_same_constant_are_one_layer():
    (layer,) = dense_layers(shared())
    assert layer.name == "fc"
    assert [bias_of(use)[0] is None for use in layer.uses] == [True, False, True]


def test_weights_are_changed_once_for_all_uses():
    seen = []

    def change(name, weights):
        seen.append(name)
        return weights * 2

    (layer,) = dense_layers(map_weights(shared(), change))
    assert seen == ["fc"]
    assert len(layer.uses) == 3
    np.testing.assert_array_equal(layer.weights, 2 * W1[:3].T)


def test_unchanged_weights_give_an_equal_module():
    assert_structural_equal(map_weights(Two, lambda _, weights: weights), Two)
    assert_structural_equal(map_weights(NoLayers, lambda _, weights: weights * 2), NoLayers)


def test_shared_weights_have_few_values_used_repeatedly():
    once = np.arange(1, MAX_SHARED + 2, dtype=np.float32)
    assert not is_shared(once[:10])
    assert is_shared(np.concatenate([once[:10], once[:10], np.zeros(5, np.float32)]))
    assert is_shared(np.tile(once[:MAX_SHARED], 2))
    assert not is_shared(np.tile(once, 2))
