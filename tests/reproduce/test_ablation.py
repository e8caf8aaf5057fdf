"""EIE without its ideas: against closed forms, the encoder, and the paper's factors."""

from dataclasses import replace
from itertools import pairwise
from math import ceil

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from eie_backend import HardwareConfig, encode, simulate
from eie_backend.machine.energy import energy_pj, event_energies
from eie_backend.machine.energy_table import shipped_table
from eie_backend.machine.timing import FIRST_POP_EDGES, PIPELINE_EDGES
from eie_backend.reproduce import ablation, ablation_layers
from eie_backend.reproduce.ablated import Machine, cost, full_matrix
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.show.drawing import rendered
from eie_backend.workloads import Layer, LayerShape, generate

SMALL = LayerShape("small", 200, 300, 0.1, 0.4)


@pytest.fixture
def small():
    """Return runs of one small layer."""
    made = Runs()
    made.__dict__["layers"] = {"small": generate(SMALL)}
    return made


@given(
    rows=st.integers(1, 40),
    cols=st.integers(1, 20),
    num_pe=st.integers(1, 9),
    has_bias=st.booleans(),
)
def test_a_full_matrix_is_what_encode_makes_of_ones(rows, cols, num_pe, has_bias):
    config = HardwareConfig(num_pe=num_pe)
    ones = np.ones((rows, cols), np.uint8)
    bias = np.ones(rows, np.uint8) if has_bias else None
    layer = Layer("", "", ones, np.array([0, 1], np.float32), np.ones(cols, np.float32), bias)
    ours, expected = full_matrix(layer, config), layer.encode(config)
    assert np.array_equal(ours.pointers, expected.pointers)
    assert np.array_equal(ours.entries, expected.entries)
    assert ours.has_bias_column == expected.has_bias_column


@pytest.mark.parametrize("name", ["Alex-8", "VGG-8", "NT-We"])
def test_dense_cycles_are_entries_of_the_fullest_pe(runs, name):
    """Closed form: from the first on, every active column keeps the fullest PE for its slice.

    A first column in row r of the activations (1, 2, ...) waits for r - 1 rows to pass; popped, it
    issues its first entry.
    """
    layer = runs.layers[name]
    rows, active = layer.codes.shape[0], np.count_nonzero(layer.activations)
    run = cost(runs, name, Machine(pruned=False))
    first = ceil((np.flatnonzero(layer.activations)[0] + 1) / PAPER.num_pe)
    entries = active * ceil(rows / PAPER.num_pe)
    assert run.compute_cycles == first - 1 + FIRST_POP_EDGES + entries + PIPELINE_EDGES


def test_cycles_do_not_depend_on_the_width_of_weights(small):
    cycles = {
        cost(small, "small", Machine(weight_bits=bits)).compute_cycles for bits in (4, 16, 32)
    }
    assert len(cycles) == 1


def test_eie_costs_what_the_energy_model_says(small):
    run = small.run("small")
    found = cost(small, "small", Machine())
    assert found.energy_pj == pytest.approx(sum(energy_pj(run.counters, PAPER).values()))
    assert found.cycles == run.cycles
    stored = small.encoded("small").storage_bytes(PAPER)
    assert found.size_bits == 8 * stored


def test_dram_costs_table_i_and_its_bandwidth(small):
    """640 pJ per 32 bits, 8 bytes per cycle; the energy of the SRAM array falls away."""
    words = small.run("small").counters["spmat_reads"]
    sram, dram = (cost(small, "small", Machine(in_sram=where)) for where in (True, False))
    assert dram.fetch_pj == words * 2 * 640
    assert dram.energy_pj - sram.energy_pj == pytest.approx(dram.fetch_pj - sram.fetch_pj)
    assert dram.memory_cycles == words
    assert (dram.compute_cycles, dram.size_bits) == (sram.compute_cycles, sram.size_bits)


@pytest.mark.parametrize(("bits", "word", "arithmetic"), [(16, 60, "int16"), (32, 72, "float32")])
def test_wide_weights_cost_their_bits_and_their_multiply(small, bits, word, arithmetic):
    """An SRAM read in proportion to its bits; all else as the energy model has it."""
    found = cost(small, "small", Machine(weight_bits=bits))
    run = small.run("small", replace(PAPER, spmat_width_bits=8 * (word // (bits + 4))))
    energies = event_energies(PAPER, shipped_table(), arithmetic)
    (sram_pj,) = (one.sram_pj for one in energies if one.module == "spmat_read")
    array = run.counters["spmat_reads"] * sram_pj
    assert found.fetch_pj == pytest.approx(array * word / 64)
    whole = sum(energy_pj(run.counters, PAPER, arithmetic=arithmetic).values())
    assert found.energy_pj == pytest.approx(whole - array + found.fetch_pj)


def test_words_are_read_where_entries_need_them():
    """Counted by hand from pointers: a word is read when it is not the PE's last one."""
    matrix = encode(generate(SMALL).codes, np.arange(16.0), PAPER)
    for bits, width in ((16, 3), (32, 2)):
        assert Machine(weight_bits=bits).entries_per_word == width
        words = 0
        for pe in matrix.pointers.astype(int):
            last = -1
            for start, end in pairwise(pe):
                for entry in range(start, end):
                    words += entry // width != last
                    last = entry // width
        config = replace(PAPER, spmat_width_bits=8 * width)
        run = simulate(matrix, np.ones(SMALL.inputs), config, values=False)
        assert run.counters["spmat_reads"] == words


def test_entries_and_words():
    dense = {"pruned": False, "indexed": False}
    found = [
        (machine.entry_bits, machine.entries_per_word)
        for machine in (
            Machine(),
            Machine(weight_bits=16),
            Machine(weight_bits=32),
            Machine(**dense),
            Machine(**dense, weight_bits=16),
            Machine(**dense, weight_bits=32),
        )
    ]
    assert found == [(8, 8), (20, 3), (36, 2), (4, 16), (16, 4), (32, 2)]


def test_a_dense_layer_of_floats_takes_their_bits(small):
    off = cost(small, "small", ablation.IDEAS[ablation.ALL_OFF])
    assert off.size_bits == 32 * SMALL.inputs * SMALL.outputs
    # 300 rows on 64 PEs are 4 or 5 entries of a column, two in a word; words go on across columns.
    slices = [len(range(pe, 300, 64)) for pe in range(64)]
    words = sum(ceil(SMALL.inputs * entries / 2) for entries in slices)
    assert off.fetch_pj == words * 2 * 640


@pytest.mark.nightly
def test_no_idea_makes_anything_worse(results):
    result = results(ablation.KEY)
    for quantity in ablation.QUANTITIES:
        assert all(value.ours >= 1 for value in result.of(quantity).values())
    assert not result.failures
    assert len([value for value in result.values if value.tolerance is not None]) == 6


@pytest.mark.nightly
def test_layers_multiply_to_the_means(results):
    """The table by layer, averaged, is the table of factors."""
    layers, factors = results(ablation_layers.KEY), results(ablation.KEY)
    six = ("Alex-6", "Alex-7", "Alex-8", "VGG-6", "VGG-7", "VGG-8")
    for idea in ablation.IDEAS:
        times = layers.of("energy, times EIE's")
        logs = [np.log(times[f"{name}, {idea}"].ours) for name in six]
        assert np.exp(np.mean(logs)) == pytest.approx(factors.of("energy")[idea].ours)


def test_the_savings_mean_is_that_of_the_pruning_paper():
    """Zero inputs of fc6 to fc8, as Learning both Weights and Connections prints them."""
    saved = 100 - np.mean([34, 36, 40, 19, 38, 42])
    assert int(100 * saved) / 100 == 65.16


@pytest.mark.nightly
def test_picture(results):
    result = results(ablation.KEY)
    svg = rendered(lambda: ablation.draw(result), "svg").decode()
    assert all(idea.split(" ")[0] in svg for idea in ablation.IDEAS)
    assert "28,800" in svg


@pytest.mark.nightly
def test_a_seed_is_not_what_holds_it():
    assert not ablation.reproduce(Runs(seed=7)).failures
