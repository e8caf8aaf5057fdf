"""Energy per event and area: every number with its source.

Module powers of Table II at 800 MHz are divided by the events that the module sees per cycle at
full activity: one entry per cycle, and columns of 6.4 entries (4096 / 64 PEs x 10 %, the paper's
own reason for its 64-bit words), each of which takes one pointer access and the words it spans;
35 % of the activations are not zero (Table III, AlexNet).
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from eie_backend.config import HardwareConfig

ENTRIES_PER_COLUMN = 6.4
"""Entries of a column in one PE at the paper's operating point."""

ACTIVE = 0.35
"""Share of non-zero activations there."""

WORDS_PER_COLUMN = 1 + (ENTRIES_PER_COLUMN - 1) / 8 - ACTIVE * 7 / 8
"""64-bit words that such a column reads: it starts anywhere in a word, and in seven of eight cases
in the word that its neighbour, if active, has read already.
"""

PAPER_CLOCK_MHZ = 800
PE_AREA_MM2 = 0.638024
LNZD_AREA_MM2 = 189e-6
LNZD_POWER_MW = 0.023


class EnergyRow(NamedTuple):
    """Energy of one event of a module."""

    module: str
    event: str
    power_mw: float
    events_per_cycle: float
    source: str = "EIE paper (ISCA 2016), Table II"

    @property
    def pj(self) -> float:
        """Picojoule per event: mW / (events per second) = 1000 * mW / (MHz * events per cycle)."""
        return 1000 * self.power_mw / (PAPER_CLOCK_MHZ * self.events_per_cycle)


ROWS = (
    EnergyRow("act_queue", "ptr_reads", 0.112, 1 / ENTRIES_PER_COLUMN),
    EnergyRow("ptr_read", "ptr_reads", 1.807, 1 / ENTRIES_PER_COLUMN),
    EnergyRow("spmat_read", "spmat_reads", 4.955, WORDS_PER_COLUMN / ENTRIES_PER_COLUMN),
    EnergyRow("arith", "entries", 1.162, 1.0),
    EnergyRow("act_rw", "entries", 1.122, 1.0),
)
"""EIE paper, Table II: one PE at full activity draws the sum, 9.158 mW."""


def lnzd_nodes(num_pe: int) -> int:
    """Return the nodes of the leading-non-zero tree: one per four inputs on every level."""
    nodes = 0
    while num_pe > 1:
        num_pe = -(-num_pe // 4)
        nodes += num_pe
    return nodes


def energy_pj(counters: Mapping[str, int], config: HardwareConfig) -> dict[str, float]:
    """Return the energy of a run by module, in picojoule.

    Parameters
    ----------
    counters : mapping
        Counters of the run.
    config : HardwareConfig
        The machine; the LNZD tree draws its power for every cycle.

    Notes
    -----
    **Source**: EIE paper, Table II and section 6 (LNZD). A weight word of another width than 64
    bits scales its energy linearly with the width.
    """
    width = config.spmat_width_bits / 64
    by_module = {
        row.module: row.pj * counters[row.event] * (width if row.module == "spmat_read" else 1.0)
        for row in ROWS
    }
    tree_pj_per_cycle = 1000 * LNZD_POWER_MW * lnzd_nodes(config.num_pe) / PAPER_CLOCK_MHZ
    return {**by_module, "lnzd": tree_pj_per_cycle * counters["cycles"]}


def area_mm2(config: HardwareConfig) -> float:
    """Return the area of the PE array and the LNZD tree in square millimetres (45 nm)."""
    return config.num_pe * PE_AREA_MM2 + lnzd_nodes(config.num_pe) * LNZD_AREA_MM2
