"""`generate`: a layer with given densities, seeded."""

from __future__ import annotations

from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from eie_backend.workloads.layer import Layer, LayerShape

CODES = 15
"""Values of the codebook beside zero, as many as 4 bits tell apart."""

LEAST = 1e-9
"""Density below which the codebook no longer changes: it would go on to infinity."""


def generate(shape: LayerShape, seed: int = 0) -> Layer:
    """Return a layer with exactly the numbers of non-zeros that a shape asks for.

    Non-zero weights, and non-zero inputs, lie anywhere with the same probability. The codebook is
    that of Gaussian weights of which the smallest are pruned: its values are the medians of `CODES`
    parts that are equally frequent. Inputs are Gaussian without sign, as behind a ReLU.

    Parameters
    ----------
    shape : LayerShape
    seed : int
        Seed of NumPy's default generator; the same layer for the same seed.

    Returns
    -------
    Layer

    Notes
    -----
    **Source**: design choice; sizes and densities of the EIE paper's layers are in `TABLE_III`.

    Examples
    --------
    >>> layer = generate(LayerShape("small", 8, 4, 0.25, 0.5))
    >>> np.count_nonzero(layer.codes), np.count_nonzero(layer.activations)
    (8, 4)
    """
    rng = np.random.default_rng(seed)
    codes = np.zeros(shape.outputs * shape.inputs, np.uint8)
    places = rng.choice(codes.size, shape.nonzero_weights, replace=False, shuffle=False)
    codes[places] = rng.integers(1, CODES + 1, places.size, np.uint8)
    x = np.zeros(shape.inputs, np.float32)
    active = rng.choice(x.size, shape.nonzero_acts, replace=False, shuffle=False)
    # A Gaussian may round to zero, which would be one non-zero less.
    x[active] = np.maximum(np.abs(rng.standard_normal(active.size)), 2.0**-24)
    return Layer(
        shape.name,
        f"generated, seed {seed}, non-zeros anywhere alike",
        codes.reshape(shape.outputs, shape.inputs),
        pruned_gaussian_codebook(shape.weight_density),
        x,
    )


def pruned_gaussian_codebook(density: float) -> NDArray[np.float32]:
    """Return zero and the medians of equally frequent parts of what pruning leaves of a Gaussian.

    Examples
    --------
    >>> pruned_gaussian_codebook(1.0)[[0, 1, 8, 15]].round(3).tolist()
    [0.0, -1.834, 0.0, 1.834]
    """
    # Of the standard normal's probability, the lower and upper density / 2 stay.
    medians = (np.arange(CODES) + 0.5) / CODES
    probabilities = np.where(medians < 0.5, medians, medians - 1) * max(density, LEAST) % 1
    values = [NormalDist().inv_cdf(float(p)) for p in probabilities]
    return np.array([0.0, *values], np.float32)
