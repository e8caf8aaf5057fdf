"""The section on the machine: its configuration with units and meanings."""

from __future__ import annotations

from dataclasses import fields

from eie_backend.report.content import Cell, Column, Section, Table
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection


def machine(run: Run) -> Section:
    """Return the configuration."""
    config = run.report.config
    rows = []
    others = [spec.name for spec in fields(config) if getattr(config, spec.name) != spec.default]
    for spec in fields(config):
        value = getattr(config, spec.name)
        rows.append(
            [
                Cell(spec.name),
                Cell(f"{value:,}", value),
                Cell(spec.metadata["unit"]),
                *([Cell(f"{spec.default:,}" if spec.name in others else "")] if others else []),
                Cell(spec.metadata["doc"]),
            ]
        )
    names = ("size", "value", "unit", *(["the paper's"] if others else []), "meaning")
    columns = [Column(name) for name in names]
    lead = (
        f"The sizes for which the model was compiled, with {run.report.arithmetic} arithmetic. The "
        f"engine `{run.report.engine}` simulated it; energies and areas are those of "
        f"{run.report.energy_table.name}. "
        + (f"{len(others)} sizes differ from the paper's." if others else "All are the paper's.")
    )
    return Section("machine", SECTION.title, lead, (Table("config", "Sizes", columns, rows),))


SECTION = ReportSection(
    place=120,
    title="Machine",
    shows="the sizes of the machine with units and meanings, beside the paper's where they differ",
    source="`HardwareConfig`",
    make=machine,
)
