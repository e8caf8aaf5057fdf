"""Every constraint: legal at its limit, refused beyond it, with a whole message."""

import numpy as np
import pytest
import tvm
from tvm import relax

from eie_backend.config import HardwareConfig
from eie_backend.transform.attributes import with_attributes
from eie_backend.transform.constraints import CONSTRAINTS, layer_reasons

MACHINE = HardwareConfig(num_pe=4, codebook_bits=3, act_sram_bytes=10)


def function(body, *shapes, dtype="float32"):
    """Return a module whose `main` computes ``body(builder, *inputs)``."""
    builder = relax.BlockBuilder()
    inputs = [relax.Var(f"x{i}", relax.TensorType(s, dtype)) for i, s in enumerate(shapes)]
    with builder.function("main", inputs):
        with builder.dataflow():
            result = builder.emit_output(body(builder, *inputs), "fc")
        builder.emit_func_output(result)
    return builder.get()


def layer(weights, rows=2, dtype="float32"):
    """Return a module whose one layer has these weights, shape (inputs, outputs)."""
    operand = relax.const(weights.astype(dtype), dtype)
    shape = (rows, weights.shape[-2])
    return function(lambda _, x: relax.op.matmul(x, operand), shape, dtype=dtype)


def reason(mod, config=MACHINE):
    ((_, why),) = layer_reasons(mod, config)
    return why


def some_values(count):
    """Return a 4 x 8 matrix of `count` non-zero values, and zeros."""
    weights = np.zeros(32)
    weights[:count] = np.arange(1, count + 1)
    weights[count : count + 3] = 1
    return weights.reshape(4, 8)


# Accepted


def test_a_layer_within_all_limits_is_accepted():
    assert reason(layer(some_values(7))) is None


def test_one_input_and_one_output_are_accepted():
    assert reason(layer(np.ones((1, 1)))) is None


def test_signed_zeros_are_no_values():
    weights = np.full((4, 8), -0.0)
    weights[0, :7] = np.arange(1, 8)
    assert reason(layer(weights)) is None


# Left alone


def test_weights_that_are_no_constants():
    mod = function(lambda _, x, w: relax.op.matmul(x, w), (2, 4), (4, 3))
    assert reason(mod) == (
        "its weights are not a constant matrix; export the model with weights as initializers"
    )


def test_weights_of_another_rank():
    assert reason(layer(np.ones((5, 4, 3)))) == (
        "its weights are not a constant matrix; export the model with weights as initializers"
    )


@pytest.mark.parametrize("dtype", ["float64", "float16", "int32"])
def test_another_dtype(dtype):
    assert reason(layer(some_values(7), dtype=dtype)) == (
        f"its operands are {dtype} x {dtype}; the machine takes float32 x float32"
    )


def test_a_dynamic_dimension():
    mod = layer(some_values(7), rows=tvm.tirx.Var("n", "int64"))
    assert reason(mod) == "its result has shape (n, 8); bind every dimension to a number"


def test_one_value_more_than_the_codebook_holds():
    assert reason(layer(some_values(8))) == (
        "it has 8 different weights; the codebook shares 7: compress it with bits=3 or fewer"
    )


def test_one_row_more_than_the_activation_sram_holds():
    assert reason(layer(np.ones((8, 12)))) is None  # 2 + 3 rows of 4
    assert reason(layer(np.ones((8, 13)))) == (
        "its input and output take 6 rows of activation SRAM; a PE has 5: "
        "raise num_pe or act_sram_bytes"
    )


def test_the_first_constraint_that_fails_is_reported():
    mod = layer(np.arange(1, 200).reshape(1, 199), rows=tvm.tirx.Var("n", "int64"))
    assert reason(mod) == "its result has shape (n, 199); bind every dimension to a number"


def test_a_layer_that_a_recipe_keeps_on_the_host():
    mod = with_attributes(layer(some_values(7)), on_host=("fc",))
    assert reason(mod) == "the recipe keeps it on the host"
    assert reason(with_attributes(layer(some_values(7)), on_host=("fc2",))) is None


def test_every_matmul_is_explained():
    def body(builder, x):
        good = builder.emit(relax.op.matmul(x, relax.const(np.ones((4, 4), np.float32))), "good")
        return builder.emit(relax.op.matmul(good, x), "bad")

    found = dict(layer_reasons(function(body, (4, 4)), MACHINE))
    assert list(found) == ["good", "bad"]
    assert found["good"] is None
    assert "not a constant matrix" in found["bad"]


def test_a_module_without_matmul_needs_no_reason():
    assert not list(layer_reasons(function(lambda _, x: relax.op.nn.relu(x), (4, 4)), MACHINE))


def test_every_constraint_says_what_to_quote():
    for constraint in CONSTRAINTS:
        assert constraint.__doc__
        assert not constraint.__doc__.strip().endswith(".")
