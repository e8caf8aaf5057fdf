"""`word_reads`: the number of weight memory words that one PE reads for its active columns."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eie_backend.analytical.slices import Slice

LEAST_LOG = 1e-300
DAMPING = 1e-8
"""Factor of the aliasing error, where terms beyond the end of a series wrap to its start."""


def word_reads(one: Slice, columns: int, act_density: float, word_entries: int) -> float:
    """Return the number of words that a PE reads for its active columns.

    Columns are contiguous in memory and can start at any entry of a word. If all columns were
    active, L entries would take L / word_entries words. If G entries of inactive columns precede an
    active column, it reads min(G, word_entries - 1) / word_entries additional words. The first
    active column shares no word with an earlier one, and starts half a word off on average.

    Parameters
    ----------
    one : Slice
        The column's entries in the PE.
    columns : int
        Active columns.
    act_density : float
        Fraction of columns that are active.
    word_entries : int
        Entries in a word.
    """
    if one.mean == 0:
        return 0.0
    filled, others = columns * (1 - one.empty), word_entries - 1
    skipped = _skipped(one, act_density, others) if others else 0.0
    first = min(filled, 1.0) * (others - skipped) / 2
    return (columns * one.mean + filled * skipped + first) / word_entries


def _skipped(one: Slice, active: float, limit: int) -> float:
    """Return the expectation of min(G, limit), the sum of P(G > n) over n below the limit.

    Each non-empty column is active with the same probability. The generating function of G is
    therefore active / (1 - (1 - active) * f), where f is the generating function of their lengths.
    """
    size = 4 * limit
    damping = DAMPING ** (np.arange(limit) / size)
    lengths = np.fft.rfft(_lengths(one, limit) * damping, size)
    gaps = np.fft.irfft(active / (1 - (1 - active) * lengths), size)[:limit] / damping
    return limit - float(np.cumsum(gaps).sum())


def _lengths(one: Slice, limit: int) -> NDArray[np.float64]:
    """Return P(L = n | L > 0) for n below the limit, with the slice's binomial."""
    share, trials = one.binomial
    n = np.arange(1, limit)
    ratios = np.maximum((trials - n + 1) / n * share / (1 - share), LEAST_LOG)
    none = trials * math.log1p(-share)
    filled = -math.expm1(none)
    return np.append(0.0, np.exp(none + np.cumsum(np.log(ratios))) / filled)
