"""What check bits cost, by the rules of the energy model."""

import math

import pytest

from eie_backend import HardwareConfig
from eie_backend.errors import ConfigError
from eie_backend.isa.counters import COUNTERS
from eie_backend.machine.choices import PROTECTION
from eie_backend.machine.energy import area_mm2, energy_pj, event_energies
from eie_backend.machine.energy_table import shipped_table
from eie_backend.soft_errors.protection import cost

CONFIG = HardwareConfig()
COUNTS = {counter.name: 1000 for counter in COUNTERS}


def test_unprotected_words_cost_what_the_machine_does():
    found = cost(COUNTS, CONFIG, "none")
    assert found.picojoule == sum(energy_pj(COUNTS, CONFIG).values())
    assert found.mm2 == area_mm2(CONFIG)


def test_wider_words_cost_as_a_wider_and_larger_memory_does():
    """72 bits in place of 64: the same as a machine whose words have 72 bits of data."""
    table = shipped_table()
    wide = HardwareConfig(spmat_width_bits=72, spmat_sram_bytes=131072 * 72 // 64)
    expected = {one.module: one for one in event_energies(wide, table)}["spmat_read"]
    found = {one.module: one for one in event_energies(CONFIG, table, wider={"spmat_read": 9 / 8})}
    assert found["spmat_read"].sram_pj == pytest.approx(expected.sram_pj)
    assert found["spmat_read"].logic_pj == pytest.approx(expected.logic_pj)
    assert area_mm2(CONFIG, wider={"spmat_read": 9 / 8}) == pytest.approx(area_mm2(wide))


def test_secded_of_the_papers_machine():
    """8 bits for 64, 6 for 16, 7 for a slot of 29."""
    table = shipped_table()
    growth = {"spmat_read": 72 / 64, "ptr_read": 22 / 16, "act_queue": 36 / 29, "act_rw": 22 / 16}
    memory = table.memory_share("mW")
    expected = 1000 * table["arith", "int16_multiply"]  # of epilogues
    for one in event_energies(CONFIG, table):
        wider = growth.get(one.module, 1.0)
        if one.module == "act_queue":
            expected += 1000 * one.logic_pj * wider
        else:
            expected += 1000 * (one.sram_pj * wider * math.sqrt(wider) + one.logic_pj)
    assert 0.68 < memory < 0.69
    assert cost(COUNTS, CONFIG, "secded").picojoule == pytest.approx(expected)


def test_an_unknown_protection_is_refused():
    with pytest.raises(ConfigError, match="protection 'tmr' is unknown; choose one of none"):
        PROTECTION.checked("tmr", ConfigError)
