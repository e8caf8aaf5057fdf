"""`scan_edges`: the edges that the scan spends on more than broadcasts."""

from __future__ import annotations

import math


def scan_edges(inputs: int, active: int, num_pe: int) -> tuple[float, float]:
    """Return the expected edges lost at the ends of rows of activations.

    A row whose last place is zero costs one edge more than its non-zeros. Only rows that begin
    before the last non-zero do, and those that end before the first delay the start.

    Parameters
    ----------
    inputs, active : int
        Places of the scan, and how many of them, anywhere alike, are not zero; at least one.
    num_pe : int
        Places in a row.

    Returns
    -------
    tuple of float
        Edges before the first broadcast, and edges before the last.
    """
    rows = -(-inputs // num_pe)
    zeros = 1 - active / inputs
    # Rows that end before all of `active` places: a sum of (1 - rows / all)**active.
    outside = min(1 / math.expm1(min((active + 1) * num_pe / inputs, 700.0)), rows - 1)
    return outside, (rows - 1 - outside) * zeros
