"""Parity and SECDED: the check bits that they add to a word, and what these cost.

Parity finds an odd number of flips in a word. SECDED, a Hamming code with the parity of all,
corrects one flip and finds two: r check bits with 2^r >= d + r + 1, and one more. What more flips
do to a word is what they do to such a decoder, which then may also correct the wrong bit.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

from eie_backend.config import HardwareConfig
from eie_backend.machine.choices import PROTECTION, Arithmetic, Protection, Unit
from eie_backend.machine.energy import area_mm2, energy_pj
from eie_backend.machine.energy_table import EnergyTable
from eie_backend.runtime import runtime
from eie_backend.soft_errors.units import data_bits

MODULES: Mapping[Unit, str] = {
    "spmat": "spmat_read",
    "ptr": "ptr_read",
    "act_queue": "act_queue",
    "act": "act_rw",
}
"""Modules of the energy table in which a unit's words sit; it has none for the codebook."""


class Cost(NamedTuple):
    """What a machine takes with protected words: energy of a run, and area."""

    picojoule: float
    mm2: float


def check_bits(bits: int, protection: Protection) -> int:
    """Return the check bits of a word with so many bits.

    Examples
    --------
    >>> [check_bits(64, one) for one in PROTECTION.values]
    [0, 1, 8]
    """
    return runtime().check_bits(bits, PROTECTION.number(protection))


def cost(
    counters: Mapping[str, float],
    config: HardwareConfig,
    protection: Protection,
    arithmetic: Arithmetic = "int16",
    table: EnergyTable | None = None,
) -> Cost:
    """Return the compute energy of a run and the area, all units protected.

    Parameters
    ----------
    counters : mapping of str to float
        Counters of the run.
    config : HardwareConfig
        The machine, without check bits.
    protection : {"none", "parity", "secded"}
    arithmetic : {"int16", "float32", "int8", "int32"}
    table : EnergyTable, optional
        The paper's 45 nm numbers by default.

    Notes
    -----
    **Source**: design choice. Check bits make words wider and so the memory larger, and both scale
    its energy as ``docs/energy.md`` says; a queue scales with the width of a slot. Encoders,
    decoders and the codebook, which the paper does not tell apart, are left out.
    """
    wider = {}
    for unit, module in MODULES.items():
        bits = data_bits(unit, config, arithmetic)
        wider[module] = 1 + check_bits(bits, protection) / bits
    energy = energy_pj(counters, config, table, arithmetic, wider)
    return Cost(sum(energy.values()), area_mm2(config, table, wider))
