"""Energy and area against the EIE paper (ISCA 2016)."""

import numpy as np
import pytest

from eie_backend import HardwareConfig, encode, simulate
from eie_backend.energy import ROWS, area_mm2, energy_pj, lnzd_nodes

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
    assert {row.module: row.power_mw for row in ROWS} == TABLE_II_MW


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


def test_a_wider_weight_word_costs_in_proportion():
    counters = {"cycles": 1, "ptr_reads": 3, "spmat_reads": 5, "entries": 7}
    narrow = energy_pj(counters, HardwareConfig(spmat_width_bits=64))
    wide = energy_pj(counters, HardwareConfig(spmat_width_bits=160))
    assert wide.pop("spmat_read") == pytest.approx(2.5 * narrow.pop("spmat_read"))
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
