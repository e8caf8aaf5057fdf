"""`generated`: inputs of a network of which nobody has given any."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.transform.inputs import InputSpec

SEED = 22


def generated(specs: Sequence[InputSpec], extents: Mapping[str, int]) -> list[NDArray[Any]]:
    """Return an array for each input: floats around 0, integers that count, truth values.

    Parameters
    ----------
    specs : sequence of InputSpec
        The inputs.
    extents : mapping of str to int
        How many values an integer input may have, counted from 0, by name; otherwise 2.
    """
    rng = np.random.default_rng(SEED)
    return [_values(rng, spec, extents.get(spec.name, 2)) for spec in specs]


def _values(rng: np.random.Generator, spec: InputSpec, extent: int) -> NDArray[Any]:
    dtype = np.dtype(spec.dtype)
    if np.issubdtype(dtype, np.floating):
        return rng.normal(size=spec.shape).astype(dtype)
    return rng.integers(0, extent if np.issubdtype(dtype, np.integer) else 2, spec.shape).astype(
        dtype
    )
