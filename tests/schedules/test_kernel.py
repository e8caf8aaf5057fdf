"""The unscheduled kernel is the layer, on TVM's LLVM backend."""

import numpy as np
import pytest
import tvm

from eie_backend.epilogues import BY_NAME, NONE
from eie_backend.machine.epilogue import Applied
from eie_backend.schedules.kernel import DenseShape, dense_kernel

RELU = Applied(BY_NAME["relu"])
CLIP = Applied(BY_NAME["clip"], 6.0)
LEAKY = Applied(BY_NAME["leaky_relu"], 0.25)
ENDINGS = [NONE, RELU, CLIP, LEAKY]


def evaluate(kernel, *arrays):
    """Run a kernel on LLVM; the last parameter is its result."""
    built = tvm.compile(kernel, target="llvm")
    shape = tuple(int(extent) for extent in kernel.params[-1].shape)
    result = tvm.runtime.tensor(np.full(shape, np.nan, np.float32))
    built(*map(tvm.runtime.tensor, arrays), result)
    return result.numpy()


def operands(shape, seed=0):
    """Return x, w and b of small integers, whose sums are exact in any order."""
    rng = np.random.default_rng(seed)
    sizes = [(shape.batch, shape.inputs), (shape.inputs, shape.outputs), (shape.outputs,)]
    arrays = [rng.integers(-9, 10, size).astype(np.float32) for size in sizes]
    return arrays if shape.has_bias else arrays[:2]


@pytest.mark.sampled(2)
@pytest.mark.parametrize("has_bias", [False, True], ids=["", "bias"])
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda one: one.epilogue.name)
@pytest.mark.parametrize("sizes", [(1, 1, 1), (1, 7, 5), (3, 1, 4), (2, 4, 1), (3, 5, 6)])
def test_equals_numpy(sizes, has_bias, ending):
    shape = DenseShape(*sizes, has_bias, ending)
    arrays = operands(shape)
    x, w, *bias = arrays
    expected = x @ w + (bias[0] if bias else 0)
    if ending != NONE:
        expected = {
            "relu": np.maximum(expected, 0),
            "clip": np.clip(expected, 0, 6),
            "leaky_relu": np.where(expected < 0, expected * np.float32(0.25), expected),
        }[ending.epilogue.name]
    np.testing.assert_array_equal(evaluate(dense_kernel("k", shape), *arrays), expected)


def test_the_name_is_the_symbol():
    kernel = dense_kernel("fc1_kernel", DenseShape(1, 2, 3, True))
    assert kernel.attrs["global_symbol"] == "fc1_kernel"


def test_one_tile_is_the_default():
    shape = DenseShape(2, 3, 4, True, RELU)
    explicit = dense_kernel("k", shape, [((0, 3), [(0, 4)])])
    tvm.ir.assert_structural_equal(dense_kernel("k", shape), explicit)


def test_the_registers_hold_the_largest_block():
    tiles = [(rows, [(0, 3)]) for rows in ((0, 2), (2, 6), (6, 7))]
    kernel = dense_kernel("k", DenseShape(1, 7, 3, False), tiles)
    (acc,) = kernel.body.block.alloc_buffers
    assert [int(extent) for extent in acc.shape] == [4]


def test_a_kernel_reads_as_the_layer():
    text = dense_kernel("k", DenseShape(2, 3, 4, True, RELU)).script()
    assert "acc[vi] = acc[vi] + w[vj, vi] * x[vs, vj]" in text
    assert "y[vs, vi] = T.max(acc[vi], T.float32(0.0))" in text
