"""Fixed-point numbers against exact fractions."""

from fractions import Fraction

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.machine.numerics import (
    MAX_FRAC_BITS,
    MIN_FRAC_BITS,
    dequantize,
    frac_bits_for,
    quantize,
    shift_round,
)

magnitudes = st.floats(2.0**-60, 2.0**60)
widths = st.sampled_from([8, 16, 32])


@given(max_abs=magnitudes, bits=widths)
def test_the_chosen_scale_holds_the_range_and_a_finer_one_does_not(max_abs, bits):
    frac_bits = frac_bits_for(max_abs, bits)
    largest = 2 ** (bits - 1) - 1
    assert round(Fraction(max_abs) * Fraction(2) ** frac_bits) <= largest
    if frac_bits < MAX_FRAC_BITS:
        assert round(Fraction(max_abs) * Fraction(2) ** (frac_bits + 1)) > largest


@pytest.mark.parametrize(
    ("max_abs", "frac_bits"),
    [
        (1.0, 14),
        (32767 / 32768, 15),
        (32767.4 / 32768, 15),  # rounds to the largest integer
        (32767.5 / 32768, 14),  # would round past it
        (32767.0, 0),
        (32768.0, -1),
        (0.0, 14),
        (1e-30, MAX_FRAC_BITS),
        (1e30, MIN_FRAC_BITS),
    ],
)
def test_scales_at_the_edges_of_16_bits(max_abs, frac_bits):
    assert frac_bits_for(max_abs) == frac_bits


@given(value=st.floats(-(2.0**70), 2.0**70), frac_bits=st.integers(-20, 30), bits=widths)
def test_quantize_rounds_to_even_and_saturates(value, frac_bits, bits):
    exact = round(Fraction(value) * Fraction(2) ** frac_bits)
    limit = 2 ** (bits - 1)
    assert quantize(value, frac_bits, bits) == min(max(exact, -limit), limit - 1)


def test_quantize_breaks_ties_to_even():
    assert quantize([0.5, 1.5, 2.5, -0.5, -1.5], 0).tolist() == [0, 2, 2, 0, -2]


@given(words=st.lists(st.integers(-(2**15), 2**15 - 1)), frac_bits=st.integers(-60, 60))
def test_dequantize_is_undone_by_quantize(words, frac_bits):
    real = dequantize(words, frac_bits)
    assert real.dtype == np.float32
    assert quantize(real, frac_bits).tolist() == words


@given(value=st.integers(-(2**62), 2**62), shift=st.integers(0, 62))
def test_shift_right_rounds_to_even(value, shift):
    expected = round(Fraction(value, 2**shift))
    assert shift_round(np.array([value]), shift).tolist() == [expected]


@given(value=st.integers(-(2**31), 2**31 - 1), shift=st.integers(1, 40))
def test_shift_left_keeps_the_value_or_passes_every_register(value, shift):
    (got,) = shift_round(np.array([value]), -shift).tolist()
    expected = value << shift
    assert got == expected or (abs(got) >= 2**32 and (got > 0) == (expected > 0))
