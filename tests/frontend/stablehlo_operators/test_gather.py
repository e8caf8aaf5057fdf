"""Slices at places that data say, also at those outside: JAX is the oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from on_llvm import on_llvm

import eie_backend as eie

pytestmark = pytest.mark.jax
jax = pytest.importorskip("jax", reason="needs the extra `jax`")
from by_jax import assert_as_jax, values  # noqa: E402

jnp, lax = jax.numpy, jax.lax
X = values(3, 4, 5)
IDS = np.array([[2, 0], [1, -1], [99, -99]], np.int32)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("mode", ["fill", "clip", "wrap"])
def test_take(axis, mode):
    assert_as_jax(lambda x, ids: jnp.take(x, ids, axis=axis, mode=mode), X, IDS)


@pytest.mark.parametrize(
    "read",
    [
        lambda x, i: x[i],
        lambda x, i: x[:, i],
        lambda x, i: x[i, i],
        lambda x, i: x[i[:, 0], :, i[:, 1]],
        lambda x, i: x[i, 1],
        lambda x, i: x[:, i[0], i[1]],
        lambda x, i: x[i, 1:3, i],
        lambda x, i: x[jnp.array([0, 2]), :, jnp.array([1, -1])] + i[0, 0],
        lambda x, i: x[i.astype("uint8"), i.astype("int8")],
        lambda x, i: jnp.take_along_axis(x, i.reshape(3, 2, 1), axis=1),
        lambda x, i: jnp.take_along_axis(x[:, :2, 0], i, axis=1),
        jax.vmap(lambda row, at: row[at]),
        jax.vmap(lambda row, at: lax.dynamic_slice(row, at, (2, 3))),
        lambda x, i: jax.vmap(lambda at: lax.dynamic_slice_in_dim(x, at, 2, 1))(i[:, 0]),
    ],
)
def test_indices(read):
    assert_as_jax(read, X, IDS)


@settings(max_examples=20, deadline=None, derandomize=True)
@given(st.data())
def test_any_dimension_numbers(data):
    shape = data.draw(st.lists(st.integers(1, 4), min_size=1, max_size=3))
    axes = range(len(shape))
    mapped = data.draw(st.lists(st.sampled_from(axes), unique=True))
    sizes = [data.draw(st.integers(1, extent)) for extent in shape]
    thin = [axis for axis in axes if sizes[axis] == 1]
    collapsed = data.draw(st.lists(st.sampled_from(thin), unique=True)) if thin else []
    batch = data.draw(st.lists(st.integers(1, 3), max_size=2))
    kept = len(shape) - len(collapsed)
    order = data.draw(st.permutations(range(len(batch) + kept)))
    numbers = lax.GatherDimensionNumbers(
        offset_dims=tuple(sorted(order[:kept])),
        collapsed_slice_dims=tuple(sorted(collapsed)),
        start_index_map=tuple(mapped),
    )
    ids = np.random.default_rng(3).integers(-2, 6, (*batch, len(mapped))).astype(np.int32)
    assert_as_jax(
        lambda x, ids: lax.gather(x, ids, numbers, sizes, mode="clip"), values(*shape), ids
    )
    assert_as_jax(lambda x: lax.gather(x, ids, numbers, sizes, mode="clip"), values(*shape))


def test_batches_of_both():
    numbers = lax.GatherDimensionNumbers(
        offset_dims=(2,),
        collapsed_slice_dims=(0,),
        start_index_map=(0,),
        operand_batching_dims=(1,),
        start_indices_batching_dims=(1,),
    )
    ids = np.random.default_rng(0).integers(-1, 4, (2, 4, 1)).astype(np.int32)
    assert_as_jax(lambda x, ids: lax.gather(x, ids, numbers, (1, 1, 5), mode="clip"), X, ids)


def test_index_vectors_in_front():
    text = """func.func @main(%x: tensor<3x4x5xf32>, %i: tensor<1x4x2xi32>) -> tensor<4x2x5xf32> {
      %0 = "stablehlo.gather"(%x, %i) <{
        dimension_numbers = #stablehlo.gather<
          offset_dims = [2], collapsed_slice_dims = [0], operand_batching_dims = [1],
          start_indices_batching_dims = [1], start_index_map = [0], index_vector_dim = 0>,
        slice_sizes = array<i64: 1, 1, 5>
      }> : (tensor<3x4x5xf32>, tensor<1x4x2xi32>) -> tensor<4x2x5xf32>
      return %0 : tensor<4x2x5xf32>
    }"""
    ids = np.random.default_rng(0).integers(-1, 4, (1, 4, 2)).astype(np.int32)
    (found,) = on_llvm(eie.from_stablehlo(text), X, ids)
    rows = np.clip(ids[0], 0, 2)
    np.testing.assert_array_equal(found, X[rows, np.arange(4)[:, None]])
