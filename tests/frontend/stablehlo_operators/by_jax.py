"""What JAX computes: the reference of our converters."""

import jax
import numpy as np
from on_llvm import on_llvm

import eie_backend as eie


def values(*shape, seed=0):
    """Return numbers around 0."""
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def assert_as_jax(function, *inputs, rtol=1e-5, atol=1e-5):
    """Compare all results, with their dtypes; return the module."""
    mod = eie.from_jax(function, *inputs, verify=False)
    wanted = [np.asarray(one) for one in jax.tree.leaves(jax.jit(function)(*inputs))]
    found = on_llvm(mod, *inputs)
    assert [(x.shape, x.dtype) for x in found] == [(x.shape, x.dtype) for x in wanted]
    for value, reference in zip(found, wanted, strict=True):
        np.testing.assert_allclose(value, reference, rtol, atol)
    return mod
