"""`word_reads`: how many words of weight memory the active columns of one PE touch."""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

from eie_backend.analytical.slices import Slice

LEAST_LOG = 1e-300
DAMPING = 1e-8
"""Share by which what lies beyond the end of a series returns to its start."""


def word_reads(one: Slice, columns: int, act_density: float, word_entries: int) -> float:
    """Return the words that a PE reads for its active columns.

    Columns follow each other in memory and start anywhere in a word. L entries would take
    L / word_entries words if all columns were active; when G entries of inactive columns lie
    before an active one, it reads min(G, word_entries - 1) / word_entries words more. The first
    active column finds no word read, and starts, between one and the next, half a word off.

    Parameters
    ----------
    one : Slice
        The column's entries in the PE.
    columns : int
        Active columns.
    act_density : float
        Share of columns that are active.
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

    Of columns that are not empty, each is active with the same probability: the generating
    function of G is active / (1 - (1 - active) * f), with that of their lengths, f.
    """
    size = 4 * limit
    damping = DAMPING ** (np.arange(limit) / size)
    lengths = np.fft.rfft(_lengths(one, limit) * damping, size)
    gaps = np.fft.irfft(active / (1 - (1 - active) * lengths), size)[:limit] / damping
    return limit - float(np.cumsum(gaps).sum())


def _lengths(one: Slice, limit: int) -> NDArray[np.float64]:
    """Return P(L = n | L > 0) for n below the limit, of the slice's binomial."""
    share, trials = one.binomial
    n = np.arange(1, limit)
    ratios = np.maximum((trials - n + 1) / n * share / (1 - share), LEAST_LOG)
    none = trials * math.log1p(-share)
    filled = -math.expm1(none)
    return np.append(0.0, np.exp(none + np.cumsum(np.log(ratios))) / filled)
