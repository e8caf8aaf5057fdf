"""`Structure`: the unevenness of a layer's non-zeros, and its measurement on a real layer."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from statistics import NormalDist

import numpy as np
from numpy.typing import NDArray

from eie_backend.errors import InputError
from eie_backend.machine.choices import StructureName
from eie_backend.workloads.layer import Layer


@dataclass(frozen=True)
class Structure:
    """The unevenness of non-zero weights over rows and columns, and its relation to active inputs.

    Attributes
    ----------
    row_spread, col_spread : float
        Rows and columns have log-normal shares of the non-zeros; the spread is the standard
        deviation of a share's logarithm. 0 means a uniform distribution.
    act_alignment : float
        Biserial correlation, -1 to 1, of a column's logarithmic share with its input's activity.
        Above 0, heavy columns are active more often.

    Raises
    ------
    InputError
        If a spread is negative or not finite, or the correlation is out of range; the message lists
        all faults.
    """

    row_spread: float = 0.0
    col_spread: float = 0.0
    act_alignment: float = 0.0

    def __post_init__(self) -> None:
        """Check the spreads and the correlation."""
        faults = [
            f"{name} = {value}; it must be {allowed}"
            for name, value, allowed, low, high in (
                ("row_spread", self.row_spread, "at least 0 and finite", 0.0, np.finfo("f4").max),
                ("col_spread", self.col_spread, "at least 0 and finite", 0.0, np.finfo("f4").max),
                ("act_alignment", self.act_alignment, "from -1 to 1", -1.0, 1.0),
            )
            if not low <= value <= high
        ]
        if faults:
            raise InputError("impossible Structure: " + "; ".join(faults))

    def __str__(self) -> str:
        """Return a short description."""
        if self == EVEN:
            return "non-zeros anywhere alike"
        return (
            f"rows' non-zeros spread by {self.row_spread:.1%}, columns' by {self.col_spread:.1%}, "
            f"activity aligned by {self.act_alignment:.2f}"
        )


EVEN = Structure()
"""Structure with uniformly distributed non-zero weights and active inputs."""

UNEVEN = Structure(row_spread=0.13, col_spread=0.08, act_alignment=0.04)
"""Structure of the real Alex-8, as `structure_of` measures it."""

STRUCTURES: Mapping[StructureName, Structure] = {"even": EVEN, "uneven": UNEVEN}
"""By name."""


def structure_of(layer: Layer) -> Structure:
    """Measure a layer's structure: the variation of its counts beyond chance.

    Counts of non-zeros per row and column vary binomially even for a uniform distribution; that
    part is subtracted. A bias column does not count.

    Parameters
    ----------
    layer : Layer

    Returns
    -------
    Structure
        All 0 for a layer without zeros or without non-zeros.

    Notes
    -----
    **Source**: design choice. Method of moments; the correlation is corrected for the binomial part
    of the columns' counts, which is independent of their shares.
    """
    nonzero = layer.codes != 0
    columns = nonzero.sum(axis=0)
    row_spread = _spread(nonzero.sum(axis=1), nonzero.shape[1])
    col_spread = _spread(columns, nonzero.shape[0])
    active = layer.activations != 0
    share = float(active.mean())
    if not col_spread or not 0 < share < 1:
        return Structure(row_spread, col_spread)
    # The shares' part of the counts' variance is exp(s^2) - 1. The observed correlation of a count
    # with a binary value is the biserial one times density over deviation of the cut normal.
    relative = float(columns.std() / columns.mean())
    reliability = np.sqrt(np.expm1(col_spread**2)) / relative
    normal = NormalDist()
    biserial = np.sqrt(share * (1 - share)) / normal.pdf(normal.inv_cdf(share))
    correlation = float(np.corrcoef(columns, active)[0, 1]) * biserial / reliability
    return Structure(row_spread, col_spread, float(np.clip(correlation, -1, 1)))


def _spread(counts: NDArray[np.int_], places: int) -> float:
    """Return the log-normal deviation of counts beyond binomial variation."""
    mean = float(counts.mean())
    if mean == 0:
        return 0.0
    beyond = float(counts.var()) - mean * (1 - mean / places)
    # A log-normal of deviation s around its mean has the relative variance exp(s^2) - 1.
    return float(np.sqrt(np.log1p(max(beyond, 0.0) / mean**2)))
