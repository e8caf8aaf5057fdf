"""95 % intervals of shares that were counted in trials."""

from __future__ import annotations

import math
from collections.abc import Sequence

Z = 1.959963984540054
"""Of the normal distribution: 95 % lie within so many standard deviations."""


def of_mean(counts: Sequence[int], of: int) -> tuple[float, float]:
    """Return the 95 % interval of the mean share over trials whose inputs are the same.

    Trials that all agree give one without width.

    Parameters
    ----------
    counts : sequence of int
        In how many of its inputs something happened, by trial.
    of : int
        Inputs of a trial.

    Examples
    --------
    >>> [round(end, 3) for end in of_mean([98, 96, 97], 100)]
    [0.959, 0.981]
    """
    trials, shares = len(counts), [count / of for count in counts]
    mean = sum(shares) / trials
    if trials == 1:
        return mean, mean
    variance = sum((share - mean) ** 2 for share in shares) / (trials - 1)
    half = Z * math.sqrt(variance / trials)
    return max(mean - half, 0.0), min(mean + half, 1.0)


def of_share(counts: Sequence[int], of: int, alike: bool) -> tuple[float, float]:
    """Return the 95 % interval of the share `sum(counts) / (len(counts) * of)`.

    Parameters
    ----------
    counts : sequence of int
        In how many of its inputs something happened, by trial.
    of : int
        Inputs of a trial.
    alike : bool
        Whether the inputs of a trial share their flips, and so tell less than as many trials would.

    Notes
    -----
    **Source**: Wilson's score interval (JASA 1927); for inputs that share flips, with the number of
    independent inputs that would vary from trial to trial as the counts do (Kish's design effect),
    at least one for each trial, and just that if the trials do not differ.

    Examples
    --------
    >>> [round(end, 3) for end in of_share([5, 5], 50, alike=False)]
    [0.055, 0.174]
    """
    trials, total = len(counts), len(counts) * of
    share = sum(counts) / total
    independent = float(total)
    if alike:
        independent = float(trials)
        variance = sum((count / of - share) ** 2 for count in counts)
        if trials > 1 and variance > 0:
            variance /= trials * (trials - 1)
            independent = min(max(share * (1 - share) / variance, trials), total)
    ratio = Z * Z / independent
    middle = (share + ratio / 2) / (1 + ratio)
    half = Z / (1 + ratio) * math.sqrt(share * (1 - share) / independent + ratio / independent / 4)
    # Where the formula gives 0 or 1, rounding must not.
    return middle - half if share > 0 else 0.0, middle + half if share < 1 else 1.0
