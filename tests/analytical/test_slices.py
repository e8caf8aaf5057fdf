"""Moments of a slice, against the distribution that all patterns of zeros give."""

import numpy as np
import pytest

from eie_backend import HardwareConfig
from eie_backend.analytical.slices import slice_of
from eie_backend.machine.encoding import slice_lengths

STEP = HardwareConfig(codebook_bits=6).max_run + 1  # 4: short slices have paddings


@pytest.mark.parametrize("rows", [1, 3, 4, 5, 8, 9, 12, 14])
@pytest.mark.parametrize("density", [0.02, 0.1, 0.5, 0.93])
def test_moments_are_exact(rows, density):
    """Every pattern of zeros is a column of one PE, encoded as the machine stores it."""
    patterns = (np.arange(1 << rows)[None, :] >> np.arange(rows)[:, None]) & 1
    config = HardwareConfig(num_pe=1, codebook_bits=6)
    lengths = slice_lengths(patterns.astype(np.uint8), config)[0]
    filled = patterns.sum(axis=0)
    chance = density**filled * (1 - density) ** (rows - filled)
    one = slice_of(rows, density, STEP)
    mean = chance @ lengths
    assert one.mean == pytest.approx(mean)
    assert one.variance == pytest.approx(chance @ (lengths - mean) ** 2)
    assert one.paddings == pytest.approx(chance @ (lengths - filled))
    assert one.empty == pytest.approx(chance[lengths == 0].sum())
    assert one.single == pytest.approx(chance[lengths == 1].sum())


def test_the_ends():
    assert slice_of(0, 0.3, 16).mean == 0
    assert slice_of(9, 0.0, 16).empty == 1
    full = slice_of(9, 1.0, 16)
    assert (full.mean, full.variance, full.paddings, full.empty) == (9, 0, 0, 0)


def test_the_binomial_has_the_moments():
    for rows, density in ((64, 0.1), (4096, 0.0004)):
        one = slice_of(rows, density, 16)
        share, trials = one.binomial
        assert trials * share == pytest.approx(one.mean)
        assert trials * share * (1 - share) == pytest.approx(one.variance)
    assert share < 0  # the long slice's paddings vary more than a binomial can
