"""Energy of a weight SRAM read by width, from CACTI, and the SRAM that fits Table II best."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from importlib.resources import files

import yaml

from eie_backend.config import HardwareConfig
from eie_backend.machine.energy import event_energies
from eie_backend.machine.energy_table import shipped_table

FILE = "spmat_read_cacti.yaml"
WIDTHS = (32, 64, 128, 256, 512)
PAPER_WIDTH = 64


@dataclass(frozen=True)
class Sram:
    """CACTI's results on the weight SRAM of a PE, for one kind of cells and one objective.

    Attributes
    ----------
    macros : int
        1 macro of 128 KB, or 2 of 64 KB, one of which is read.
    cells, objective : str
    read_pj : tuple of float
        Energy of a read for each of `WIDTHS`.
    leakage_mw : float
        Of one macro at 64 bits, as are `access_ns` and `cycle_ns`.
    access_ns, cycle_ns : float
    """

    macros: int
    cells: str
    objective: str
    read_pj: tuple[float, ...]
    leakage_mw: float
    access_ns: float
    cycle_ns: float

    @property
    def power_mw(self) -> float:
        """Power of a busy PE's weight SRAM with 64-bit words, comparable to Table II."""
        read = self.read_pj[WIDTHS.index(PAPER_WIDTH)]
        return read * reads_per_us() / 1000 + self.macros * self.leakage_mw


@cache
def srams() -> tuple[Sram, ...]:
    """Return all SRAMs that CACTI evaluated."""
    text = (files("eie_backend") / "data" / FILE).read_text("utf-8")
    rows = yaml.safe_load(text)["rows"]
    return tuple(Sram(**{**row, "read_pj": tuple(row["read_pj"])}) for row in rows)


def fitting_sram() -> Sram:
    """Return the SRAM whose power is nearest to Table II's."""
    return min(srams(), key=lambda sram: abs(sram.power_mw - table_ii_mw()))


def linear_pj() -> tuple[float, ...]:
    """Return the energies of ``docs/energy.md``: Table II's, with the array linear in the width."""
    return tuple(_read_pj(HardwareConfig(spmat_width_bits=width)) for width in WIDTHS)


def reads_per_us() -> float:
    """Return the words that a busy PE reads in a microsecond."""
    return 1000 * table_ii_mw() / _read_pj(HardwareConfig())


def table_ii_mw() -> float:
    """Return the power of SpmatRead."""
    return shipped_table()["spmat_read", "spmat_reads"]


def _read_pj(config: HardwareConfig) -> float:
    (one,) = (e for e in event_energies(config, shipped_table()) if e.module == "spmat_read")
    return one.sram_pj + one.logic_pj
