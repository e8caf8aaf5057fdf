"""Tiling changes no bit; blocks cover the layer and fit the machine."""

import re
from itertools import pairwise

import numpy as np
import pytest
import tvm
from hypothesis import given
from hypothesis import strategies as st

from eie_backend.config import HardwareConfig
from eie_backend.errors import ModelError
from eie_backend.schedules.kernel import DenseShape, dense_kernel
from eie_backend.schedules.tile import choose_blocks, tile


def cut(length, limit):
    return [(start, min(start + limit, length)) for start in range(0, length, limit)]


def kernel(batch, outputs, inputs, *, bias=True, relu=True):
    """Return an unscheduled kernel as `LowerToTIR` makes it."""
    func = dense_kernel("k", DenseShape(batch, outputs, inputs, bias, relu))
    return func.with_attrs({"eie.layer": "fc", "eie.relu": relu})


def evaluate(func, *arrays):
    shape = tuple(int(extent) for extent in func.params[-1].shape)
    result = tvm.runtime.tensor(np.full(shape, np.nan, np.float32))
    tvm.compile(func, target="llvm")(*map(tvm.runtime.tensor, arrays), result)
    return result.numpy()


def check_bits(outputs, inputs, row_limit, col_limit, **epilogue):
    """Compare the tiled with the whole kernel, bit for bit, on numbers that round."""
    rng = np.random.default_rng(outputs * 1000 + inputs)
    whole = kernel(2, outputs, inputs, **epilogue)
    shapes = [(2, inputs), (outputs, inputs), (outputs,)][: len(whole.params) - 1]
    arrays = [rng.normal(size=shape).astype(np.float32) for shape in shapes]
    tiled = tile(whole, cut(outputs, row_limit), cut(inputs, col_limit))
    assert evaluate(tiled, *arrays).tobytes() == evaluate(whole, *arrays).tobytes()


LIMIT = 8


@pytest.mark.parametrize("outputs", [1, LIMIT - 1, LIMIT, LIMIT + 1])
@pytest.mark.parametrize("inputs", [1, LIMIT - 1, LIMIT, LIMIT + 1])
def test_blocks_change_no_bit_around_their_limit(outputs, inputs):
    check_bits(outputs, inputs, LIMIT, LIMIT)


@pytest.mark.parametrize(("bias", "relu"), [(False, False), (True, False), (False, True)])
def test_blocks_change_no_bit_with_any_epilogue(bias, relu):
    check_bits(19, 33, 8, 4, bias=bias, relu=relu)


def test_blocks_of_one_change_no_bit():
    check_bits(3, 5, 1, 1)


def test_one_block_is_the_whole_kernel():
    whole = kernel(2, 5, 7)
    tvm.ir.assert_structural_equal(tile(whole, [(0, 5)], [(0, 7)]), whole)


def test_attributes_are_kept():
    tiled = tile(kernel(1, 5, 7, relu=False), cut(5, 2), cut(7, 3))
    assert tiled.attrs["eie.layer"] == "fc"
    assert not tiled.attrs["eie.relu"]
    assert tiled.attrs["global_symbol"] == "k"


# Choice of the blocks


@given(
    outputs=st.integers(1, 400),
    inputs=st.integers(1, 400),
    num_pe=st.integers(1, 20),
    registers=st.integers(1, 8),
    pointers=st.integers(25, 100),
    entries=st.integers(20, 2000),
)
def test_blocks_cover_the_layer_and_fit(outputs, inputs, num_pe, registers, pointers, entries):
    config = HardwareConfig(num_pe=num_pe, act_registers=registers, ptr_sram_bytes=2 * pointers)

    def fits(rows, cols):
        return (cols[1] - cols[0]) <= max(entries, num_pe)

    rows, cols = choose_blocks(outputs, inputs, config, fits)
    for spans, length in ((rows, outputs), (cols, inputs)):
        assert spans[0][0] == 0
        assert spans[-1][1] == length
        assert all(before[1] == after[0] for before, after in pairwise(spans))
        assert all(start % num_pe == 0 and start < stop for start, stop in spans)
        assert all(stop - start <= config.block_values for start, stop in spans)
    assert all(fits(row_span, col_span) for row_span in rows for col_span in cols)
    # The bias column and the end of the last column need pointers, too.
    assert all(stop - start + 2 <= pointers for start, stop in cols)


def test_blocks_are_as_few_as_the_registers_allow():
    config = HardwareConfig(num_pe=4, act_registers=2)
    assert choose_blocks(16, 8, config, lambda *_: True) == ([(0, 8), (8, 16)], [(0, 8)])
    assert choose_blocks(17, 9, config, lambda *_: True) == (
        [(0, 8), (8, 16), (16, 17)],
        [(0, 8), (8, 9)],
    )


def test_inputs_are_cut_into_the_fewest_even_blocks_whose_entries_fit():
    config = HardwareConfig(num_pe=4, act_registers=8)
    _, cols = choose_blocks(4, 32, config, lambda _, span: span[1] - span[0] <= 12)
    assert cols == [(0, 12), (12, 24), (24, 32)]


def test_one_row_of_activations_that_does_not_fit_is_refused():
    config = HardwareConfig(num_pe=4, ptr_sram_bytes=64, spmat_sram_bytes=128)
    message = (
        "no tile of 4 inputs fits: a PE has 64 bytes of pointer SRAM and reaches 128 entries; "
        "enlarge ptr_sram_bytes, spmat_sram_bytes or num_pe"
    )
    with pytest.raises(ModelError, match=f"^{re.escape(message)}$"):
        choose_blocks(4, 4, config, lambda *_: False)


@pytest.mark.parametrize("pointers", [5, 6])
def test_the_pointer_sram_must_hold_one_row_and_a_bias_column(pointers):
    config = HardwareConfig(num_pe=4, ptr_sram_bytes=2 * pointers)
    if pointers == 6:
        assert choose_blocks(4, 8, config, lambda *_: True)[1] == [(0, 4), (4, 8)]
        return
    with pytest.raises(ModelError, match="no tile of 4 inputs fits"):
        choose_blocks(4, 8, config, lambda *_: True)
