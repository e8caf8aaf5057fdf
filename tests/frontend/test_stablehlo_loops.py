"""Loops with a known number of trips become their operations, that many times."""

import pytest

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.transform.layers import dense_layers

pytestmark = pytest.mark.jax
jax = pytest.importorskip("jax", reason="needs the extra `jax`")
from by_jax import assert_as_jax, values  # noqa: E402

jnp, lax = jax.numpy, jax.lax
W, U = values(3, 4) / 2, values(4, 4, seed=1) / 2
X = values(5, 2, 3)


def rnn(x, reverse=False):
    def step(h, one):
        with jax.named_scope("cell"):
            h = jnp.tanh(one @ W + h @ U)
        return h, h

    return lax.scan(step, jnp.zeros((x.shape[1], 4)), x, reverse=reverse)


def test_a_scan_is_one_layer_for_all_steps():
    mod = assert_as_jax(rnn, X)
    assert {one.name: len(one.uses) for one in dense_layers(mod)} == {
        "cell": 5
    }  # as the sum of both products
    assert_as_jax(lambda x: rnn(x, reverse=True), X)


@pytest.mark.parametrize(
    "function",
    [
        lambda x: lax.fori_loop(0, 5, lambda i, y: y + x[i] * i, x[0]),
        lambda x: lax.fori_loop(
            2, 5, lambda i, y: lax.dynamic_update_index_in_dim(y, x[0], i, 0), x
        ),
        lambda x: lax.fori_loop(3, 3, lambda i, y: y + x[i], x[0]),
        lambda x: lax.while_loop(lambda s: s[0] < 20, lambda s: (2 * s[0], s[1] + 1), (1, x))[1],
        lambda x: lax.while_loop(lambda s: s[0] > 0, lambda s: (s[0] - 2, s[1] * s[0]), (5, x))[1],
        lambda x: lax.map(lambda one: one.sum() / one.max(), x),
        lambda x: lax.fori_loop(
            0, 2, lambda i, y: lax.fori_loop(0, 3, lambda j, z: z * x[i + j], y), x[4]
        ),
        lambda x: lax.associative_scan(jnp.add, x),
    ],
)
def test_known_trips(function):
    assert_as_jax(function, X)


@pytest.mark.parametrize(
    ("function", "message"),
    [
        (
            lambda x: lax.while_loop(lambda y: y.sum() < 9, lambda y: y + 1, x),
            "how often it runs depends on data; give it a constant number of steps",
        ),
        (
            lambda x: lax.fori_loop(0, 101, lambda i, y: y + 1, x),
            "loops become more than 100 operations; run fewer steps",
        ),
        (
            lambda x: lax.while_loop(lambda y: True, lambda y: y, x),
            "loops become more than 100 operations; run fewer steps",
        ),
    ],
)
def test_refused(function, message, monkeypatch):
    from eie_backend.frontend import stablehlo_importer

    monkeypatch.setattr(stablehlo_importer, "LARGEST", 100)
    with pytest.raises(ModelError) as caught:
        eie.from_jax(function, X)
    assert str(caught.value).startswith("model: node 'jit(<lambda>)/")
    assert str(caught.value).endswith(message)
