"""`estimate`: a layer's cycles, events and energy on a machine, from sizes and densities alone."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property

import numpy as np

from eie_backend.analytical.queues import busy_cycles
from eie_backend.analytical.scan import scan_edges
from eie_backend.analytical.slices import Slice, slice_of
from eie_backend.analytical.words import word_reads
from eie_backend.config import HardwareConfig
from eie_backend.errors import InputError
from eie_backend.machine.choices import Arithmetic
from eie_backend.machine.energy import energy_pj
from eie_backend.machine.timing import FIRST_POP_EDGES, PIPELINE_EDGES
from eie_backend.workloads.layer import LayerShape


@dataclass(frozen=True)
class Estimate:
    """Expected cost of a layer with uniformly distributed non-zeros.

    Attributes
    ----------
    shape : LayerShape
        Sizes and densities.
    config : HardwareConfig
        The machine.
    arithmetic : str
        Arithmetic, for the energy.
    slices : tuple of tuple of int and Slice
        Pairs of a number of PEs and their slice of a column; slices with more rows first.
    cycles_low, cycles_high : float
        Low and high estimates of the cycles with finite queues; equal if queues cost nothing. They
        estimate the mean; the cycles of a single layer with few columns vary more around it.
    """

    shape: LayerShape
    config: HardwareConfig
    arithmetic: Arithmetic
    slices: tuple[tuple[int, Slice], ...]
    cycles_low: float
    cycles_high: float

    @property
    def cycles(self) -> float:
        """Compute cycles: the mean of the low and the high estimate."""
        return (self.cycles_low + self.cycles_high) / 2

    @property
    def microseconds(self) -> float:
        """Time in microseconds at the machine's clock."""
        return self.cycles / self.config.clock_mhz

    @property
    def entries(self) -> float:
        """Entries that all PEs issue, paddings included."""
        return self.shape.nonzero_acts * sum(count * one.mean for count, one in self.slices)

    @property
    def padding_entries(self) -> float:
        """Padding entries that all PEs issue."""
        return self.shape.nonzero_acts * sum(count * one.paddings for count, one in self.slices)

    @property
    def load_balance(self) -> float:
        """Fraction of PE cycles in which an entry is issued."""
        return self.entries / (self.config.num_pe * self.cycles)

    @cached_property
    def counters(self) -> Mapping[str, float]:
        """Estimates of the counters of `LayerRun` that a single scan has."""
        columns, share = self.shape.nonzero_acts, self.shape.act_density
        word = self.config.entries_per_word
        return {
            "cycles": self.cycles,
            "broadcasts": float(columns),
            "ptr_reads": float(columns * self.config.num_pe),
            "spmat_reads": sum(
                count * word_reads(one, columns, share, word) for count, one in self.slices
            ),
            "entries": self.entries,
            "padding_entries": self.padding_entries,
        }

    @cached_property
    def energy_pj(self) -> dict[str, float]:
        """Compute energy by module, in picojoule, with the paper's 45 nm numbers."""
        return energy_pj(self.counters, self.config, arithmetic=self.arithmetic)


def estimate(
    shape: LayerShape, config: HardwareConfig | None = None, arithmetic: Arithmetic = "int16"
) -> Estimate:
    """Estimate cycles, events and energy of a layer in a fraction of a millisecond.

    Parameters
    ----------
    shape : LayerShape
        Sizes and densities; there is no bias column.
    config : HardwareConfig, optional
        The machine; the paper's by default. As in `simulate`, memory sizes are unlimited.
    arithmetic : {"int16", "float32", "int8", "int32"}
        Arithmetic, for the energy of the arithmetic unit.

    Returns
    -------
    Estimate

    Raises
    ------
    InputError
        If a size or density is impossible; the message lists all faults.

    Notes
    -----
    **Source**: design choice; ``docs/analytical.md`` has the derivation and the measured error.

    Examples
    --------
    >>> from eie_backend.workloads import TABLE_III
    >>> found = estimate(TABLE_III["Alex-7"])
    >>> round(found.cycles), round(found.load_balance, 2)
    (10360, 0.96)
    """
    _check(shape)
    config = config or HardwareConfig()
    rows, more = divmod(shape.outputs, config.num_pe)
    slices = tuple(
        (count, slice_of(length, shape.weight_density, config.max_run + 1))
        for count, length in ((more, rows + 1), (config.num_pe - more, rows))
        if count
    )
    if shape.nonzero_acts and shape.nonzero_weights:
        low, high = _cycles(shape, slices, config)
    else:
        low = high = _empty_cycles(shape, config)
    return Estimate(shape, config, arithmetic, slices, low, high)


def _cycles(
    shape: LayerShape, slices: tuple[tuple[int, Slice], ...], config: HardwareConfig
) -> tuple[float, float]:
    columns = shape.nonzero_acts
    first, ends = scan_edges(shape.inputs, columns, config.num_pe)
    with np.errstate(over="ignore", under="ignore"):
        low, high, last = busy_cycles(slices, columns, config.queue_columns, 1 + ends / columns)
    # The scan may take longer than the slowest PE.
    scan = columns - 1 + ends + last
    edges = FIRST_POP_EDGES + PIPELINE_EDGES
    return edges + max(first + low, scan), edges + max(first + high, scan)


def _empty_cycles(shape: LayerShape, config: HardwareConfig) -> float:
    """Return when a layer ends that issues nothing; its first row enters at edge 1."""
    before = -(-shape.inputs // config.num_pe) - 1
    active = shape.nonzero_acts / shape.inputs
    return 1 + PIPELINE_EDGES + before * (config.num_pe * active + 1 - active)


def _check(shape: LayerShape) -> None:
    faults = [
        f"{name} = {value}, which must be at least 1"
        for name, value in (("inputs", shape.inputs), ("outputs", shape.outputs))
        if value < 1
    ]
    faults += [
        f"{name} = {value}, which must be in 0..1"
        for name, value in (
            ("weight_density", shape.weight_density),
            ("act_density", shape.act_density),
        )
        if not 0 <= value <= 1
    ]
    if faults:
        raise InputError(f"layer {shape.name}: {'; '.join(faults)}; correct its shape")
