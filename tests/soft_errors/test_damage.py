"""Flipped entries and pointers: a matrix is what each PE makes of its SRAM, entry by entry."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from machines import load_image, profile, random_config, random_matrix, run_image

from eie_backend import HardwareConfig, encode
from eie_backend.errors import InputError
from eie_backend.isa.image import encode_image
from eie_backend.isa.program import Program, Step
from eie_backend.soft_errors import damage
from eie_backend.soft_errors.damage import reread
from eie_backend.soft_errors.strike import LARGE_SRAM

NOTHING = {"epilogue": 0, "parameter": 0}

seeds = st.integers(0, 2**32 - 1)


def walk(matrix, config, entries, pointers):
    """Return the codes and the length of every column in every PE, read one entry at a time."""
    codes = np.zeros((matrix.rows, matrix.stored_cols), np.uint8)
    lengths = np.zeros((config.num_pe, matrix.stored_cols), int)
    first = 0
    for pe in range(config.num_pe):
        held = int(matrix.entries_per_pe[pe])
        sram = [*map(int, entries[first : first + held])]
        first += held
        for column in range(matrix.stored_cols):
            row, address = pe - config.num_pe, int(pointers[pe, column])
            while address < min(int(pointers[pe, column + 1]), config.spmat_sram_bytes):
                entry = sram[address] if address < held else 0
                code = entry % config.codebook_entries
                row += (entry // config.codebook_entries + 1) * config.num_pe
                if code and row < matrix.rows:
                    codes[row, column] = code
                lengths[pe, column] += 1
                address += 1
    return codes, lengths


def flipped(rng, values, bits, share):
    """Return values with some of their lowest bits flipped."""
    masks = rng.integers(0, 1 << bits, values.shape) * (rng.random(values.shape) < share)
    return values ^ masks.astype(values.dtype)


def damaged(rng):
    config = replace(random_config(rng), spmat_sram_bytes=int(rng.choice([64, 512])))
    rows, cols = map(int, rng.integers(1, 30, 2))
    matrix = random_matrix(rng, config, rows, cols, is_float=False)
    share = rng.choice([0.02, 0.3, 1])
    entries = flipped(rng, matrix.entries, 8, share)
    pointers = flipped(rng, matrix.pointers, int(rng.integers(1, 10)), share)
    return config, matrix, entries, pointers


@given(seed=seeds)
def test_every_pe_reads_what_its_pointers_say(seed):
    config, matrix, entries, pointers = damaged(np.random.default_rng(seed))
    found = reread(matrix, config, entries, pointers)
    codes, lengths = walk(matrix, config, entries, pointers)
    assert np.array_equal(found.codes(), codes)
    assert np.array_equal(np.diff(found.pointers.astype(int)), lengths)
    assert found.codebook is not None and np.array_equal(found.codebook, matrix.codebook)


@given(seed=seeds)
def test_without_flips_the_matrix_is_as_it_was(seed):
    config, matrix, *_ = damaged(np.random.default_rng(seed))
    config = replace(config, spmat_sram_bytes=1 << 20)
    found = reread(matrix, config, matrix.entries, matrix.pointers)
    assert np.array_equal(found.entries, matrix.entries)
    assert np.array_equal(found.pointers, matrix.pointers)


def program_of(matrix, config):
    """Return a program with one layer, and with room for a damaged one."""
    act = {"frac_bits": 8, "count": matrix.cols}
    rows = -(-matrix.cols // config.num_pe)
    steps = [
        ("load_act", {"src": 0, "dst_row": 0, **act}),
        ("clear", {}),
        ("mvm", {"matrix": 0, "src_row": 0, "shift": 4, "frac_bits": 8}),
        (
            "write_back",
            {"dst_row": rows, "count": matrix.rows, **NOTHING, "shift": 0},
        ),
        ("store_act", {"src_row": rows, "dst": 0, "count": matrix.rows, "frac_bits": 8}),
    ]
    return Program(
        symbol="f",
        config=replace(config, **LARGE_SRAM),
        arithmetic="int16",
        inputs=matrix.cols,
        outputs=matrix.rows,
        layers=("fc",),
        matrices=(matrix,),
        biases=(),
        setup=(Step("load_matrix", {"matrix": 0}, 0),),
        steps=tuple(Step(name, operands, 0) for name, operands in steps),
    )


@given(seed=seeds)
def test_all_engines_run_a_damaged_matrix_and_agree(seed):
    rng = np.random.default_rng(seed)
    config, matrix, entries, pointers = damaged(rng)
    program = program_of(reread(matrix, config, entries, pointers), config)
    x = rng.normal(size=(2, matrix.cols)).astype(np.float32)
    runs = []
    for engine in ("functional", "event", "clock"):
        out = np.zeros((2, matrix.rows), np.float32)
        rows = profile(
            lambda out=out: load_image(encode_image(program))["f"](x, out), engine=engine
        )
        runs.append((out.tobytes(), rows[1]["counters"]))
    assert runs[0][0] == runs[1][0] == runs[2][0]
    assert runs[1][1] == runs[2][1]


def test_a_changed_run_moves_the_entry_and_those_after_it():
    """Rows 0, 1, 4 of one PE: a flip makes the second entry skip two rows more."""
    config = HardwareConfig(num_pe=1)
    matrix = encode(np.array([[1], [2], [0], [0], [3]]), [0, 1, 2, 3], config)
    entries = matrix.entries ^ np.array([0, 2 << 4, 0], np.uint8)
    found = reread(matrix, config, entries, matrix.pointers)
    assert found.codes()[:, 0].tolist() == [1, 0, 0, 2, 0]  # the third is past the last row
    assert found.pointers.tolist() == [[0, 3]]


def test_pointers_cross_overlap_and_leave_the_entries():
    config = HardwareConfig(num_pe=1)
    matrix = encode(np.array([[1, 2, 3]]), [0, 1, 2, 3], config)
    found = reread(matrix, config, matrix.entries, np.array([[1, 3, 0, 5]], np.uint32))
    assert np.diff(found.pointers.astype(int)).tolist() == [[2, 0, 5]]
    assert found.codes().tolist() == [[2, 0, 1]]


def test_a_column_takes_its_longer_time():
    """One entry and 100 zeros behind it: 100 cycles more."""
    config = HardwareConfig(num_pe=1)
    matrix = encode(np.array([[1]]), [0, 1], config)
    matrix = replace(matrix, codebook=matrix.codebook.astype(np.int32))
    long = reread(matrix, config, matrix.entries, np.array([[0, 101]], np.uint32))
    cycles = []
    for one in (matrix, long):
        image = encode_image(program_of(one, config))
        (_, row) = profile(lambda image=image: run_image(image, "f", [[1.0]], 1))
        cycles.append(row["counters"]["cycles"])
    assert cycles[1] - cycles[0] == 100


def test_columns_that_are_too_long_are_refused(monkeypatch):
    monkeypatch.setattr(damage, "MOST_ENTRIES", 100)
    config = HardwareConfig(num_pe=1)
    matrix = encode(np.array([[1]]), [0, 1], config)
    reread(matrix, config, matrix.entries, np.array([[0, 100]], np.uint32))
    with pytest.raises(InputError, match="would have 101 entries, at most 100"):
        reread(matrix, config, matrix.entries, np.array([[0, 101]], np.uint32))
