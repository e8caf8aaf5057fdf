"""Uneven layers have exact numbers of non-zeros and the unevenness that was asked for."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.errors import InputError
from eie_backend.workloads import (
    EVEN,
    TABLE_III,
    UNEVEN,
    LayerShape,
    Structure,
    generate,
    read_alex8,
    structure_of,
)

SPREADS = st.floats(0, 3)
SHARES = st.floats(0, 1)


@given(
    st.integers(1, 80),
    st.integers(1, 80),
    SHARES,
    SHARES,
    st.integers(0, 2**32),
    st.builds(Structure, SPREADS, SPREADS, st.floats(-1, 1)),
)
def test_numbers_of_non_zeros_are_exact(inputs, outputs, weights, acts, seed, structure):
    shape = LayerShape("any", inputs, outputs, weights, acts)
    layer = generate(shape, seed, structure)
    assert np.count_nonzero(layer.codes) == shape.nonzero_weights
    assert np.count_nonzero(layer.activations) == shape.nonzero_acts
    same = generate(shape, seed, structure)
    assert layer.codes.tobytes() == same.codes.tobytes()
    assert layer.activations.tobytes() == same.activations.tobytes()


def test_an_enormous_spread_still_gives_a_layer():
    layer = generate(LayerShape("any", 50, 50, 0.5, 0.5), 0, Structure(1e6, 1e6, 1))
    assert np.count_nonzero(layer.codes) == 1250


def test_no_structure_is_the_even_layer_bit_for_bit():
    even, same = (generate(TABLE_III["NT-We"], 3, *more) for more in ((), (Structure(),)))
    assert even.codes.tobytes() == same.codes.tobytes()
    assert even.activations.tobytes() == same.activations.tobytes()


@pytest.mark.parametrize("structure", [UNEVEN, Structure(0.4, 0.05, -0.5), Structure(0, 0.3, 0.9)])
def test_structure_of_finds_what_generate_made(structure):
    # 4096 rows and columns: a deviation is known within 1/sqrt(2 * 4096) = 1.1 %, three times that
    # is 3.3 %; the binomial part, 2.4 % of a count, makes small spreads less certain: 0.01.
    found = structure_of(generate(LayerShape("large", 4096, 4096, 0.3, 0.4), 0, structure))
    assert found.row_spread == pytest.approx(structure.row_spread, rel=0.04, abs=0.01)
    assert found.col_spread == pytest.approx(structure.col_spread, rel=0.04, abs=0.01)
    # A correlation of 4096 pairs is known within 1.6 %, a biserial one within 1.3 times as much.
    assert found.act_alignment == pytest.approx(structure.act_alignment, abs=0.065)


def test_alignment_is_found_in_counts_that_chance_blurs():
    # Of 200 rows, chance makes a column's count vary by 11 %, its share by 8 %: the correlation of
    # counts is 0.6 of that of shares, and known within 3 %, three times that is 0.1.
    layer = generate(LayerShape("flat", 4096, 200, 0.3, 0.4), 0, Structure(0, 0.08, 0.5))
    assert structure_of(layer).act_alignment == pytest.approx(0.5, abs=0.1)


def test_an_even_layer_has_next_to_no_structure():
    found = structure_of(generate(TABLE_III["Alex-7"]))
    # Sampling error of the variance beyond binomial, as a deviation: below 1 %.
    assert max(found.row_spread, found.col_spread) < 0.01


def test_the_preset_is_what_the_real_layer_has(alex8, tmp_path):
    np.savez(tmp_path / "alex8.npz", **alex8)
    found = structure_of(read_alex8(tmp_path / "alex8.npz"))
    for name in ("row_spread", "col_spread", "act_alignment"):
        # The preset gives two digits.
        assert getattr(UNEVEN, name) == pytest.approx(getattr(found, name), abs=0.005)


@pytest.mark.parametrize("density", [0.0, 1.0])
def test_layers_of_one_kind_have_no_structure(density):
    layer = generate(LayerShape("flat", 20, 10, density, density))
    assert structure_of(layer) == EVEN


def test_where_it_comes_from_is_said():
    layer = generate(TABLE_III["NT-We"], 7, replace(UNEVEN, act_alignment=-0.25))
    assert layer.origin == (
        "generated, seed 7, rows' non-zeros spread by 13.0%, columns' by 8.0%, "
        "activity aligned by -0.25"
    )


def test_impossible_structures_are_refused_at_once():
    with pytest.raises(InputError) as caught:
        Structure(-0.1, float("nan"), 1.5)
    assert str(caught.value) == (
        "impossible Structure: row_spread = -0.1; it must be at least 0 and finite; "
        "col_spread = nan; it must be at least 0 and finite; "
        "act_alignment = 1.5; it must be from -1 to 1"
    )
