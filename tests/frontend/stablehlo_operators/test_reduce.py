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
def test_over_axes(axis):
    whole = ("sum", "prod", "max", "min", "any", "all")

    def each(x):
        found = [getattr(jnp, name)(x, axis=axis) for name in ("mean", "var", "std")]
        for given in (x, (x * 3).astype(np.int32), x > 0):
            found += [getattr(jnp, name)(given, axis=axis, keepdims=True) for name in whole]
        return found

    assert_as_jax(each, X)


def test_other_reductions():
    assert_as_jax(lambda x: jax.nn.logsumexp(x, axis=1), X)
    assert_as_jax(lambda x: (jax.nn.softmax(x), jax.nn.log_softmax(x, axis=0)), X)
    assert_as_jax(lambda x: (jnp.linalg.norm(x, axis=1), jnp.ptp(x), jnp.median(x, axis=0)), X)
    assert_as_jax(jax.nn.standardize, X)


@pytest.mark.parametrize("start", [0.0, 2.5, -7.0])
def test_a_start_counts_once(start):
    reducers = lax.add, lax.max, lax.min, lax.mul
    assert_as_jax(lambda x: [lax.reduce(x, np.float32(start), one, [1]) for one in reducers], X)
    assert_as_jax(lambda x: [lax.reduce(x, start * x[0, 0, 0], one, [0]) for one in reducers], X)


@pytest.mark.parametrize("function", [jnp.argmax, jnp.argmin])
def test_where_the_extreme_is(function):
    for x in (X, TIED, TIED.astype(np.int32)):
        assert_as_jax(lambda x: [function(x, axis=axis) for axis in (None, 0, 1, -1)], x)
    assert_as_jax(lambda x: function(x, axis=1, keepdims=True), TIED)


@pytest.mark.parametrize("descending", [False, True])
def test_orders(descending):
    def each(x):
        sorts = jnp.sort, jnp.argsort
        return [sort(x, axis, descending=descending) for axis in (0, 1) for sort in sorts]

    assert_as_jax(each, TIED)
    assert_as_jax(each, TIED.astype(np.int32))


def test_others_in_the_order_of_the_first():
    assert_as_jax(lambda x: lax.sort((x, x[::-1], 2 * x), dimension=1, num_keys=1), TIED)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: lax.reduce(x, np.float32(0), lambda a, b: a - b, [0]),
            "(stablehlo.reduce): it reduces float32 by stablehlo.subtract, it must be by one of ",
        ),
        (
            lambda x: lax.reduce((x, x), (0.0, 0.0), lambda a, b: (a[0] + b[0], a[1] * b[1]), [0]),
            "(stablehlo.reduce): its 2 operands make neither argmax nor argmin; use these",
        ),
        (
            lambda x: lax.sort((x, x[::-1]), num_keys=2),
            "(stablehlo.sort): it compares otherwise than by the first operand alone, ",
        ),
        (
            lambda x: lax.sort([x] * 6, num_keys=1),
            "(stablehlo.sort): it sorts 5 others with the first, it may sort 4; use argsort",
        ),
        (lambda x: jnp.sort(x > 0), "(stablehlo.sort): it sorts bool, which TVM cannot sort; "),
    ],
)
def test_refused(function, message):
    with pytest.raises(ModelError) as caught:
        eie.from_jax(function, TIED)
    assert str(caught.value).startswith("model: node '")
    assert message in str(caught.value)
