"""Energy, power and area of a run: counted events times the energy per event from a table.

A module's energy per event is its power at 800 MHz, divided by its events per second at full
activity. Full activity means one entry per cycle and columns of 6.4 entries; each column takes one
pointer access and reads the words it spans. ``docs/energy.md`` has the rules.
"""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import NamedTuple

from eie_backend.config import HardwareConfig
from eie_backend.machine.choices import Arithmetic
from eie_backend.machine.energy_table import SRAM_MODULES, EnergyTable, shipped_table
from eie_backend.machine.numerics import value_bits

ENTRY_BITS = 8
UM2_PER_MM2 = 1_000_000


class EventEnergy(NamedTuple):
    """Energy of one event of a module, in picojoule: of its SRAM array, and of its other logic."""

    module: str
    event: str
    sram_pj: float
    logic_pj: float


def event_energies(
    config: HardwareConfig,
    table: EnergyTable,
    arithmetic: Arithmetic = "int16",
    wider: Mapping[str, float] | None = None,
) -> list[EventEnergy]:
    """Return the energy of one event of every module on a machine.

    `wider` is the factor by which check bits widen the words of a module.

    Notes
    -----
    **Source**: EIE paper, Tables I and II and section 6 (LNZD); the scaling is a design choice:
    the memory's share of an SRAM module's power grows with the square root of the capacity and
    linearly with the width of a word, the arithmetic unit with the energy of its multiply and add,
    a queue with the width of a slot.
    """
    made = []
    for row in table.power_rows():
        # mW / (events per second) = 1000 pJ * mW / (MHz * events per cycle)
        per_cycle = table["derivation", "clock"] * _events_per_cycle(row.event, table)
        pj = 1000 * row.value / per_cycle
        sram = table.memory_share("mW") * pj if row.module in SRAM_MODULES else 0.0
        logic = pj - sram
        growth = (wider or {}).get(row.module, 1.0)
        # Wider words are a larger memory, too.
        sram *= _sram_scale(row.module, config, table) * growth * math.sqrt(growth)
        if row.module == "act_queue":
            logic *= growth
        elif row.module == "arith":
            logic *= _operation_pj(arithmetic, config.accumulator_bits, table) / _operation_pj(
                "int16", 16, table
            )
        elif row.module == "lnzd":
            logic *= lnzd_nodes(config.num_pe)
        made.append(EventEnergy(row.module, row.event, sram, logic))
    return made


def energy_pj(
    counters: Mapping[str, float],
    config: HardwareConfig,
    table: EnergyTable | None = None,
    arithmetic: Arithmetic = "int16",
    wider: Mapping[str, float] | None = None,
) -> dict[str, float]:
    """Return the compute energy of a run by module, in picojoule.

    Parameters
    ----------
    counters : mapping of str to float
        Counters of the run.
    config : HardwareConfig
        The machine; the LNZD tree draws its power for every cycle.
    table : EnergyTable, optional
        The paper's 45 nm numbers by default.
    arithmetic : {"int16", "float32", "int8", "int32"}
        Scales the arithmetic unit.
    wider : mapping of str to float, optional
        Factor by which check bits widen the words of a module.
    """
    table = table or shipped_table()
    energy = {
        one.module: (one.sram_pj + one.logic_pj) * counters[one.event]
        for one in event_energies(config, table, arithmetic, wider)
    }
    energy["arith"] += _epilogue_pj(counters, arithmetic, table)
    return energy


def energy_by_part_pj(
    counters: Mapping[str, float],
    config: HardwareConfig,
    table: EnergyTable | None = None,
    arithmetic: Arithmetic = "int16",
) -> dict[str, float]:
    """Return the compute energy split into "sram", "arithmetic" and "clock", and the "dram" energy.

    Notes
    -----
    **Source**: EIE paper, Table II. Energy outside the SRAM arrays is divided in the ratio of the
    PE's clock network to its registers and combinational cells; these count as arithmetic. DRAM:
    Table I's energy per 32 bits, for all `load_bytes`; it is not part of the compute energy.
    """
    table = table or shipped_table()
    events = event_energies(config, table, arithmetic)
    logic = sum(one.logic_pj * counters[one.event] for one in events)
    clock = table["pe", "clock"]
    share = clock / (clock + table["pe", "register"] + table["pe", "combinational"])
    return {
        "sram": sum(one.sram_pj * counters[one.event] for one in events),
        "arithmetic": logic * (1 - share) + _epilogue_pj(counters, arithmetic, table),
        "clock": logic * share,
        "dram": table["dram", "access"] * counters["load_bytes"] * 8 / 32,
    }


def area_mm2(
    config: HardwareConfig,
    table: EnergyTable | None = None,
    wider: Mapping[str, float] | None = None,
) -> float:
    """Return the area of the PE array and the LNZD tree in square millimetres.

    `wider` is the factor by which check bits widen the words of a module.

    Notes
    -----
    **Source**: EIE paper, Table II. The memory's share of an SRAM module's area is linear in the
    capacity, a queue's in the width of a slot; registers and arithmetic keep the paper's area.
    """
    table = table or shipped_table()
    memory = table.memory_share("um2")
    pe = 0.0
    for (module, event), row in table.rows.items():
        if event == "area" and module != "lnzd":
            growth = (wider or {}).get(module, 1.0)
            if module in SRAM_MODULES:
                growth = 1 - memory + memory * growth * _capacity(module, config, table)
            pe += row.value * growth
    tree = lnzd_nodes(config.num_pe) * table["lnzd", "area"]
    return (config.num_pe * pe + tree) / UM2_PER_MM2


def lnzd_nodes(num_pe: int) -> int:
    """Return the number of nodes of the leading-non-zero tree: one per four inputs per level."""
    nodes = 0
    while num_pe > 1:
        num_pe = -(-num_pe // 4)
        nodes += num_pe
    return nodes


def _events_per_cycle(event: str, table: EnergyTable) -> float:
    """Return the events of a PE per cycle at full activity."""
    entries = table["derivation", "entries_per_column"]
    if event == "ptr_reads":
        return 1 / entries
    if event == "spmat_reads":
        # A column can start at any entry of a word. Unless it starts at the first entry, the
        # previous column, if active, has already read that word.
        word = table["spmat_read", "width"] / ENTRY_BITS
        shared = table["derivation", "active_share"] * (word - 1) / word
        return (1 + (entries - 1) / word - shared) / entries
    return 1.0


def _capacity(module: str, config: HardwareConfig, table: EnergyTable) -> float:
    """Return an SRAM's capacity relative to the capacity in the table."""
    size = {
        "spmat_read": config.spmat_sram_bytes,
        "ptr_read": config.ptr_sram_bytes,
        "act_rw": config.act_sram_bytes,
    }[module]
    return size / table[module, "capacity"]


def _sram_scale(module: str, config: HardwareConfig, table: EnergyTable) -> float:
    """Return the energy of an SRAM access relative to an SRAM of the table's size."""
    if module not in SRAM_MODULES:
        return 1.0
    width = {"spmat_read": config.spmat_width_bits, "ptr_read": config.ptr_bits}.get(module)
    relative = width / table[module, "width"] if width else 1.0
    return relative * math.sqrt(_capacity(module, config, table))


def _operation_pj(arithmetic: Arithmetic, accumulator_bits: int, table: EnergyTable) -> float:
    """Return the energy of a multiply and an add."""
    adder = "float32" if arithmetic == "float32" else f"int{accumulator_bits}"
    return _multiply_pj(arithmetic, table) + table["arith", f"{adder}_add"]


def _multiply_pj(arithmetic: Arithmetic, table: EnergyTable) -> float:
    kind = "float32" if arithmetic == "float32" else f"int{value_bits(arithmetic)}"
    return table["arith", f"{kind}_multiply"]


def _epilogue_pj(
    counters: Mapping[str, float], arithmetic: Arithmetic, table: EnergyTable
) -> float:
    """Return the energy of the products of epilogues, which the multiplier alone computes."""
    return _multiply_pj(arithmetic, table) * counters.get("epilogue_multiplies", 0)
