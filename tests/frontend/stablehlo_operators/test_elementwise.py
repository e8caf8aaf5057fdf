"""Operations on each value: JAX is the oracle."""

import numpy as np
import pytest

pytestmark = pytest.mark.jax
jax = pytest.importorskip("jax", reason="needs the extra `jax`")
from by_jax import assert_as_jax  # noqa: E402

jnp, lax = jax.numpy, jax.lax

X = np.array([-3.5, -2.5, -1.5, -0.5, -1e-4, 0, 1e-5, 0.5, 1.5, 2.5, 40.25], np.float32)
UNIT = np.linspace(-0.9, 0.9, 8, dtype=np.float32)
I = np.array([-7, 7, -7, 7, 0, 100], np.int32)  # noqa: E741
J = np.array([2, 2, -2, -2, 5, 7], np.int32)


@pytest.mark.parametrize(
    "function",
    [
        jnp.sign,
        jnp.round,
        lambda x: lax.round(x, lax.RoundingMethod.AWAY_FROM_ZERO),
        jnp.square,
        jnp.sinh,
        jnp.cosh,
        jnp.tan,
        jnp.arctan,
        jnp.arcsinh,
        jnp.cbrt,
        jax.nn.softplus,
        jax.nn.elu,
        jax.nn.hard_swish,
        jax.nn.mish,
        lambda x: jnp.arctan2(x, 2 - x),
        lambda x: jnp.where(jnp.isfinite(x / x), x, 7),
        lambda x: (x % 2, jnp.fmod(x, 2), x // 2),
        lambda x: (x > 0) & ~(x > 1) | (x < -2) ^ (x > 2),
        lambda x: lax.clamp(-1.0, x, 2.0),
        lambda x: lax.optimization_barrier((x, x + 1)),
        lambda x: jnp.isnan(jnp.sqrt(x)),
    ],
)
def test_of_numbers(function):
    assert_as_jax(function, X)


@pytest.mark.parametrize("function", [jnp.arcsin, jnp.arccos, jnp.arctanh, lax.erf, lax.erfc])
def test_of_numbers_between_ones(function):
    assert_as_jax(function, UNIT)


def test_arccosh():
    assert_as_jax(jnp.arccosh, np.linspace(1.1, 9, 5, dtype=np.float32))


@pytest.mark.parametrize("function", [jnp.expm1, jnp.log1p])
def test_near_zero_no_digits_are_lost(function):
    x = np.concatenate(
        [10.0 ** np.arange(-20, 0), -(10.0 ** np.arange(-20, 0)), [0, -1, 0.4, 0.6, 5, 80, np.inf]]
    ).astype(np.float32)
    assert_as_jax(function, x, rtol=2e-6, atol=0)


def test_of_integers():
    assert_as_jax(lambda a, b: (a // b, a % b, lax.rem(a, b), lax.div(a, b)), I, J)
    assert_as_jax(lambda a, b: (a & b, a | b, a ^ b, ~a, jnp.sign(a)), I, J)
    assert_as_jax(lambda a: (jnp.abs(a), a.astype(np.float32), a.astype(bool), a.astype("int8")), I)


@pytest.mark.parametrize("kind", ["int32", "uint32", "int8", "uint8"])
def test_shifts(kind):
    value = np.array([-100, 100, 5, -1, 77, 3]).astype(kind)
    places = np.array([1, 3, 31, 40, 0, 7]).astype(kind)
    for shift in (lax.shift_left, lax.shift_right_logical, lax.shift_right_arithmetic):
        assert_as_jax(shift, value, places)


def test_of_constants():
    def function(x):
        one, other = (lax.iota(np.int32, 6) * lax.full((6,), n, np.int32) for n in (3, 2))
        which = lax.bitwise_or(lax.lt(one, other), lax.eq(lax.iota(np.int32, 6), 4))
        found = [
            lax.sub(lax.neg(one), lax.add(other, one)),
            lax.bitwise_and(one, lax.bitwise_xor(other, lax.bitwise_not(one))),
            lax.select(lax.bitwise_not(which), one, other),
            lax.max(lax.full_like(one, 4), one) - lax.min(other, lax.full_like(one, 5)),
            lax.clamp(2, one, 7),
            lax.convert_element_type(lax.ge(one, other), np.int8),
            lax.reshape(lax.broadcast_in_dim(one, (2, 6, 2), (1,)), (4, 6)),
        ]
        return x, [x[: one.size] * one for one in (y.ravel() for y in found)]

    mod = assert_as_jax(function, np.arange(24, dtype=np.int32) + 1)
    operators = {str(b.value.op.name) for b in mod["main"].body.blocks[0].bindings[:-1]}
    assert operators <= {"relax.multiply", "relax.strided_slice"}, "these were constants"
