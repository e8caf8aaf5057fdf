"""`HardwareConfig`: limits, faults and derived sizes."""

from dataclasses import FrozenInstanceError, fields

import pytest

from eie_backend import HardwareConfig
from eie_backend.errors import ConfigError

LIMITS = [
    (spec.name, spec.metadata["low"], spec.metadata["high"], spec.metadata["unit"])
    for spec in fields(HardwareConfig)
]


def refused(**sizes):
    with pytest.raises(ConfigError) as error:
        HardwareConfig(**sizes)
    return str(error.value)


@pytest.mark.parametrize(("name", "low", "high", "unit"), LIMITS)
def test_a_limit_is_legal_and_one_beyond_is_not(name, low, high, unit):
    for value in (low, high):
        assert getattr(HardwareConfig(**{name: value}), name) == value
    for value in (low - 1, high + 1):
        assert refused(**{name: value}) == (
            f"impossible HardwareConfig: {name} = {value} is outside {low}..{high} {unit}; "
            "correct these fields"
        )


@pytest.mark.parametrize("value", [True, 8.0, "8", None])
@pytest.mark.parametrize("name", [name for name, *_ in LIMITS])
def test_only_integers(name, value):
    assert f"{name} = {value!r} is not an integer" in refused(**{name: value})


@pytest.mark.parametrize("width", [8, 16, 24, 64, 504, 512])
def test_weight_words_hold_whole_entries(width):
    assert HardwareConfig(spmat_width_bits=width).entries_per_word == width // 8
    for odd in {width - 1, width + 1} & set(range(8, 513)):
        assert f"spmat_width_bits = {odd} is not a multiple of 8" in refused(spmat_width_bits=odd)


def test_accumulators_have_16_or_32_bits():
    for bits in range(17, 32):
        assert f"accumulator_bits = {bits} is neither 16 nor 32" in refused(accumulator_bits=bits)


def test_all_faults_at_once():
    assert refused(
        num_pe=0, fifo_depth=True, spmat_width_bits=12, codebook_bits=8, accumulator_bits=17
    ) == (
        "impossible HardwareConfig: num_pe = 0 is outside 1..1024 PEs; "
        "fifo_depth = True is not an integer; "
        "spmat_width_bits = 12 is not a multiple of 8; "
        "codebook_bits = 8 is outside 2..7 bits; "
        "accumulator_bits = 17 is neither 16 nor 32; correct these fields"
    )


def test_the_default_is_the_machine_of_the_paper():
    paper = HardwareConfig()
    assert (paper.num_pe, paper.fifo_depth, paper.clock_mhz) == (64, 8, 800)
    assert (paper.index_bits, paper.max_run, paper.codebook_entries) == (4, 15, 16)
    assert paper.entries_per_word == 8
    assert paper.block_values == 4096  # section 4: 4K activations per batch
    assert paper.act_rows * paper.num_pe == 1024 * 64
    assert paper.matrix_entries == 65535  # what a 16-bit pointer reaches of 128 K entries
    assert paper.matrix_columns == 32 * 1024 // 2 - 1


def test_derived_sizes_follow_the_fields():
    small = HardwareConfig(
        num_pe=3,
        spmat_sram_bytes=100,
        ptr_sram_bytes=10,
        ptr_bits=12,
        act_sram_bytes=7,
        act_registers=5,
        codebook_bits=6,
    )
    assert (small.index_bits, small.max_run, small.codebook_entries) == (2, 3, 64)
    assert small.block_values == 15
    assert small.act_rows == 3
    assert small.matrix_entries == 100
    assert HardwareConfig(ptr_bits=6).matrix_entries == 63
    assert small.matrix_columns == 5  # six 12-bit pointers in 80 bits


def test_a_config_is_frozen_and_comes_back_from_its_fields():
    config = HardwareConfig(num_pe=5, accumulator_bits=16)
    with pytest.raises(FrozenInstanceError):
        config.num_pe = 6
    assert list(config.to_dict()) == [name for name, *_ in LIMITS]
    assert HardwareConfig(**config.to_dict()) == config
