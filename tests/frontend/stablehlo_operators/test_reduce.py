"""Reductions over axes, places of extremes, orders: JAX is the oracle."""

import numpy as np
import pytest

import eie_backend as eie
from eie_backend.errors import ModelError

pytestmark = pytest.mark.jax
jax = pytest.importorskip("jax", reason="needs the extra `jax`")
from by_jax import assert_as_jax, values  # noqa: E402

jnp, lax = jax.numpy, jax.lax
X = values(3, 4, 5)
TIED = np.random.default_rng(0).integers(0, 3, (4, 30)).astype(np.float32)


@pytest.mark.parametrize("axis", [None, 0, (0, 2), -1])
@pytest.mark.parametrize("name", ["sum", "prod", "max", "min", "mean", "var", "std", "any", "all"])
def test_over_axes(name, axis):
    assert_as_jax(lambda x: getattr(jnp, name)(x, axis=axis), X)
    if name not in ("mean", "var", "std"):
        whole = (X * 3).astype(np.int32)
        assert_as_jax(lambda x: getattr(jnp, name)(x, axis=axis, keepdims=True), whole)
        assert_as_jax(lambda x: getattr(jnp, name)(x > 0, axis=axis), X)


def test_other_reductions():
    assert_as_jax(lambda x: jax.nn.logsumexp(x, axis=1), X)
    assert_as_jax(lambda x: (jax.nn.softmax(x), jax.nn.log_softmax(x, axis=0)), X)
    assert_as_jax(lambda x: (jnp.linalg.norm(x, axis=1), jnp.ptp(x), jnp.median(x, axis=0)), X)
    assert_as_jax(lambda x: jax.nn.standardize(x), X)


@pytest.mark.parametrize("start", [0.0, 2.5, -7.0])
@pytest.mark.parametrize("name", ["add", "max", "min", "mul"])
def test_a_start_counts_once(name, start):
    assert_as_jax(lambda x: lax.reduce(x, np.float32(start), getattr(lax, name), [1]), X)
    assert_as_jax(lambda x: lax.reduce(x, start * x[0, 0, 0], getattr(lax, name), [0, 2]), X)


@pytest.mark.parametrize("function", [jnp.argmax, jnp.argmin])
def test_where_the_extreme_is(function):
    assert_as_jax(function, X)
    for x in (X, TIED, TIED.astype(np.int32)):
        for axis in (0, 1, -1):
            assert_as_jax(lambda x, axis=axis: function(x, axis=axis), x)
    assert_as_jax(lambda x: function(x, axis=1, keepdims=True), TIED)


@pytest.mark.parametrize("descending", [False, True])
@pytest.mark.parametrize("axis", [0, 1])
def test_orders(axis, descending):
    for x in (TIED, TIED.astype(np.int32), -TIED):
        assert_as_jax(lambda x: jnp.sort(x, axis, descending=descending), x)
        assert_as_jax(lambda x: jnp.argsort(x, axis, descending=descending), x)


def test_others_in_the_order_of_the_first():
    assert_as_jax(lambda x: lax.sort((x, x[::-1], 2 * x), dimension=1, num_keys=1), TIED)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: lax.reduce(x, np.float32(0), lambda a, b: a - b, [0]),
            "model: stablehlo.reduce of float32 by stablehlo.subtract, it must be by one of ",
        ),
        (
            lambda x: lax.reduce(
                (x, x), (0.0, 0.0), lambda a, b: (a[0] + b[0], a[1] * b[1]), [0]
            ),
            "model: stablehlo.reduce of 2 operands is neither argmax nor argmin; use these",
        ),
        (
            lambda x: lax.sort((x, x[::-1]), num_keys=2),
            "model: stablehlo.sort compares otherwise than by the first operand alone, ",
        ),
        (lambda x: jnp.sort(x > 0), "model: stablehlo.sort of bool, which TVM cannot sort; "),
    ],
)
def test_refused(function, message):
    with pytest.raises(ModelError) as caught:
        eie.from_jax(function, TIED)
    assert str(caught.value).startswith(message)
