"""The ablation by layer: cycles, energy and size without each of EIE's ideas."""

from __future__ import annotations

from eie_backend.reproduce.ablation import EIE, costs
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import Runs

KEY = "ablation_layers"

UNITS = {
    "cycles": ("cycles", "", 1.0),
    "energy": ("energy_pj", "uJ", 1e6),
    "size": ("size_bits", "kB", 8000.0),
}
"""Field of `Cost`, display unit, and the unit's size in the field's unit."""


def reproduce(runs: Runs) -> Result:
    """Return absolute numbers, and their ratios to EIE's."""
    found, values = costs(runs), []
    for name, eie in found[EIE].items():
        for idea, by_layer in found.items():
            item = f"{name}, {idea}"
            for quantity, (field, unit, scale) in UNITS.items():
                ours = getattr(by_layer[name], field)
                values.append(Value(item, quantity, unit, ours / scale))
                if idea != EIE:
                    times = ours / getattr(eie, field)
                    values.append(Value(item, f"{quantity}, times EIE's", "x", times))
    notes = (runs.note(), "Cycles with DRAM are those of streaming; assumptions: see `ablation`.")
    return Result(KEY, "EIE without one of its ideas, by layer", tuple(values), notes)
