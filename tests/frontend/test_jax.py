"""JAX functions arrive with their values, and with the names of their scopes."""

import numpy as np
import pytest
from on_llvm import on_llvm

import eie_backend as eie
from eie_backend.errors import ModelError
from eie_backend.transform.layers import dense_layers

pytestmark = pytest.mark.jax
jax = pytest.importorskip("jax", reason="needs the extra `jax`")
jnp = jax.numpy

RNG = np.random.default_rng(0)
W1 = RNG.normal(size=(6, 4)).astype(np.float32)
W2 = RNG.normal(size=(4, 4)).astype(np.float32)
B = RNG.normal(size=4).astype(np.float32)


def mlp(x):
    with jax.named_scope("encoder"):
        with jax.named_scope("fc1"):
            h = jax.nn.relu(x @ W1 + B)
    with jax.named_scope("fc2"):
        return h @ W2


def lstm(x):
    h = c = jnp.zeros((x.shape[0], 1))
    weights = (W1[:3], W2[:1])
    for step in range(x.shape[1]):
        with jax.named_scope("cell"):
            gates = x[:, step] @ weights[0] + h @ weights[1] + B
        i, f, g, o = jnp.split(gates, 4, axis=1)
        c = jax.nn.sigmoid(f) * c + jax.nn.sigmoid(i) * jnp.tanh(g)
        h = jax.nn.sigmoid(o) * jnp.tanh(c)
    return h, c


def attention(x):
    q, k, v = (jnp.einsum("btd,de->bte", x, w) for w in (W2, W2 + 1, W2 - 1))
    scores = jnp.einsum("bqd,bkd->bqk", q, k) / 2
    return jnp.einsum("bqk,bkd->bqd", jax.nn.softmax(scores), v)


def others(x):
    h = jax.nn.gelu(x @ W1, approximate=False)
    y = jnp.where(h > 0.1, jnp.exp(-h), jnp.clip(h, -0.5, 0.5))
    return jnp.concatenate([y.T, y.T], axis=0), y.min(axis=1), jnp.sqrt(jnp.abs(y)) ** 1.5


FUNCTIONS = {
    "mlp": (mlp, (2, 6), {"encoder_fc1": 1, "fc2": 1}),
    "vector": (mlp, (6,), {"encoder_fc1": 1, "fc2": 1}),
    "batched": (mlp, (3, 2, 6), {"encoder_fc1": 1, "fc2": 1}),
    "left": (lambda x: W1.T @ x, (6, 3), {"dot_general": 1}),
    "lstm": (lstm, (2, 3, 3), {"cell": 3}),
    "attention": (attention, (2, 3, 4), None),
    "others": (others, (2, 6), {"dot_general": 1}),
}


@pytest.mark.parametrize("name", FUNCTIONS)
def test_values_and_names(name):
    function, shape, layers = FUNCTIONS[name]
    x = RNG.normal(size=shape).astype(np.float32)
    mod = eie.from_jax(function, x)
    found = {one.name: len(one.uses) for one in dense_layers(mod)}
    assert found == layers or (layers is None and len(found) == 3)
    theirs = function(x) if isinstance(function(x), tuple) else [function(x)]
    for value, reference in zip(on_llvm(mod, x), theirs, strict=True):
        np.testing.assert_allclose(value, reference, rtol=1e-5, atol=1e-5)


def test_a_recipe_may_name_scopes():
    mod = eie.from_jax(mlp, RNG.normal(size=(2, 6)).astype(np.float32))
    assert [(one.name, one.aliases) for one in dense_layers(mod)] == [
        ("encoder_fc1", ("encoder/fc1",)),
        ("fc2", ()),
    ]
    for called in ("encoder/fc1", "encoder/*", "encoder_fc1"):
        first, second = dense_layers(eie.compress(mod, eie.Recipe(density={called: 0.25})))
        assert np.count_nonzero(first.weights) == first.weights.size // 4
        assert np.count_nonzero(second.weights) == second.weights.size


def test_a_function_runs_on_the_machine():
    x = RNG.normal(size=(2, 6)).astype(np.float32)
    mod = eie.compress(eie.from_jax(mlp, jax.ShapeDtypeStruct(x.shape, x.dtype)))
    report = eie.profile(eie.compile(mod, arithmetic="float32"), x)
    np.testing.assert_allclose(report.outputs, on_llvm(mod, x), rtol=1e-5, atol=1e-5)
    assert [layer.name for layer in report.layers] == ["encoder_fc1", "fc2"]
    assert all(layer.cycles_per_sample > 0 for layer in report.layers)


def test_the_hash_does_not_depend_on_where_the_code_stands():
    def same(x):
        return mlp(x)

    hashes = {str(eie.from_jax(f, W1.T).attrs["eie.model_sha256"]) for f in (same, same)}
    assert len(hashes) == 1


def test_a_function_that_cannot_be_traced():
    with pytest.raises(ModelError, match=r"^model: JAX cannot trace the function: ") as caught:
        eie.from_jax(lambda x: x @ W1, np.zeros((2, 5), np.float32))
    assert "\n" not in str(caught.value)
