"""Table I: energy per operation, from the shipped energy table."""

from __future__ import annotations

from eie_backend.config import HardwareConfig
from eie_backend.machine.energy import event_energies
from eie_backend.machine.energy_table import shipped_table
from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import Runs

KEY = "table_1"
NAMES = {
    "int32_add": ("32-bit integer add", "arith"),
    "float32_add": ("32-bit float add", "arith"),
    "int32_multiply": ("32-bit integer multiply", "arith"),
    "float32_multiply": ("32-bit float multiply", "arith"),
    "sram_read": ("32-bit SRAM read", "sram"),
    "dram_access": ("32-bit DRAM access", "dram"),
}
SAME = "the shipped energy table is the paper's"
SYNAPSES_PER_S = 1e9 * 20
"""The paper's example: 1 G connections at 20 Hz."""


def reproduce(_runs: Runs) -> Result:
    """Return energies of operations, their ratios to an add, and the paper's example."""
    paper, table = published()[KEY], shipped_table()
    energies = {
        key: table[module, key.removeprefix("sram_").removeprefix("dram_")]
        for key, (_, module) in NAMES.items()
    }
    values = []
    for key, (name, _) in NAMES.items():
        pj, relative = energies[key], energies[key] / energies["int32_add"]
        values += [
            Value(name, "energy", "pJ", pj, paper["energy_pj"][key], 0.0, SAME),
            Value(name, "relative", "", relative, paper["relative"][key], 0.0, SAME),
        ]
    ratio = energies["dram_access"] / energies["sram_read"]
    watt = SYNAPSES_PER_S * energies["dram_access"] * 1e-12
    spmat = next(e for e in event_energies(HardwareConfig(), table) if e.module == "spmat_read")
    bits = table["spmat_read", "width"]
    values += [
        Value("DRAM over SRAM", "relative", "", ratio, paper["dram_over_sram"], 0.0, SAME),
        Value("1 G connections at 20 Hz", "power", "W", watt, paper["dram_watt"], 0.0, SAME),
        Value("32 bits of spmat_read's SRAM", "energy", "pJ", spmat.sram_pj * 32 / bits),
    ]
    notes = (
        "Ours: eie_backend/data/energy_45nm.yaml. The last line checks it against itself: Table "
        "II's power of SpmatRead, divided by its words and taken for 32 bits of 128 KB, is Table "
        "I's 5 pJ for 32 KB times 2, the root of the capacity's growth.",
    )
    return Result(KEY, "Table I: energy per operation at 45 nm", tuple(values), notes)
