"""Values in other places: JAX is the oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from eie_backend.errors import ModelError

pytestmark = pytest.mark.jax
jax = pytest.importorskip("jax", reason="needs the extra `jax`")
from by_jax import assert_as_jax, values  # noqa: E402

import eie_backend as eie  # noqa: E402

jnp, lax = jax.numpy, jax.lax
X = values(3, 4, 5)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: (x[:, ::-1], jnp.flip(x), x[::-2, 1:3]),
        lambda x: jnp.concatenate([x, 2 * x, x[:, :1]], axis=1),
        lambda x: jnp.stack([x, -x], axis=2),
        lambda x: jnp.arange(20.0, dtype=np.float32).reshape(4, 5) * x,
        lambda x: x + lax.broadcasted_iota(np.float32, (3, 4, 5), 1),
        lambda x: lax.broadcasted_iota(np.int32, (70, 80), 1) + x[0, 0, 0].astype(np.int32),
        lambda x: [jnp.pad(x, ((1, 2), (0, 0), (0, 3)), mode) for mode in ("edge", "reflect")],
        lambda x: jnp.pad(x, 1, constant_values=2.5),
        lambda x: jnp.pad(x > 0, 1),
        lambda x: jnp.tril(x) + jnp.eye(4, 5, dtype=np.float32),
        lambda x: jnp.roll(x, 2, axis=1),
    ],
)
def test_values_move(function):
    assert_as_jax(function, X)


padding = st.tuples(st.integers(-2, 3), st.integers(-2, 3), st.integers(0, 2))


@settings(max_examples=25, deadline=None, derandomize=True)
@given(st.tuples(st.integers(4, 5), st.integers(4, 6)), padding, padding)
def test_padding_on_the_edges_inside_and_negative(shape, rows, columns):
    assert_as_jax(lambda x: lax.pad(x, np.float32(1.5), (rows, columns)), values(*shape))


def test_a_padding_value_of_data():
    with pytest.raises(ModelError, match="its padding value depends on data; make it a constant"):
        eie.from_jax(lambda x: lax.pad(x, x[0, 0], ((1, 0, 0), (0, 0, 0))), X[0])


@pytest.mark.parametrize("start", [-9, -1, 0, 2, 3, 99])
def test_slices_that_start_where_data_say(start):
    at = np.array(start, np.int32)
    assert_as_jax(lambda x, at: lax.dynamic_slice(x, (at, 1, at), (2, 4, 3)), X, at)
    assert_as_jax(lambda x, at: lax.dynamic_slice(x, (at, 1, at), (2, 2, 3)), X, at)
    assert_as_jax(lambda x, at: x[at], X, at)
    assert_as_jax(lambda x, at: lax.dynamic_update_slice(x, -x[:2, :, 1:3], (at, 0, at)), X, at)


@pytest.mark.parametrize("start", [-9, 0, 1, 2, 99])
def test_slices_that_start_at_constants(start):
    assert_as_jax(lambda x: lax.dynamic_slice(x, (start, 1, start), (2, 2, 3)), X)
    assert_as_jax(lambda x: lax.dynamic_update_slice(x, -x[:2, :, 1:3], (start, 0, start)), X)
    assert_as_jax(lambda x: lax.dynamic_update_slice(x, -x, (start, 0, start)), X)
