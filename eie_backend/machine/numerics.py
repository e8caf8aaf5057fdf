"""Fixed-point numbers: power-of-two scales, rounding to nearest even, saturation.

A tensor with `frac_bits` f stores the integer q for the real value ``q * 2**-f``.
"""

from __future__ import annotations

import math
from collections.abc import Mapping

import numpy as np
from numpy.typing import ArrayLike, NDArray

from eie_backend.machine.choices import Arithmetic

VALUE_BITS = 16
"""Bits of an activation and of an expanded weight in int16, the machine's own arithmetic."""

BITS: Mapping[Arithmetic, int] = {"float32": 32, "int16": VALUE_BITS, "int8": 8, "int32": 32}
"""The same in every arithmetic."""

MIN_FRAC_BITS, MAX_FRAC_BITS = -60, 30
"""Limits of a chosen `frac_bits`: tiny values gain nothing from more, larger than 2**75 saturate.
"""


def frac_bits_for(max_abs: float, bits: int = VALUE_BITS) -> int:
    """Return the most fractional bits with which ``+-max_abs`` does not saturate.

    Parameters
    ----------
    max_abs : float
        Largest magnitude to represent; 0 counts as 1.
    bits : int
        Width of the signed integer.

    Examples
    --------
    >>> frac_bits_for(1.0), frac_bits_for(0.99), frac_bits_for(300.0)
    (14, 15, 6)
    """
    largest = (1 << (bits - 1)) - 1
    frac = bits - 1 - math.frexp(max_abs or 1.0)[1]
    if round(max_abs * 2.0**frac) > largest:
        frac -= 1
    return max(min(frac, MAX_FRAC_BITS), MIN_FRAC_BITS)


def quantize(values: ArrayLike, frac_bits: int, bits: int = VALUE_BITS) -> NDArray[np.int64]:
    """Return the nearest integers at scale ``2**-frac_bits``, ties to even, saturated."""
    scaled = np.rint(np.asarray(values, np.float64) * 2.0**frac_bits)
    return np.clip(scaled, -(2.0 ** (bits - 1)), 2.0 ** (bits - 1) - 1).astype(np.int64)


def dequantize(values: ArrayLike, frac_bits: int) -> NDArray[np.float32]:
    """Return ``values * 2**-frac_bits`` as float32."""
    return (np.asarray(values, np.float64) * 2.0**-frac_bits).astype(np.float32)


def shift_round(values: NDArray[np.int64], shift: int) -> NDArray[np.int64]:
    """Shift right by `shift` bits, rounding to nearest, ties to even; left if negative.

    A left shift stops at +-2**62, which every register of the machine saturates.

    Examples
    --------
    >>> shift_round(np.array([1, 2, 3, 5, 6, -2, -6]), 2).tolist()
    [0, 0, 1, 1, 2, 0, -2]
    """
    if shift <= 0:
        limit = (1 << 62) >> -shift
        return np.clip(values, -limit, limit) << -shift
    half = np.int64(1) << np.int64(shift - 1)
    return (values + (half - 1) + ((values >> shift) & 1)) >> shift


def value_bits(arithmetic: Arithmetic) -> int:
    """Return the bits of an activation and of an expanded weight.

    Examples
    --------
    >>> value_bits("int8"), value_bits("float32")
    (8, 32)
    """
    return BITS[arithmetic]
