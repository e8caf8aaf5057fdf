"""`Slice`: the entries of one column in one PE, when every weight is non-zero at random."""

from __future__ import annotations

from dataclasses import dataclass

NEGLIGIBLE = 1e-12
"""Share of the largest term below which terms of a series are left out."""

LEAST_SHARE = 1e-9
"""Least probability of a binomial, and of its complement."""


@dataclass(frozen=True)
class Slice:
    """A column's rows in one PE.

    Attributes
    ----------
    mean, variance : float
        Of its number of entries L, paddings included.
    paddings : float
        Expected paddings among them.
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

        Both are negative, a negative binomial, if the variance is the larger.
        """
        share = 1 - self.variance / self.mean if self.mean else 0.0
        if abs(share) < LEAST_SHARE:
            share = LEAST_SHARE
        # A whole number of trials must stay one: with more, the next term would not vanish.
        return min(share, 1 - LEAST_SHARE), self.mean / share


def slice_of(rows: int, density: float, step: int) -> Slice:
    """Return the exact moments of a slice whose weights are non-zero independently.

    A non-zero at row i takes m paddings or more if the m * `step` rows before it are zero, so row i
    holds E = p * (1 + q**step + q**(2 * step) + ...) entries, with as many terms as there is room.
    What follows a non-zero does not depend on what was before it; the second moment is therefore a
    sum over pairs of rows of two such series.

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
