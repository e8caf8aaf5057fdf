"""Flips in memories: laws of strikes, and words beside the parity checks of their code."""

from dataclasses import replace
from fractions import Fraction
from itertools import combinations

import numpy as np
import pytest
import tvm_ffi
from hypothesis import given, settings
from hypothesis import strategies as st
from machines import random_program, random_samples, run_image

from eie_backend.isa.image import encode_image
from eie_backend.isa.interpreter import interpret
from eie_backend.machine.choices import MEMORY_UNITS, PROTECTION
from eie_backend.runtime import runtime
from eie_backend.soft_errors.flips import BitFlip
from eie_backend.soft_errors.protection import check_bits
from eie_backend.soft_errors.strike import LARGE_SRAM, strike
from eie_backend.soft_errors.units import (
    PLACES,
    data_bits,
    flipped_codebook,
    memory_bits,
    memory_words,
)

seeds = st.integers(0, 2**32 - 1)


def strike_memory(words, bits, protection, rate=0.0, keys=(0, 0, 0, 0), listed=()):
    runtime()
    struck = tvm_ffi.get_global_func("eie.strike_memory")
    found = struck(words, bits, PROTECTION.values.index(protection), rate, [*keys], [*listed])
    return {
        str(name): np.frombuffer(bytes(value), np.int64).tolist() if name == "wrong" else value
        for name, value in found.items()
    }


def random_flip(rng, program):
    """Return a flip of a bit that is there."""
    number = int(rng.integers(len(program.matrices)))
    matrix = program.matrices[number]
    unit = str(rng.choice(MEMORY_UNITS))
    pe = int(rng.integers(program.config.num_pe))
    if unit == "spmat" and not matrix.entries_per_pe[pe]:
        unit = "ptr"
    last = {
        "spmat": matrix.entries_per_pe[pe],
        "ptr": matrix.pointers.shape[1],
        "codebook": matrix.codebook.size,
    }[unit]
    place = int(rng.integers(unit == "codebook", last))
    at = (number, place) if unit == "codebook" else (number, pe, place)
    wide = 8 if unit == "spmat" else data_bits(unit, program.config, program.arithmetic)
    return BitFlip(unit, at, int(rng.integers(wide)))


def test_nothing_flips_at_rate_0():
    program = random_program(np.random.default_rng(1))
    struck = strike(program, dict.fromkeys(MEMORY_UNITS, 0.0))
    assert struck.program is program
    assert (struck.flips, struck.corrected, struck.detected, struck.unnoticed) == (0, 0, 0, 0)


@given(seed=seeds)
def test_two_flips_of_a_bit_cancel(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    flip = random_flip(rng, program)
    assert strike(program, {}, flips=[flip, flip]).program is program
    once = strike(program, {}, flips=[flip]).program
    assert once is not program


@given(seed=seeds)
def test_a_flip_changes_what_it_names_and_nothing_else(seed):
    rng = np.random.default_rng(seed)
    program = random_program(rng)
    flip = random_flip(rng, program)
    struck = strike(program, {}, flips=[flip]).program
    old, new = (one.matrices[flip.place[0]] for one in (program, struck))
    if flip.unit == "codebook":
        changed = np.flatnonzero(old.codebook.view(np.int32) != new.codebook.view(np.int32))
        assert changed.tolist() == [flip.place[1]]
        assert new.entries is old.entries or np.array_equal(new.entries, old.entries)
    elif flip.unit == "ptr":
        _, pe, pointer = flip.place
        before, after = (np.diff(m.pointers.astype(int)) for m in (old, new))
        rows, columns = np.nonzero(before != after)
        assert set(rows) <= {pe}
        assert set(columns) <= {pointer - 1, pointer}
    else:
        _, pe, entry = flip.place
        column = np.searchsorted(old.pointers[pe], entry, side="right") - 1
        rows, columns = np.nonzero(old.codes() != new.codes())
        assert set(rows % program.config.num_pe) <= {pe}
        assert set(columns) <= {column}
        assert np.array_equal(old.pointers, new.pointers)


@settings(max_examples=60)
@given(seed=seeds, rate=st.sampled_from([1e-3, 1e-2, 0.1, 1.0]))
def test_any_flips_give_a_program_that_runs_as_the_interpreter_says(seed, rate):
    rng = np.random.default_rng(seed)
    program = replace(random_program(rng), symbol="f")
    units = [unit for unit in MEMORY_UNITS if rng.random() < 0.6]
    struck = strike(program, dict.fromkeys(units, rate), seed).program
    samples = random_samples(rng, 2, program.inputs)
    with np.errstate(over="ignore", invalid="ignore"):
        expected, _ = interpret(struck, samples)
    found = run_image(encode_image(struck), "f", samples, program.outputs)
    assert np.array_equal(found, expected, equal_nan=True)


@given(seed=seeds)
def test_secded_corrects_a_flip_in_every_word(seed):
    rng = np.random.default_rng(seed)
    words, bits = int(rng.integers(1, 50)), int(rng.integers(1, 513))
    stored = bits + check_bits(bits, "secded")
    listed = (np.arange(words) * stored + rng.integers(0, stored, words)).tolist()
    found = strike_memory(words, bits, "secded", listed=listed)
    assert found == {
        "flips": words, "wrong": [], "corrected": words, "detected": 0, "unnoticed": 0
    }  # fmt: skip


def checks_of(bits):
    """Return Hamming's parity checks: a row for each check, a column for each stored bit.

    As in textbooks: position p, from 1, takes part in check k if bit k of p is set.
    """
    positions = [p for p in range(1, 2 * bits + 16) if p & (p - 1)][:bits]
    count = positions[-1].bit_length()
    every = np.array([*positions, *(1 << k for k in range(count)), 0])
    rows = [every >> k & 1 for k in range(count)]
    return np.array([*rows, np.ones(len(every), int)])


@pytest.mark.parametrize("bits", [1, 4, 11, 16, 29])
def test_secded_decodes_every_pair_and_any_triple_as_the_parity_checks_say(bits):
    checks = checks_of(bits)
    stored = checks.shape[1]
    assert stored == bits + check_bits(bits, "secded")
    for flips in [*combinations(range(stored), 2), *list(combinations(range(stored), 3))[::7]]:
        syndrome = checks[:, list(flips)].sum(axis=1) % 2
        found = strike_memory(1, bits, "secded", listed=flips)
        if len(flips) == 2:
            assert syndrome[:-1].any() and not syndrome[-1]
            assert found["detected"] == 1 and found["wrong"] == []
            continue
        matching = np.flatnonzero((checks.T == syndrome).all(axis=1))
        assert matching.size <= 1
        left = set(flips) ^ set(matching.tolist())
        assert found["detected"] == (matching.size == 0)
        assert found["wrong"] == ([] if found["detected"] else sorted(x for x in left if x < bits))


@pytest.mark.parametrize(("bits", "expected"), [(1, 3), (4, 4), (8, 5), (11, 5), (12, 6), (16, 6)])
def test_check_bits_are_the_fewest(bits, expected):
    assert check_bits(bits, "secded") == expected
    r = expected - 1
    assert 1 << r >= bits + r + 1 and 1 << (r - 1) < bits + r
    assert (check_bits(bits, "parity"), check_bits(bits, "none")) == (1, 0)


def test_parity_finds_odd_numbers_of_flips():
    assert strike_memory(1, 8, "parity", listed=[3])["detected"] == 1
    assert strike_memory(1, 8, "parity", listed=[1, 3, 8])["detected"] == 1
    pair = strike_memory(1, 8, "parity", listed=[1, 8])
    assert (pair["detected"], pair["unnoticed"], pair["wrong"]) == (0, 1, [1])


def drawn(bits, rate, keys):
    """Return the flips by SplitMix64 and the digits of geometric gaps, in exact integers."""
    most, step = 2**64 - 1, 0x9E3779B97F4A7C15

    def mixed(z):
        z = ((z ^ z >> 30) * 0xBF58476D1CE4E5B9) & most
        z = ((z ^ z >> 27) * 0x94D049BB133111EB) & most
        return z ^ z >> 31

    state = 0
    for key in keys:
        state = mixed(state + step & most) ^ key
    state = mixed(state + step & most)
    power, limits = 1 - rate, []
    while power > 2**-53:
        limits.append(int(Fraction(power / (1 + power)) * 2**64))
        power *= power
    flips, at = [], -1
    while True:
        gap = 0
        for digit, limit in enumerate(limits):
            state = state + step & most
            gap += (mixed(state) < limit) << digit
        at += gap + 1
        if at >= bits:
            return flips
        flips.append(at)


@pytest.mark.parametrize("rate", [1e-3, 0.25, 1.0])
def test_drawn_flips_are_the_same_on_every_machine(rate):
    keys = [7, 2, 1, 2**40]
    found = strike_memory(1000, 16, "none", rate, keys)["wrong"]
    assert found == drawn(16_000, rate, keys)
    fewer = strike_memory(500, 16, "none", rate, keys)["wrong"]
    assert fewer == [bit for bit in found if bit < 500 * 16]


def test_every_key_gives_other_flips():
    streams = [(7, 2, 1, 0), (8, 2, 1, 0), (7, 3, 1, 0), (7, 2, 0, 0), (7, 2, 1, 1), (2, 7, 1, 0)]
    found = {tuple(strike_memory(1000, 16, "none", 1e-2, keys)["wrong"]) for keys in streams}
    assert len(found) == len(streams)


@pytest.mark.parametrize("rate", [1e-5, 1e-3, 0.02, 0.3, 0.9, 1.0])
def test_bits_flip_at_their_rate_and_independently(rate):
    bits = min(int(20_000 / rate), 1 << 26)
    flips = np.array(strike_memory(bits, 1, "none", rate)["wrong"])
    deviation = np.sqrt(bits * rate * (1 - rate))
    assert abs(flips.size - bits * rate) <= 5 * deviation
    gaps = np.diff(flips) - 1
    again = (gaps == 0).sum()  # of a bit that follows a flip
    assert abs(again - gaps.size * rate) <= 5 * np.sqrt(gaps.size * rate * (1 - rate)) + 1e-9
    halves = np.histogram(flips, 4, (0, bits))[0]
    assert (
        np.abs(halves - bits * rate / 4).max() <= 5 * np.sqrt(bits / 4 * rate * (1 - rate)) + 1e-9
    )


@pytest.mark.parametrize("rate", [-1e-3, 1.5, 1e-13, float("nan")])
def test_the_runtime_refuses_rates_that_are_none(rate):
    with pytest.raises(ValueError, match=r"flip rate .* is neither 0 nor in 1e-12\.\.1"):
        strike_memory(1, 1, "none", rate)


def test_codebook_values_stay_in_their_format():
    program = random_program(np.random.default_rng(3))
    while program.arithmetic != "int16":
        program = random_program(np.random.default_rng(program.inputs + 99))
    matrix = program.matrices[0]
    sign = 16 * np.arange(matrix.codebook.size - 1) + 15
    flipped = flipped_codebook(matrix, "int16", sign)
    assert flipped[0] == 0
    assert np.array_equal(flipped[1:] ^ matrix.codebook[1:], np.full(sign.size, -(2**15)))


def test_bits_of_a_memory_are_counted():
    program = random_program(np.random.default_rng(5))
    config = program.config
    for unit in MEMORY_UNITS:
        words = sum(memory_words(unit, m, config) for m in program.matrices)
        assert memory_bits(unit, program) == words * data_bits(unit, config, program.arithmetic)
    assert PLACES.keys() >= set(MEMORY_UNITS)


def test_a_struck_program_has_room_for_longer_columns():
    program = random_program(np.random.default_rng(2))
    struck = strike(program, {"ptr": 0.2}, 1)
    assert {name: struck.program.config.to_dict()[name] for name in LARGE_SRAM} == dict(LARGE_SRAM)
    assert struck.flips >= struck.unnoticed > 0
