"""The section on energy: by module, and by SRAM, arithmetic and clock."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from eie_backend.report.content import Choice, Figure, Section
from eie_backend.report.plots import BLUE, GREEN, GREY, ORANGE, PURPLE, SKY, VERMILION, stacked
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection
from eie_backend.show.quantities import number

COLORS = (SKY, BLUE, VERMILION, ORANGE, GREEN, PURPLE, GREY)
PARTS = {"sram": VERMILION, "arithmetic": BLUE, "clock": GREY}
"""Parts of the compute energy with their colours; DRAM energy is separate."""


def energy(run: Run) -> Section | None:
    """Return the bars, by module and by part."""
    if not run.is_timed:
        return None
    per_nj = 1000 * run.samples
    modules = {
        module: [layer.energy_pj[module] / per_nj for layer in run.layers]
        for module in run.layers[0].energy_pj
    }
    parts = {
        part: [layer.energy_by_part_pj[part] / per_nj for layer in run.layers]
        for part in (*PARTS, "dram")
    }
    colors = dict(zip(modules, COLORS, strict=False))
    dram = sum(parts["dram"])
    total = {module: sum(values) for module, values in modules.items()}
    most = max(total, key=lambda module: total[module])
    figure = Figure(
        id="energy-figure",
        label="Bars: energy of each layer by module",
        caption=(
            f"{most} takes the most: {total[most] / (run.nanojoules or 1):.0%} of "
            f"{number(run.nanojoules)} nJ per sample."
        ),
        choices=[
            choice("Energy by module", run.names, colors, modules),
            choice("Energy by part", run.names, PARTS, parts),
        ],
        choose="Show",
    )
    lead = (
        "Counted events times the energy of each, from "
        f"{run.report.energy_table.name}. Transfers from and to DRAM are beside the bars: "
        f"{number(dram)} nJ per sample."
    )
    return Section("energy", SECTION.title, lead, (figure,))


def choice(
    title: str,
    names: Sequence[str],
    colors: Mapping[str, str],
    values: Mapping[str, Sequence[float]],
) -> Choice:
    """Return bars of the values with colours, and all values as numbers."""
    shown = [(part, color, values[part]) for part, color in colors.items()]
    data, layout = stacked(names, shown, "nJ per sample", "nJ")
    rows = zip(names, *values.values(), strict=True)
    head = ["layer (nJ per sample)", *values]
    table = [head, *([name, *(f"{value:,.2f}" for value in row)] for name, *row in rows)]
    return Choice(title, data, layout, table)


SECTION = ReportSection(
    place=90,
    title="Energy",
    shows="by module, or by SRAM, arithmetic and clock; DRAM is beside",
    source="[energy](energy.md)",
    make=energy,
)
