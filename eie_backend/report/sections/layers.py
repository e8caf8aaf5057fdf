"""The section on layers: every layer's numbers in one sortable table."""

from __future__ import annotations

from collections.abc import Sequence

from eie_backend.profiler import LayerProfile
from eie_backend.report.content import Cell, Column, Section, Table
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection
from eie_backend.report.sections.program import first_instruction
from eie_backend.show.quantities import number, size

COLUMNS = (
    Column("layer", doc="leads to its instructions"),
    Column("vectors", doc="times that it runs for a sample: a convolution's positions"),
    Column("cycles", doc="compute cycles of a sample"),
    Column("share", doc="of the cycles of all layers"),
    Column("time", "µs"),
    Column("load balance", doc="share of the PE cycles that issue an entry"),
    Column("padding", doc="share of the entries that carry no weight"),
    Column("energy", "nJ"),
    Column("power", "mW"),
    Column("load cycles", doc="DRAM transfers of a sample, beside the compute cycles"),
    Column("weights", doc="of the dense matrix"),
    Column("stored", doc="encoded matrices and biases"),
    Column("ratio", doc="float32 bytes of the weights over the bytes stored"),
    Column("saturated", doc="values that did not fit their format"),
)


def layers(run: Run) -> Section:
    """Return the table of layers."""
    slow = run.slowest if run.is_timed else None
    lead = "One row per layer of the machine; numbers are per sample."
    if slow and len(run.layers) > 1:
        share = slow.cycles_per_sample / run.cycles
        lead += f" {slow.name} takes the most cycles: {share:.0%} of all."
    table = Table(
        id="layers-table",
        label="Layers, per sample",
        columns=COLUMNS,
        rows=[row(layer, run) for layer in run.layers],
        total=total(run) if len(run.layers) > 1 else (),
        ids=[run.anchor(layer.name) for layer in run.layers],
        sortable=True,
    )
    return Section("layers", SECTION.title, lead, (table,))


def row(layer: LayerProfile, run: Run) -> list[Cell]:
    """Return a layer's cells."""
    return [
        Cell(layer.name, link=first_instruction(run, layer.name)),
        *numbers([layer], layer.vectors, run),
    ]


def total(run: Run) -> list[Cell]:
    """Return the cells of all layers together."""
    return [Cell("all layers"), *numbers(run.layers, None, run)]


def numbers(layers: Sequence[LayerProfile], vectors: float | None, run: Run) -> list[Cell]:
    """Return the cells of the sum of some layers."""

    def count(counter: str) -> int:
        return sum(layer.counters[counter] for layer in layers)

    config = run.report.config
    cycles = count("cycles")
    per_sample = sum(layer.cycles_per_sample for layer in layers)
    picojoules = sum(sum(layer.energy_pj.values()) for layer in layers)
    weights, stored = (
        sum(getattr(one, key) for one in layers) for key in ("weights", "storage_bytes")
    )
    saturated = sum(count(kind) for kind in run.report.saturations)
    load = count("load_cycles") / run.samples
    balance = count("entries") / max(config.num_pe * cycles, 1)
    padding = count("padding_entries") / max(count("entries"), 1)
    milliwatt = picojoules * config.clock_mhz / max(cycles, 1) / 1000
    nanojoule = picojoules / run.samples / 1000
    return [
        Cell("") if vectors is None else Cell(f"{vectors:,g}", vectors),
        Cell(number(per_sample), per_sample),
        Cell(f"{per_sample / (run.cycles or 1):.1%}", per_sample),
        Cell(f"{per_sample / config.clock_mhz:,.3f}", per_sample),
        Cell(f"{balance:.1%}", balance),
        Cell(f"{padding:.1%}", padding),
        Cell(number(nanojoule), nanojoule),
        Cell(f"{milliwatt:,.0f}", milliwatt),
        Cell(number(load), load),
        Cell(f"{weights:,}", weights),
        Cell(size(stored), stored),
        Cell(f"{4 * weights / max(stored, 1):.1f}x", weights / max(stored, 1)),
        Cell(f"{saturated:,}", saturated),
    ]


SECTION = ReportSection(
    place=40,
    title="Layers",
    shows="every number of a layer per sample; a column's head sorts, by click or Enter. A layer's "
    "name leads to its first instruction",
    source="[counters](counters.md), [energy](energy.md)",
    make=layers,
)
