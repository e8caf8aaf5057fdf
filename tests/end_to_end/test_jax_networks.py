"""Networks as they are written in JAX: their layers run on the machine."""

import numpy as np
import pytest
from on_llvm import on_llvm

import eie_backend as eie

pytestmark = pytest.mark.jax
jax = pytest.importorskip("jax", reason="needs the extra `jax`")
jnp, lax = jax.numpy, jax.lax
RNG = np.random.default_rng(0)


def weights(*shape):
    return (RNG.normal(size=shape) / np.sqrt(np.prod(shape[:-1]))).astype(np.float32)


CONV1, CONV2, FC = weights(5, 5, 1, 6), weights(3, 3, 6, 8), weights(8 * 7 * 7, 10)
SCALE, SHIFT, MEAN, VARIANCE = (np.abs(weights(6)) + 0.5 for _ in range(4))
TABLE, HIDDEN, LAST = weights(50, 16), weights(16, 12), weights(12, 3)
CELL_X, CELL_H, CELL_B = weights(5, 8), weights(8, 8), weights(8)


def cnn(x):
    """Return what flax would export: NHWC, running statistics, pooling by windows."""
    axes = ("NHWC", "HWIO", "NHWC")
    with jax.named_scope("conv1"):
        x = lax.conv_general_dilated(x, CONV1, (1, 1), "SAME", dimension_numbers=axes)
    x = (x - MEAN) * (lax.rsqrt(VARIANCE + 1e-5) * SCALE) + SHIFT
    x = jax.nn.relu(x)
    x = lax.reduce_window(x, -jnp.inf, lax.max, (1, 2, 2, 1), (1, 2, 2, 1), "VALID")
    with jax.named_scope("conv2"):
        x = lax.conv_general_dilated(x, CONV2, (2, 2), "SAME", dimension_numbers=axes)
    x = jax.nn.relu(x)
    x = lax.reduce_window(x, 0.0, lax.add, (1, 3, 3, 1), (1, 1, 1, 1), "SAME") / 9
    with jax.named_scope("fc"):
        return jax.nn.log_softmax(x.reshape(x.shape[0], -1) @ FC)


def classifier(tokens):
    """Return scores of the mean of the tokens that are no padding, and the best class."""
    h = jnp.take(TABLE, tokens, axis=0)
    real = (tokens != 0)[..., None]
    h = jnp.sum(jnp.where(real, h, 0), axis=1) / jnp.maximum(jnp.sum(real, axis=1), 1)
    with jax.named_scope("hidden"):
        h = jax.nn.gelu(h @ HIDDEN)
    with jax.named_scope("last"):
        scores = h @ LAST
    return scores, jnp.argmax(scores, axis=-1)


def rnn(x):
    """Return the last state of a recurrent network."""

    def step(h, one):
        with jax.named_scope("cell"):
            return jnp.tanh(one @ CELL_X + h @ CELL_H + CELL_B), None

    return lax.scan(step, jnp.zeros((x.shape[0], 8)), x.swapaxes(0, 1))[0]


NETWORKS = {
    "cnn": (cnn, RNG.normal(size=(1, 28, 28, 1)).astype(np.float32), {"conv1", "conv2", "fc"}),
    "classifier": (classifier, RNG.integers(0, 50, (2, 7)).astype(np.int32), {"hidden", "last"}),
    "rnn": (rnn, RNG.normal(size=(2, 6, 5)).astype(np.float32), {"cell"}),
}


@pytest.mark.parametrize("name", NETWORKS)
def test_its_layers_run_on_the_machine(name):
    network, x, layers = NETWORKS[name]
    imported = eie.from_jax(network, x)
    for one, other in zip(on_llvm(imported, x), jax.tree.leaves(jax.jit(network)(x)), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
    mod = eie.compress(imported)
    placed = eie.explain(mod)
    assert {one.layer for one in placed if one.runs_on == "machine"} == layers
    assert not [one for one in placed if one.is_layer and one.runs_on == "host"]
    report = eie.profile(eie.compile(mod, arithmetic="float32", strict=True), x)
    assert {layer.name for layer in report.layers} == layers
    found = report.outputs if isinstance(report.outputs, list | tuple) else [report.outputs]
    for one, other in zip(found, on_llvm(mod, x), strict=True):
        np.testing.assert_allclose(one, other, rtol=1e-4, atol=1e-4)
