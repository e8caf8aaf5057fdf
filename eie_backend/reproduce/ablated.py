"""`cost`: the cost of a layer on a machine without some of EIE's ideas.

Compute cycles and counts of reads always come from the exact engine. A weight word holds whole
entries, as many as come closest to the paper's 64 bits, and a PE reads at most one word per cycle.
Entries have at most 36 bits, so wider entries cost more reads but no cycles.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from eie_backend.config import ENTRY_BITS, HardwareConfig
from eie_backend.machine.choices import Arithmetic
from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.machine.energy import event_energies
from eie_backend.machine.energy_table import shipped_table
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.simulator import LayerRun, simulate
from eie_backend.workloads import Layer


@dataclass(frozen=True)
class Machine:
    """A machine with each of EIE's ideas on or off; the defaults are EIE.

    Attributes
    ----------
    in_sram : bool
        Whether weights are in SRAM; otherwise every word is read from DRAM.
    pruned : bool
        Whether zero weights are not stored.
    weight_bits : {4, 16, 32}
        4: an index into a codebook. 16 and 32: the weight itself, in fixed point or float32.
    skips_zeros : bool
        Whether zero activations are skipped.
    indexed : bool
        Whether entries have a 4-bit index and columns have pointers; a dense layer needs neither.
    """

    in_sram: bool = True
    pruned: bool = True
    weight_bits: int = 4
    skips_zeros: bool = True
    indexed: bool = True

    @property
    def entry_bits(self) -> int:
        """Bits of a stored weight with its index."""
        return self.weight_bits + (PAPER.index_bits if self.indexed else 0)

    @property
    def entries_per_word(self) -> int:
        """Whole entries in a weight word of about 64 bits."""
        return round(PAPER.spmat_width_bits / self.entry_bits)

    @property
    def arithmetic(self) -> Arithmetic:
        """The arithmetic of the multiplications; float32 weights need float32."""
        return "float32" if self.weight_bits == 32 else "int16"


@dataclass(frozen=True)
class Cost:
    """Cost of a layer for one input vector.

    Attributes
    ----------
    compute_cycles : int
    memory_cycles : float
        Time to stream the weight words from DRAM at the machine's bandwidth; 0 with SRAM.
    energy_pj, fetch_pj : float
        Total energy, and the part that the memory itself uses to read weight words.
    size_bits : int
        Size of weights, indices, pointers and codebook.
    """

    compute_cycles: int
    memory_cycles: float
    energy_pj: float
    fetch_pj: float
    size_bits: int

    @property
    def cycles(self) -> float:
        """Total cycles, if streaming and computing overlap perfectly."""
        return max(self.compute_cycles, self.memory_cycles)


def cost(runs: Runs, name: str, machine: Machine) -> Cost:
    """Return the cost of a layer on a machine.

    Notes
    -----
    **Source**: EIE paper, Table II for the modules and Table I for DRAM. Design choices: a bit read
    from SRAM costs the same for any capacity (more banks of the paper's size), and without indices
    there is no `ptr_read` energy.
    """
    config = replace(PAPER, spmat_width_bits=machine.entries_per_word * ENTRY_BITS)
    matrix = runs.encoded(name) if machine.pruned else full_matrix(runs.layers[name], config)
    run = _run(runs, name, matrix, config, machine)
    table, word_bits = shipped_table(), machine.entries_per_word * machine.entry_bits
    energy, fetch = 0.0, 0.0
    for one in event_energies(PAPER, table, machine.arithmetic):
        count, sram_pj = run.counters[one.event], one.sram_pj
        if one.module == "ptr_read" and not machine.indexed:
            continue
        if one.module == "spmat_read":
            sram_pj *= word_bits / PAPER.spmat_width_bits
            if not machine.in_sram:
                sram_pj = table["dram", "access"] * word_bits / 32
            fetch = sram_pj * count
        energy += (sram_pj + one.logic_pj) * count
    word_bytes = 0.0 if machine.in_sram else run.counters["spmat_reads"] * word_bits / 8
    pointers = matrix.pointers.size * PAPER.ptr_bits if machine.indexed else 0
    codebook = 16 * PAPER.codebook_entries if machine.weight_bits == PAPER.codebook_bits else 0
    return Cost(
        run.cycles,
        word_bytes / PAPER.dram_bytes_per_cycle,
        energy,
        fetch,
        matrix.entries.size * machine.entry_bits + pointers + codebook,
    )


def full_matrix(layer: Layer, config: HardwareConfig) -> EncodedMatrix:
    """Return a matrix of a layer's size without zeros, as `encode` stores it, of dummy values."""
    rows, cols = layer.codes.shape
    has_bias = layer.bias_codes is not None
    slices = np.array([len(range(pe, rows, config.num_pe)) for pe in range(config.num_pe)])
    pointers = np.outer(slices, np.arange(cols + has_bias + 1)).astype(np.uint32)
    codebook = np.zeros(config.codebook_entries, np.float32)
    entries = np.ones(rows * (cols + has_bias), np.uint8)
    return EncodedMatrix(
        rows, cols, config.num_pe, config.codebook_bits, codebook, pointers, entries, has_bias
    )


def _run(
    runs: Runs, name: str, matrix: EncodedMatrix, config: HardwareConfig, machine: Machine
) -> LayerRun:
    if machine.pruned and machine.skips_zeros:
        return runs.run(name, config)
    x = runs.layers[name].activations
    x = x if machine.skips_zeros else np.ones_like(x)
    return simulate(matrix, x, config, "float32", values=False)
