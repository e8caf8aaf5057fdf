"""Table V: EIE and other platforms on AlexNet's FC7."""

from __future__ import annotations

from dataclasses import replace

from eie_backend.config import HardwareConfig
from eie_backend.machine.energy import area_mm2, energy_pj
from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Published, Result, Value
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.simulator import LayerRun

KEY = "table_5"
LAYER = "Alex-7"
LARGE = replace(PAPER, num_pe=256)
SHRINK = 28 / 45
"""Linear shrink from 45 nm to 28 nm."""

TIME = "Table III rounds Alex-7's densities, of weights to whole percents"
ENERGY = "energies per event derive from Table II's powers at about Alex-7's densities"
AREA = "the modules of Table II; the paper prints three digits"
ALLOWED = 0.1


def reproduce(runs: Runs) -> Result:
    """Return speed, energy and area of 64 PEs, and of 256 PEs by a scaling rule."""
    paper = published()[KEY]
    clock_mhz = paper["large_clock_mhz"]
    small, large = runs.run(LAYER), runs.run(LAYER, LARGE)
    watt = _watt(small, PAPER)
    microseconds = large.cycles / clock_mhz
    values = [
        *_machine("64 PEs, 45 nm", area_mm2(PAPER), watt, small.microseconds, paper["small"]),
        *_machine(
            "256 PEs, 28 nm", area_mm2(LARGE) * SHRINK**2, 4 * watt, microseconds, paper["large"]
        ),
    ]
    dennard = _watt(large, LARGE) * SHRINK**3 * clock_mhz / LARGE.clock_mhz
    gain = small.microseconds / microseconds
    notes = (
        runs.note(),
        "64 PEs: time, energy and area of the simulated Alex-7; power is energy over time.",
        f"256 PEs at 28 nm: our simulated cycles at the paper's {clock_mhz} MHz; area x (28/45)^2; "
        "power 4 times that of 64 PEs, which is the paper's rule (2.36 W = 4 x 0.59 W). Scaled as "
        "Dennard did, energy per event x (28/45)^3, the same run and clock would draw "
        f"{dennard:.2f} W; no rule of ours is fitted to the paper's.",
        f"The paper's text says that 256 PEs give 3.25 times the throughput of 64; its table "
        f"says {paper['large'][2] / paper['small'][2]:.2f}, which is 1.5 (clock) x 3.47. Ours: "
        f"{gain:.2f} = 1.5 x {small.cycles / large.cycles:.2f}.",
        "Other platforms as published; TrueNorth on TIMIT's LSTM.",
    )
    context = [
        Published(platform, *_named(quantity), number)
        for platform, row in paper["platforms"].items()
        for quantity, number in zip([*paper["quantities"], "node nm"], row, strict=True)
        if number is not None
    ]
    title = "Table V: platforms on AlexNet's FC7"
    return Result(KEY, title, tuple(values), notes, tuple(context))


def _machine(
    name: str, mm2: float, watt: float, microseconds: float, paper: list[float]
) -> list[Value]:
    frames = 1e6 / microseconds
    ours = (mm2, watt, frames, frames / mm2, frames / watt)
    reasons = (AREA, ENERGY, TIME, TIME, ENERGY)
    return [
        Value(name, *_named(quantity), mine, theirs, ALLOWED, reason)
        for quantity, mine, theirs, reason in zip(
            published()[KEY]["quantities"], ours, paper, reasons, strict=True
        )
    ]


def _named(quantity: str) -> tuple[str, str]:
    """Return the name and the unit of "area mm2" or "frames/s"."""
    name, _, unit = quantity.partition(" ")
    return name, unit


def _watt(run: LayerRun, config: HardwareConfig) -> float:
    return sum(energy_pj(run.counters, config).values()) * 1e-6 / run.microseconds
