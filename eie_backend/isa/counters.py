"""Every counter of the simulator, declared once; the C++ struct and the docs follow from it."""

from typing import NamedTuple


class Counter(NamedTuple):
    """One counter: its name, unit and meaning."""

    name: str
    unit: str
    doc: str


SATURATIONS = (
    Counter("input_saturations", "values", "host inputs outside the input's fixed-point range"),
    Counter("accumulator_saturations", "values", "sums outside the destination register's range"),
    Counter("output_saturations", "values", "results outside the output's fixed-point range"),
)
"""Values that did not fit their format, by kind."""

ALLOWED_SATURATIONS = 1e-3
"""Saturations for each value that a layer writes, up to which nothing is told: fewer are what a
calibration on other samples leaves, and change results less than the formats round them."""

COUNTERS = (
    Counter("cycles", "cycles", "compute cycles: the scan of every mvm up to its last write"),
    Counter("load_cycles", "cycles", "I/O mode: bytes moved / DRAM bandwidth, beside `cycles`"),
    Counter("load_bytes", "bytes", "I/O mode: matrices, biases and activations moved"),
    Counter("broadcasts", "columns", "non-zero activations broadcast to all PEs"),
    Counter("ptr_reads", "accesses", "pointer pairs read: one per column popped, over all PEs"),
    Counter("spmat_reads", "words", "weight SRAM words read, over all PEs"),
    Counter("entries", "entries", "weight entries issued, paddings included, over all PEs"),
    Counter("padding_entries", "entries", "of `entries`: paddings, which write nothing"),
    Counter("act_reads", "values", "activation values read from the activation SRAM"),
    Counter("act_writes", "values", "activation values written to the activation SRAM"),
    Counter("epilogue_multiplies", "values", "values that an epilogue of `write_back` multiplied"),
    *SATURATIONS,
)
