"""Tiling changes no bit; tiles cover the layer, fit the machine and are the fewest."""

import re
from itertools import pairwise

import numpy as np
import pytest
import tvm
from hypothesis import given, settings
from hypothesis import strategies as st

from eie_backend.config import HardwareConfig
from eie_backend.epilogues import BY_NAME, NONE
from eie_backend.errors import ModelError
from eie_backend.machine.encoding import encode, slice_lengths
from eie_backend.machine.epilogue import Applied
from eie_backend.schedules.kernel import DenseShape, dense_kernel
from eie_backend.schedules.tile import choose_tiles, tile
from eie_backend.transform.epilogues import kernel_epilogue, with_epilogue

RELU = Applied(BY_NAME["relu"])
CLIP = Applied(BY_NAME["clip"], 6.0)
LEAKY = Applied(BY_NAME["leaky_relu"], 0.25)
ENDINGS = [NONE, RELU, CLIP, LEAKY]


def cut(length, limit):
    return [(start, min(start + limit, length)) for start in range(0, length, limit)]


def grid(outputs, inputs, row_limit, col_limit):
    return [(rows, cut(inputs, col_limit)) for rows in cut(outputs, row_limit)]


def kernel(batch, outputs, inputs, *, bias=True, ending=RELU):
    """Return an unscheduled kernel as `LowerToTIR` makes it."""
    func = dense_kernel("k", DenseShape(batch, outputs, inputs, bias, ending))
    return with_epilogue(func.with_attr("eie.layer", "fc"), ending)


def evaluate(func, *arrays):
    shape = tuple(int(extent) for extent in func.params[-1].shape)
    result = tvm.runtime.tensor(np.full(shape, np.nan, np.float32))
    tvm.compile(func, target="llvm")(*map(tvm.runtime.tensor, arrays), result)
    return result.numpy()


def check_bits(outputs, inputs, row_limit, col_limit, **epilogue):
    """Compare the tiled with the whole kernel, bit for bit, on numbers that round."""
    rng = np.random.default_rng(outputs * 1000 + inputs)
    whole = kernel(2, outputs, inputs, **epilogue)
    shapes = [(2, inputs), (inputs, outputs), (outputs,)][: len(whole.params) - 1]
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    tiled = tile(whole, grid(outputs, inputs, row_limit, col_limit))
    assert evaluate(tiled, *arrays).tobytes() == evaluate(whole, *arrays).tobytes()


LIMIT = 8


@pytest.mark.sampled(2)
@pytest.mark.parametrize("outputs", [1, LIMIT - 1, LIMIT, LIMIT + 1])
@pytest.mark.parametrize("inputs", [1, LIMIT - 1, LIMIT, LIMIT + 1])
def test_blocks_change_no_bit_around_their_limit(outputs, inputs):
    check_bits(outputs, inputs, LIMIT, LIMIT)


@pytest.mark.sampled(2)
@pytest.mark.parametrize("bias", [False, True], ids=["", "bias"])
@pytest.mark.parametrize("ending", ENDINGS, ids=lambda one: one.epilogue.name)
def test_blocks_change_no_bit_with_any_epilogue(bias, ending):
    check_bits(19, 33, 8, 4, bias=bias, ending=ending)


def test_blocks_of_one_change_no_bit():
    check_bits(3, 5, 1, 1)


def test_one_tile_is_the_whole_kernel():
    whole = kernel(2, 5, 7)
    tvm.ir.assert_structural_equal(tile(whole, [((0, 5), [(0, 7)])]), whole)


def test_attributes_are_kept():
    tiled = tile(kernel(1, 5, 7, ending=NONE), grid(5, 7, 2, 3))
    assert tiled.attrs["eie.layer"] == "fc"
    assert kernel_epilogue(tiled) == NONE
    assert tiled.attrs["global_symbol"] == "k"


# Choice of the tiles


def entries_of(codes, config):
    """Return a function from an output block to the entries per PE and column."""
    return lambda rows: slice_lengths(codes[slice(*rows)], config)


def fits(codes, config, rows, cols, inputs):
    """Return whether the machine holds a tile, by encoding it."""
    last = cols[1] == inputs
    stored = codes[slice(*rows), cols[0] : codes.shape[1] if last else cols[1]]
    encoded = encode(stored, [0, 1], config)
    return (
        rows[1] - rows[0] <= config.act_registers * config.num_pe
        and cols[1] - cols[0] <= config.act_registers * config.num_pe
        and encoded.entries_per_pe.max() <= config.matrix_entries
        and encoded.pointers.shape[1] * config.ptr_bits <= 8 * config.ptr_sram_bytes
    )


def fewest(codes, config, rows, inputs):
    """Return the fewest input tiles of an output block over all cuts, None if there is no cut."""
    places = [*range(0, inputs, config.num_pe), inputs]
    best = {0: 0}
    for stop in places[1:]:
        counts = [
            best[start] + 1
            for start in places
            if start < stop and start in best and fits(codes, config, rows, (start, stop), inputs)
        ]
        if counts:
            best[stop] = min(counts)
    return best.get(inputs)


@settings(max_examples=settings.default.max_examples // 6)
@given(
    seed=st.integers(0, 2**32 - 1),
    outputs=st.integers(1, 90),
    inputs=st.integers(1, 60),
    density=st.sampled_from([0.0, 0.05, 0.3, 1.0]),
    num_pe=st.integers(1, 6),
    registers=st.integers(1, 30),
    pointers=st.integers(4, 40),
    spmat_bytes=st.integers(64, 200),
    ptr_bits=st.sampled_from([6, 16]),
    bias_column=st.booleans(),
)
def test_tiles_hold_and_are_the_fewest(
    seed, outputs, inputs, density, num_pe, registers, pointers, spmat_bytes, ptr_bits, bias_column
):
    config = HardwareConfig(
        num_pe=num_pe,
        act_registers=registers,
        ptr_sram_bytes=2 * pointers,
        spmat_sram_bytes=spmat_bytes,
        ptr_bits=ptr_bits,
        codebook_bits=5,  # runs of eight, so that there are paddings
    )
    rng = np.random.default_rng(seed)
    # Densities that change along the inputs: even cuts would not be the fewest.
    chances = density * rng.random(inputs + bias_column)
    codes = (rng.random((outputs, inputs + bias_column)) < chances).astype(np.uint8)
    blocks = cut(outputs, num_pe * registers)
    expected = [fewest(codes, config, rows, inputs) for rows in blocks]
    if None in expected:
        with pytest.raises(ModelError, match="no tile of"):
            choose_tiles(outputs, inputs, config, entries_of(codes, config))
        return
    tiles = choose_tiles(outputs, inputs, config, entries_of(codes, config))
    assert [rows for rows, _ in tiles] == blocks
    for rows, cols in tiles:
        assert (cols[0][0], cols[-1][1]) == (0, inputs)
        assert all(before[1] == after[0] for before, after in pairwise(cols))
        assert all(start % num_pe == 0 and start < stop for start, stop in cols)
        assert all(fits(codes, config, rows, span, inputs) for span in cols)
    assert [len(cols) for _, cols in tiles] == expected


def no_entries(columns, config):
    return lambda _: np.zeros((config.num_pe, columns), np.int64)


def test_tiles_are_as_few_as_the_registers_allow():
    config = HardwareConfig(num_pe=4, act_registers=2)
    assert choose_tiles(16, 8, config, no_entries(8, config)) == [
        ((0, 8), [(0, 8)]),
        ((8, 16), [(0, 8)]),
    ]
    assert choose_tiles(17, 9, config, no_entries(9, config)) == [
        (rows, [(0, 8), (8, 9)]) for rows in ((0, 8), (8, 16), (16, 17))
    ]


def test_every_output_block_is_cut_by_its_own_entries():
    config = HardwareConfig(num_pe=1, act_registers=64, spmat_sram_bytes=64)
    full = np.ones((64, 8), np.int64)

    def lengths(rows):
        return 64 * full[:1] if rows[0] == 0 else full[:1]

    one_by_one = [(at, at + 1) for at in range(8)]
    assert choose_tiles(128, 8, config, lengths) == [
        ((0, 64), one_by_one),
        ((64, 128), [(0, 8)]),
    ]


def test_a_bias_column_goes_with_the_last_row_of_activations():
    config = HardwareConfig(num_pe=1, act_registers=64, spmat_sram_bytes=64)
    lengths = np.array([[20, 20, 20, 5]])
    assert choose_tiles(9, 4, config, lambda _: lengths) == [((0, 9), [(0, 3), (3, 4)])]
    assert choose_tiles(9, 3, config, lambda _: lengths) == [((0, 9), [(0, 2), (2, 3)])]
    assert choose_tiles(9, 3, config, lambda _: lengths - 1) == [((0, 9), [(0, 3)])]


def test_one_row_of_activations_that_does_not_fit_is_refused():
    config = HardwareConfig(num_pe=4, ptr_sram_bytes=64, spmat_sram_bytes=128)
    message = (
        "no tile of 4 inputs fits: a PE has 64 bytes of pointer SRAM and reaches 128 entries; "
        "enlarge ptr_sram_bytes, spmat_sram_bytes or num_pe"
    )
    lengths = np.full((4, 4), 33)
    assert choose_tiles(4, 4, config, lambda _: lengths - 1) == [((0, 4), [(0, 4)])]
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        choose_tiles(4, 4, config, lambda _: lengths)


@pytest.mark.parametrize(("stored", "pointers"), [(4, 5), (5, 6)], ids=["bias", "bias column"])
def test_the_pointer_sram_must_hold_one_row(stored, pointers):
    config = HardwareConfig(num_pe=4, ptr_sram_bytes=2 * pointers)
    tiles = choose_tiles(4, 4, config, no_entries(stored, config))
    assert tiles == [((0, 4), [(0, 4)])]
    config = HardwareConfig(num_pe=4, ptr_sram_bytes=2 * (pointers - 1))
    with pytest.raises(ModelError, match="no tile of 4 inputs fits"):
        choose_tiles(4, 4, config, no_entries(stored, config))
