"""`difference`: whether two runtimes returned the same values, within rounding."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

OF_A_NETWORK = 1e-3
"""Largest difference of results, as a share of the largest magnitude: rounding adds up."""

OF_AN_OPERATOR = 1e-4
"""The same of one operator on equal inputs. float32 has 6e-8; sums of many values lose more."""

NOTHING = 1e-6
"""Difference that sums leave which cancel."""

HALVES = ("float16", "bfloat16")
OF_HALVES = 2e-2
"""The same of either where the source computes in these, which have 5e-4 and 4e-3."""


def difference(
    found: Sequence[NDArray[Any]], expected: Sequence[NDArray[Any]], tolerance: float
) -> str:
    """Return how values differ, in words; nothing if they agree.

    Parameters
    ----------
    found, expected : sequences of arrays
        Results, in order.
    tolerance : float
        Largest difference of floats, as a share of the largest finite magnitude in `expected`.
        Integers and truth values are equal or not, and so are NaN and infinities.
    """
    if len(found) != len(expected):
        return f"{len(found)} results instead of {len(expected)}"
    several = len(expected) > 1
    for number, (one, other) in enumerate(zip(found, expected, strict=True)):
        if said := _one(np.asarray(one), np.asarray(other), tolerance):
            return f"result {number} {said}" if several else said
    return ""


def _one(found: NDArray[Any], expected: NDArray[Any], tolerance: float) -> str:
    # NumPy has no bfloat16: a source that computes with it returns the values in single precision.
    if expected.dtype.name in HALVES or found.dtype.name == "bfloat16":
        tolerance = max(tolerance, OF_HALVES)
        # The same in single precision is as right.
        found, expected = (
            one.astype(np.float32) if one.dtype.name in HALVES else one for one in (found, expected)
        )
    if found.dtype != expected.dtype:
        return f"is {found.dtype} instead of {expected.dtype}"
    if found.shape != expected.shape:
        return f"has shape {found.shape} instead of {expected.shape}"
    if not np.issubdtype(expected.dtype, np.floating):
        wrong = found != expected
        return _at(found, expected, wrong, f"differs in {wrong.sum()} of {wrong.size} values")
    found, expected = found.astype(np.float64), expected.astype(np.float64)
    finite = np.isfinite(expected)
    wrong = ~finite & ~((found == expected) | (np.isnan(found) & np.isnan(expected)))
    wrong |= finite & ~np.isfinite(found)
    if wrong.any():
        return _at(found, expected, wrong, "is not finite where it should be, or the reverse")
    scale = float(np.abs(expected[finite]).max(initial=0.0))
    apart = np.abs(np.where(finite, found, 0) - np.where(finite, expected, 0))
    wrong = apart > tolerance * scale + NOTHING
    largest = float(apart.max(initial=0.0))
    return _at(found, expected, wrong, f"differs by up to {largest:.3g} of {scale:.3g}")


def _at(found: NDArray[Any], expected: NDArray[Any], wrong: NDArray[Any], said: str) -> str:
    if not wrong.any():
        return ""
    place = tuple(int(axis) for axis in np.argwhere(wrong)[0])
    at = f"at {list(place)} " if place else ""
    return f"{said}: {at}{found[place]:.6g} instead of {expected[place]:.6g}"
