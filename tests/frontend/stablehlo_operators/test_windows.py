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
REDUCERS = {
    "max": (-np.inf, lax.max),
    "min": (np.inf, lax.min),
    "add": (0, lax.add),
    "mul": (1, lax.mul),
}


@pytest.mark.parametrize("padding", ["VALID", "SAME"])
@pytest.mark.parametrize("size", [2, 3])
def test_pooling(size, padding):
    window, steps = (1, size, size, 1), (1, 2, 2, 1)

    def each(x):
        return [
            lax.reduce_window(x, np.float32(start), reducer, window, steps, padding)
            for start, reducer in REDUCERS.values()
        ]

    assert_as_jax(each, X)


def test_average_pooling_counts_what_is_inside():
    def average(x):
        window, steps = (1, 3, 3, 1), (1, 2, 2, 1)
        sums = lax.reduce_window(x, 0.0, lax.add, window, steps, "SAME")
        return sums / lax.reduce_window(jnp.ones_like(x), 0.0, lax.add, window, steps, "SAME")

    assert_as_jax(average, X)


def test_running_values():
    def each(x):
        scans = lax.cumsum, lax.cumprod, lax.cummax, lax.cummin
        return [scan(x, axis, back) for scan in scans for axis in (0, 2) for back in (False, True)]

    assert_as_jax(each, values(3, 4, 5))
    assert_as_jax(lambda x: each(x)[::2], (values(3, 4, 5) * 3).astype(np.int32))


@settings(max_examples=25, deadline=None, derandomize=True)
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

    def reduced(x):
        return lax.reduce_window(x, start, reducer, window, steps, pads, between, apart)

    shape = jax.eval_shape(reduced, x).shape
    # TVM's lowest float is the finite one: of a window in the padding alone.
    if 0 not in shape and np.all(np.isfinite(reduced(x))):
        assert_as_jax(reduced, x, rtol=1e-4)


def test_a_start_counts_once():
    window = (1, 2, 2, 1)

    def each(x):
        reducers = lax.add, lax.max, lax.min, lax.mul
        return [
            lax.reduce_window(x, np.float32(0.5), one, window, window, "VALID") for one in reducers
        ]

    assert_as_jax(each, X)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: lax.reduce_window(x, 1.0, lax.mul, (200,), (1,), "SAME"),
            "by stablehlo.multiply are [200], allowed are 128 values; use smaller ones",
        ),
        (
            lambda x: lax.reduce_window(
                (x, x), (0.0, 0.0), lambda a, b: (a[0] + b[0], a[1] + b[1]), (2,), (1,), "VALID"
            ),
            "it has 2 operands, it must have 1; reduce each alone",
        ),
    ],
)
def test_refused(function, message):
    with pytest.raises(ModelError) as caught:
        eie.from_jax(function, values(400))
    assert str(caught.value).startswith("model: node 'jit(<lambda>)/")
    assert message in str(caught.value)
