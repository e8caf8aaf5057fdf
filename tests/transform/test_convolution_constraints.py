"""Every constraint of a convolution: accepted at its limit, refused with a whole message."""

import numpy as np
import pytest
import tvm
from tvm import relax

from eie_backend.config import HardwareConfig
from eie_backend.transform.attributes import with_attributes
from eie_backend.transform.constraints import layer_reasons
from eie_backend.transform.convolution_constraints import CONVOLUTION_CONSTRAINTS
from eie_backend.transform.dense_form import DenseForm


def reason(operator, shape, weights, dtype="float32", on_host=(), **options):
    """Return why the convolution `conv` of a module stays on the host."""
    builder = relax.BlockBuilder()
    x = relax.Var("x", relax.TensorType(shape, dtype))
    w = weights if isinstance(weights, relax.Var) else relax.const(weights.astype(dtype), dtype)
    params = [x, w] if isinstance(weights, relax.Var) else [x]
    with builder.function("main", params):
        with builder.dataflow():
            result = builder.emit_output(operator(x, w, **options), "conv")
        builder.emit_func_output(result)
    mod = with_attributes(builder.get(), on_host=on_host)
    ((_, why),) = layer_reasons(DenseForm()(mod), HardwareConfig())
    return why


W = np.ones((4, 3, 3, 3))
CONV = relax.op.nn.conv2d


# Accepted


@pytest.mark.parametrize("rank", [3, 4, 5])
def test_a_plain_convolution(rank):
    operator = getattr(relax.op.nn, f"conv{rank - 2}d")
    assert reason(operator, (1, 2, 5, 5, 5)[:rank], np.ones((4, 2, 3, 3, 3)[:rank])) is None


def test_a_transposed_convolution():
    assert reason(relax.op.nn.conv2d_transpose, (1, 4, 5, 5), W) is None


# Left alone


def test_weights_that_are_no_constants():
    w = relax.Var("w", relax.TensorType((4, 3, 3, 3), "float32"))
    assert reason(CONV, (1, 3, 5, 5), w) == (
        "its weights are not constant; export the model with weights as initializers"
    )


@pytest.mark.parametrize("dtype", ["float16", "float64"])
def test_another_dtype(dtype):
    assert reason(CONV, (1, 3, 5, 5), W, dtype) == (
        f"its operands are {dtype} x {dtype}; the machine takes float32 x float32"
    )


def test_a_packed_layout():
    layouts = {"data_layout": "NCHW4c", "kernel_layout": "OIHW4o4i"}
    assert reason(CONV, (1, 1, 5, 5, 4), np.ones((1, 1, 3, 3, 4, 4)), **layouts) == (
        "its layouts are NCHW4c, OIHW4o4i and NCHW4c; the machine takes one letter per axis, as in "
        "NCHW, OIHW and NCHW"
    )


def test_a_dynamic_dimension():
    n = tvm.tirx.Var("n", "int64")
    assert reason(CONV, (n, 3, 5, 5), W) == (
        "its result has shape (n, 4, 3, 3); bind every dimension to a number"
    )


@pytest.mark.parametrize("operator", [CONV, relax.op.nn.conv2d_transpose])
def test_one_that_a_recipe_keeps_on_the_host(operator):
    weights = np.ones((3, 3, 3, 3))
    assert (
        reason(operator, (1, 3, 5, 5), weights, on_host=("conv",))
        == "the recipe keeps it on the host"
    )
    assert reason(operator, (1, 3, 5, 5), weights, on_host=("fc",)) is None


def test_every_constraint_says_what_to_quote():
    for constraint in CONVOLUTION_CONSTRAINTS:
        assert constraint.__doc__
        assert not constraint.__doc__.strip().endswith(".")
