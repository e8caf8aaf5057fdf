"""Windows of any shape, step, dilation and padding: JAX is the oracle."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import eie_backend as eie
from eie_backend.errors import ModelError

pytestmark = pytest.mark.jax
jax = pytest.importorskip("jax", reason="needs the extra `jax`")
from by_jax import assert_as_jax, values  # noqa: E402

jnp, lax = jax.numpy, jax.lax
X = values(2, 9, 8, 3)
REDUCERS = {"max": (-np.inf, lax.max), "min": (np.inf, lax.min), "add": (0, lax.add), "mul": (1, lax.mul)}


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize("name", REDUCERS)
def test_pooling(name, padding):
    start, reducer = REDUCERS[name]
    start = np.float32(start)
    for size, step in ((3, 2), (2, 2), (3, 1)):
        window, steps = (1, size, size, 1), (1, step, step, 1)
        assert_as_jax(lambda x: lax.reduce_window(x, start, reducer, window, steps, padding), X)


def test_average_pooling_counts_what_is_inside():
    def average(x):
        window, steps = (1, 3, 3, 1), (1, 2, 2, 1)
        sums = lax.reduce_window(x, 0.0, lax.add, window, steps, "SAME")
        return sums / lax.reduce_window(jnp.ones_like(x), 0.0, lax.add, window, steps, "SAME")

    assert_as_jax(average, X)


@pytest.mark.parametrize("axis", [0, 1, 2])
@pytest.mark.parametrize("name", ["cumsum", "cumprod", "cummax", "cummin", "cumlogsumexp"])
def test_running_values(name, axis):
    for reverse in (False, True):
        assert_as_jax(lambda x: getattr(lax, name)(x, axis, reverse), values(3, 4, 5))
    if name != "cumlogsumexp":
        assert_as_jax(lambda x: getattr(lax, name)(x, axis), (values(3, 4, 5) * 3).astype(np.int32))


@settings(max_examples=40, deadline=None, derandomize=True)
@given(st.data())
def test_any_windows(data):
    kind = data.draw(st.sampled_from(["float32", "int32", "bool"]))
    name = data.draw(st.sampled_from([*REDUCERS] if kind != "bool" else ["or", "and"]))
    rank = data.draw(st.integers(1, 4))
    few = st.integers(1, 3 if rank < 4 else 2)
    several = [tuple(data.draw(few) for _ in range(rank)) for _ in range(4)]
    window, steps, between, apart = several
    pads = [tuple(data.draw(st.integers(-1, 3)) for _ in range(2)) for _ in range(rank)]
    x = (values(*[6, 4, 5, 4][:rank]) * 3).astype(kind)
    if kind == "bool":
        start, reducer = (False, lax.bitwise_or) if name == "or" else (True, lax.bitwise_and)
    else:
        start, reducer = REDUCERS[name]
        if kind == "int32" and name in ("max", "min"):
            limits = np.iinfo(kind)
            start = limits.min if name == "max" else limits.max
    start = np.asarray(start, kind)[()]
    function = lambda x: lax.reduce_window(x, start, reducer, window, steps, pads, between, apart)  # noqa: E731
    if 0 in jax.eval_shape(function, x).shape:
        return
    assert_as_jax(function, x, rtol=1e-4)


def test_a_start_counts_once():
    for name in ("max", "add"):
        window = (1, 2, 2, 1)
        assert_as_jax(
            lambda x: lax.reduce_window(x, np.float32(0.5), REDUCERS[name][1], window, window, "VALID"), X
        )


def test_refused():
    with pytest.raises(ModelError, match=r"has windows of \[200\], allowed are 128 values"):
        eie.from_jax(lambda x: lax.reduce_window(x, 0, lax.add, (200,), (1,), "SAME"), np.arange(400))
