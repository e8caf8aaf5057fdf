"""`scan_edges`: the edges of the scan without a broadcast."""

from __future__ import annotations

import math


def scan_edges(inputs: int, active: int, num_pe: int) -> tuple[float, float]:
    """Return the expected edges lost at the ends of rows of activations.

    A row whose last position is zero costs one edge more than its non-zeros. This holds only for
    rows that begin before the last non-zero; rows that end before the first one delay the start.

    Parameters
    ----------
    inputs, active : int
        Positions of the scan, and the number of (uniformly distributed) non-zeros, at least one.
    num_pe : int
        Positions in a row.

    Returns
    -------
    tuple of float
        Edges before the first broadcast, and edges before the last.
    """
    rows = -(-inputs // num_pe)
    zeros = 1 - active / inputs
    # Expected rows before the first of `active` non-zeros: a sum of (1 - rows / all)**active.
    outside = min(1 / math.expm1(min((active + 1) * num_pe / inputs, 700.0)), rows - 1)
    return outside, (rows - 1 - outside) * zeros
