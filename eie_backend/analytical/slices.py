"""`Slice`: the number of entries of one column in one PE, with independent random weights."""

from __future__ import annotations

from dataclasses import dataclass

NEGLIGIBLE = 1e-12
"""Ratio to the largest term below which terms of a series are ignored."""

LEAST_SHARE = 1e-9
"""Lower limit of a binomial's probability, and of its complement."""


@dataclass(frozen=True)
class Slice:
    """Statistics of the entries of one column in one PE.

    Attributes
    ----------
    mean, variance : float
        Mean and variance of the number of entries L, paddings included.
    paddings : float
        Expected number of paddings among the entries.
    empty, single : float
        Probabilities of L = 0 and L = 1.
    """

    mean: float
    variance: float
    paddings: float
    empty: float
    single: float

    @property
    def binomial(self) -> tuple[float, float]:
        """Probability and number of trials of the binomial with this mean and variance.

        Both are negative (a negative binomial) if the variance exceeds the mean.
        """
        share = 1 - self.variance / self.mean if self.mean else 0.0
        if abs(share) < LEAST_SHARE:
            share = LEAST_SHARE
        # Keep an integer number of trials exact: a larger one adds a term that must vanish.
        return min(share, 1 - LEAST_SHARE), self.mean / share


def slice_of(rows: int, density: float, step: int) -> Slice:
    """Return the exact moments of a slice with independent non-zero weights.

    A non-zero at row i takes m or more paddings if the m * `step` rows before it are zero. With
    q = 1 - p, row i has E = p * (1 + q**step + q**(2 * step) + ...) entries, with as many terms as
    there are rows for. The rows after a non-zero are independent of those before it, so the second
    moment is a sum over pairs of rows of two such series.

    Parameters
    ----------
    rows : int
        Rows of the column that the PE holds.
    density : float
        Probability p of a non-zero.
    step : int
        Rows that a padding entry advances, ``max_run + 1``.

    Examples
    --------
    >>> one = slice_of(64, 0.1, 16)
    >>> [round(value, 3) for value in (one.mean, one.variance, one.paddings, one.empty)]
    [7.41, 4.552, 1.01, 0.001]
    """
    zero = 1.0 - density
    mean = second = 0.0
    skipped, weight, decay = 0, 1.0, zero**step
    while skipped < rows and weight > NEGLIGIBLE:
        room, paddings = rows - skipped, skipped // step
        mean += weight * room
        second += weight * room * (2 * paddings + 1 + density * (paddings + 1) * (room - 1))
        skipped, weight = skipped + step, weight * decay
    mean, second = density * mean, density * second
    single = density * zero ** (rows - 1) * min(rows, step) if rows else 0.0
    return Slice(
        mean,
        max(second - mean * mean, 0.0),
        max(mean - density * rows, 0.0),
        zero**rows,
        single,
    )
