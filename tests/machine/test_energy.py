"""Energy and area against the EIE paper (ISCA 2016)."""

from pathlib import Path

import numpy as np
import pytest

from eie_backend import HardwareConfig, encode, simulate
from eie_backend.machine.energy import (
    area_mm2,
    energy_by_part_pj,
    energy_pj,
    event_energies,
    lnzd_nodes,
)
from eie_backend.machine.energy_table import shipped_table

TABLE_II_MW = {
    "act_queue": 0.112,
    "ptr_read": 1.807,
    "spmat_read": 4.955,
    "arith": 1.162,
    "act_rw": 1.122,
}
TABLE_II_PE_MW = 9.157
PE_MM2 = 0.638024
LNZD_MM2 = 189e-6


def power_mw(pj, config, cycles):
    return sum(pj) * config.clock_mhz / cycles / 1000


def random_codes(rng, rows, cols, density, values=16):
    return rng.integers(1, values, (rows, cols)) * (rng.random((rows, cols)) < density)


def test_the_rows_are_the_module_powers_of_table_ii():
    rows = shipped_table().power_rows()
    assert {r.module: r.value for r in rows} == {**TABLE_II_MW, "lnzd": 0.023}
    assert {r.unit for r in rows} == {"mW"}


def test_a_busy_pe_draws_the_power_of_table_ii():
    """One PE's 64 of 4096 rows at 10 %, 35 % of the activations: the paper's operating point."""
    rng = np.random.default_rng(0)
    config = HardwareConfig(num_pe=1, codebook_bits=2)  # 6-bit runs: 6.4 entries, no paddings
    encoded = encode(random_codes(rng, 64, 20000, 0.1, 4), np.arange(4), config)
    run = simulate(encoded, rng.random(20000) < 0.35, config, "float32")
    assert run.load_balance > 0.99
    pj = energy_pj(run.counters, config)
    assert pj["lnzd"] == 0  # one PE needs no tree
    assert power_mw(pj.values(), config, run.cycles) == pytest.approx(TABLE_II_PE_MW, rel=0.05)
    for module, milliwatts in TABLE_II_MW.items():
        assert power_mw([pj[module]], config, run.cycles) == pytest.approx(milliwatts, rel=0.05)


@pytest.mark.parametrize(
    ("num_pe", "nodes"), [(1, 0), (2, 1), (4, 1), (5, 3), (16, 5), (17, 8), (64, 21), (256, 85)]
)
def test_lnzd_nodes_form_a_tree_of_four_inputs(num_pe, nodes):
    assert lnzd_nodes(num_pe) == nodes


def test_the_tree_draws_its_power_every_cycle():
    counters = {"cycles": 1000, "ptr_reads": 0, "spmat_reads": 0, "entries": 0}
    pj = energy_pj(counters, HardwareConfig())
    assert power_mw(pj.values(), HardwareConfig(), 1000) == pytest.approx(21 * 0.023)


MEMORY_SHARE = 5.416 / (4.955 + 1.807 + 1.122)
"""Table II: of the SRAM modules' power, the memory's."""


def test_a_wider_weight_word_costs_in_proportion_in_the_sram_array():
    """The module's clock, registers and logic, 31 % of its power, do not grow with the word."""
    counters = {"cycles": 1, "ptr_reads": 3, "spmat_reads": 5, "entries": 7}
    narrow = energy_pj(counters, HardwareConfig(spmat_width_bits=64))
    wide = energy_pj(counters, HardwareConfig(spmat_width_bits=160))
    factor = 1 - MEMORY_SHARE + MEMORY_SHARE * 2.5
    assert wide.pop("spmat_read") == pytest.approx(factor * narrow.pop("spmat_read"))
    assert wide == narrow


def test_energy_is_a_sum_over_events():
    counters = {"cycles": 2, "ptr_reads": 3, "spmat_reads": 5, "entries": 7}
    double = {name: 2 * count for name, count in counters.items()}
    once, twice = (energy_pj(c, HardwareConfig()) for c in (counters, double))
    assert twice == pytest.approx({module: 2 * pj for module, pj in once.items()})


def test_64_pes_have_the_area_of_the_paper():
    assert area_mm2(HardwareConfig()) == pytest.approx(40.8, abs=0.05)
    assert area_mm2(HardwareConfig()) == pytest.approx(64 * PE_MM2 + 21 * LNZD_MM2)
    assert area_mm2(HardwareConfig(num_pe=1)) == pytest.approx(PE_MM2)


def test_alex7_frames_per_joule_are_the_papers():
    """Table V: 138,927; Table III: 4096 x 4096, 9 % of the weights, 35.3 % of the inputs."""
    rng = np.random.default_rng(0)
    config = HardwareConfig()
    encoded = encode(random_codes(rng, 4096, 4096, 0.09), np.arange(16), config)
    run = simulate(encoded, rng.random(4096) < 0.353, config, "float32")
    joules = sum(energy_pj(run.counters, config).values()) * 1e-12
    assert 1 / joules == pytest.approx(138927, rel=0.1)


# Sizes and arithmetics


@pytest.mark.parametrize(
    ("module", "size", "value", "factor"),
    [
        ("spmat_read", "spmat_sram_bytes", 131072 * 4, 2.0),
        ("spmat_read", "spmat_sram_bytes", 131072 // 16, 0.25),
        ("ptr_read", "ptr_sram_bytes", 32768 * 9, 3.0),
        ("ptr_read", "ptr_bits", 32, 2.0),
        ("act_rw", "act_sram_bytes", 512, 0.5),
    ],
)
def test_sram_energy_grows_with_the_root_of_the_capacity_and_with_the_width(
    module, size, value, factor
):
    paper, other = (energy_pj(SOME, config) for config in (HardwareConfig(), sized(size, value)))
    expected = (1 - MEMORY_SHARE + MEMORY_SHARE * factor) * paper.pop(module)
    assert other.pop(module) == pytest.approx(expected)
    assert other == paper


SOME = {"cycles": 11, "ptr_reads": 3, "spmat_reads": 5, "entries": 7, "load_bytes": 100}


def sized(size, value):
    return HardwareConfig(**{size: value})


@pytest.mark.parametrize(
    ("arithmetic", "accumulator_bits", "pj"),
    [
        ("int16", 16, 0.62 + 0.05),
        ("int16", 32, 0.62 + 0.1),
        ("int8", 16, 0.124 + 0.05),
        ("int32", 32, 3.1 + 0.1),
        ("float32", 16, 3.7 + 0.9),
        ("float32", 32, 3.7 + 0.9),
    ],
)
def test_the_arithmetic_unit_scales_with_its_multiply_and_add(arithmetic, accumulator_bits, pj):
    config = HardwareConfig(accumulator_bits=accumulator_bits)
    other = energy_pj(SOME, config, arithmetic=arithmetic)
    own = energy_pj(SOME, HardwareConfig())
    assert other.pop("arith") == pytest.approx(own.pop("arith") * pj / (0.62 + 0.05))
    assert other == own


def test_multipliers_cost_what_figure_10_says():
    """A 16-bit multiply takes 5 times less than a 32-bit one and 6.2 times less than float32."""
    table = shipped_table()
    sixteen = table["arith", "int16_multiply"]
    assert table["arith", "int32_multiply"] / sixteen == pytest.approx(5)
    assert table["arith", "float32_multiply"] / sixteen == pytest.approx(6.2, rel=0.05)


def test_area_is_linear_in_the_capacity_of_each_sram():
    memory = 594786 / (121849 + 469412 + 18934)
    grown = area_mm2(HardwareConfig(num_pe=1, spmat_sram_bytes=2 * 131072))
    assert (grown - PE_MM2) * 1e6 == pytest.approx(memory * 469412)
    no_ptr = area_mm2(HardwareConfig(num_pe=1, ptr_sram_bytes=32768 // 4))
    assert (PE_MM2 - no_ptr) * 1e6 == pytest.approx(memory * 121849 * 3 / 4)


def test_the_page_lists_the_energies_per_event():
    page = (Path(__file__).parents[2] / "docs" / "energy.md").read_text("utf-8")
    for one in event_energies(HardwareConfig(num_pe=2), shipped_table()):
        (row,) = (line for line in page.splitlines() if line.startswith(f"| `{one.module}` |"))
        pj = one.sram_pj + one.logic_pj
        unit = f"{pj:.3f} per node" if one.module == "lnzd" else f"{pj:.2f}"
        assert row == f"| `{one.module}` | `{one.event}` | {unit} |"


# By part


def test_the_parts_are_the_compute_energy_and_dram_is_beside_it():
    parts = energy_by_part_pj(SOME, HardwareConfig())
    assert parts.pop("dram") == pytest.approx(640 * 100 / 4)  # Table I: 640 pJ for 4 bytes
    assert sum(parts.values()) == pytest.approx(sum(energy_pj(SOME, HardwareConfig()).values()))


def test_a_busy_pe_divides_into_the_components_of_table_ii():
    """Events in the proportion that the module powers assume, for 1000 cycles."""
    columns = 1000 / 6.4
    words = columns * (1 + 5.4 / 8 - 0.35 * 7 / 8)
    counters = {
        "cycles": 1000,
        "ptr_reads": columns,
        "spmat_reads": words,
        "entries": 1000,
        "load_bytes": 0,
    }
    config = HardwareConfig(num_pe=1)
    parts = energy_by_part_pj(counters, config)
    milliwatts = {part: power_mw([pj], config, 1000) for part, pj in parts.items()}
    expected = {"sram": 5.416, "clock": 1.874, "arithmetic": 1.026 + 0.841, "dram": 0}
    assert milliwatts == pytest.approx(expected, rel=1e-3)


def test_dram_takes_128_times_the_sram():
    """Table I, the paper's reason for keeping the network on the chip."""
    table = shipped_table()
    assert table["dram", "access"] / table["sram", "read"] == 128


# Figure 9

ALEXNET = {"Alex-6": (9216, 4096, 0.09, 0.351), "Alex-7": (4096, 4096, 0.09, 0.353)}
ALEXNET["Alex-8"] = (4096, 1000, 0.25, 0.375)
WIDTHS = (32, 64, 128, 256, 512)


@pytest.mark.sampled(4)
@pytest.mark.parametrize("layer", [*ALEXNET][::-1])  # the smallest with each change
def test_a_64_bit_word_needs_the_least_energy_as_in_figure_9(layer):
    """Fig. 9, AlexNet; its axis of energy per read ends at 225 pJ."""
    inputs, outputs, density, active = ALEXNET[layer]
    rng = np.random.default_rng(0)
    codes = random_codes(rng, outputs, inputs, density)
    x = rng.random(inputs) < active
    energies = {}
    for width in WIDTHS:
        config = HardwareConfig(spmat_width_bits=width)
        run = simulate(encode(codes, np.arange(16), config), x, config, "float32")
        energies[width] = energy_pj(run.counters, config)["spmat_read"]
        assert energies[width] / run.counters["spmat_reads"] < 225
    assert min(energies, key=energies.get) == 64
