"""`Structure`: how unevenly a layer's non-zeros lie, and how to measure it on a real layer."""

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
    """How unevenly non-zero weights lie over rows and columns, and which inputs are active.

    Attributes
    ----------
    row_spread, col_spread : float
        Rows, and columns, have log-normal shares of the non-zeros; this is the standard deviation
        of a share's logarithm. 0: all places are alike.
    act_alignment : float
        Biserial correlation, -1 to 1, of a column's logarithmic share with its input being active:
        above 0 heavy columns are active more often.

    Raises
    ------
    InputError
        If a spread is negative or not finite, or the correlation is none; all faults at once.
    """

    row_spread: float = 0.0
    col_spread: float = 0.0
    act_alignment: float = 0.0

    def __post_init__(self) -> None:
        """Refuse what is no spread or no correlation."""
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
        """Return it in a few words."""
        if self == EVEN:
            return "non-zeros anywhere alike"
        return (
            f"rows' non-zeros spread by {self.row_spread:.1%}, columns' by {self.col_spread:.1%}, "
            f"activity aligned by {self.act_alignment:.2f}"
        )


EVEN = Structure()
"""Every place is non-zero, and every input active, with the same probability."""

UNEVEN = Structure(row_spread=0.13, col_spread=0.08, act_alignment=0.04)
"""The real Alex-8's, as `structure_of` measures it."""

STRUCTURES: Mapping[StructureName, Structure] = {"even": EVEN, "uneven": UNEVEN}
"""By name."""


def structure_of(layer: Layer) -> Structure:
    """Measure a layer's structure: what its counts vary by beyond chance.

    Rows' and columns' counts of non-zeros vary even if all places are alike, by the binomial
    distribution; that part is subtracted. A bias column is left out.

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
    of the columns' counts, which says nothing about their shares.
    """
    nonzero = layer.codes != 0
    columns = nonzero.sum(axis=0)
    row_spread = _spread(nonzero.sum(axis=1), nonzero.shape[1])
    col_spread = _spread(columns, nonzero.shape[0])
    active = layer.activations != 0
    share = float(active.mean())
    if not col_spread or not 0 < share < 1:
        return Structure(row_spread, col_spread)
    # Of the counts' variance, exp(s^2) - 1 is the shares'; the observed correlation of a count with
    # a yes-or-no is lower than the biserial one by density over deviation of the cut normal.
    relative = float(columns.std() / columns.mean())
    reliability = np.sqrt(np.expm1(col_spread**2)) / relative
    normal = NormalDist()
    biserial = np.sqrt(share * (1 - share)) / normal.pdf(normal.inv_cdf(share))
    correlation = float(np.corrcoef(columns, active)[0, 1]) * biserial / reliability
    return Structure(row_spread, col_spread, float(np.clip(correlation, -1, 1)))


def _spread(counts: NDArray[np.int_], places: int) -> float:
    """Return the log-normal deviation of counts that varies beyond binomial."""
    mean = float(counts.mean())
    if mean == 0:
        return 0.0
    beyond = float(counts.var()) - mean * (1 - mean / places)
    # A log-normal of deviation s around its mean has the relative variance exp(s^2) - 1.
    return float(np.sqrt(np.log1p(max(beyond, 0.0) / mean**2)))
