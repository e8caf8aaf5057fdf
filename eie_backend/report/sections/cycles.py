"""The section on cycles: for each layer, a bar of the seven cycle categories."""

from __future__ import annotations

from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES
from eie_backend.profiler import LayerProfile
from eie_backend.report.content import Choice, Figure, Section, Terms
from eie_backend.report.plots import CATEGORY_COLORS, stacked
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection
from eie_backend.show.quantities import number

NAMES = [category.name for category in CYCLE_CATEGORIES]
DOING = {
    "multiply": "multiplying",
    "padding": "on paddings",
    "empty_column": "passing columns that are empty in them",
    "starved": "without a non-zero to work on",
    "waiting": "waiting for a full queue",
    "scan": "waiting for the scan",
    "drain": "waiting for the layer's end",
}


def cycles(run: Run) -> Section | None:
    """Return the bars, in cycles and as shares."""
    if not run.is_timed:
        return None
    per_pe = run.report.config.num_pe * run.samples
    counts = {name: [one.breakdown[name] / per_pe for one in run.layers] for name in NAMES}
    whole = [one.cycles_per_sample for one in run.layers]
    shares = {
        name: [100 * part / (all_of or 1) for part, all_of in zip(parts, whole, strict=True)]
        for name, parts in counts.items()
    }

    def choice(title: str, unit: str, parts: dict[str, list[float]]) -> Choice:
        colored = [(name, CATEGORY_COLORS[name], parts[name]) for name in NAMES]
        data, layout = stacked(run.names, colored, title, unit)
        head = [f"layer ({unit})", *NAMES]
        rows = zip(run.names, *parts.values(), strict=True)
        numbers = [head, *([name, *(f"{value:,.1f}" for value in row)] for name, *row in rows)]
        return Choice(title, data, layout, numbers)

    figure = Figure(
        id="cycles-figure",
        label="Bars: cycles of each layer by category",
        caption=caption(run.slowest),
        choices=[
            choice("Cycles per sample, mean of the PEs", "cycles", counts),
            choice("Share of the layer's PE cycles", "%", shares),
        ],
        choose="Show",
    )
    meanings = Terms([(category.name, category.doc) for category in CYCLE_CATEGORIES])
    lead = (
        "At every clock edge, every PE does exactly one of seven things, so the parts of a bar add "
        "up to the layer's cycles."
    )
    return Section("cycles", SECTION.title, lead, (figure, meanings))


def caption(layer: LayerProfile) -> str:
    """Return the categories that take at least a twentieth of a layer's cycles, in words."""
    edges = sum(layer.breakdown.values()) or 1
    shares = sorted(((n / edges, name) for name, n in layer.breakdown.items()), reverse=True)
    most = [f"{share:.0%} {DOING[name]}" for share, name in shares if share >= 0.05]
    return (
        f"In {layer.name}, the slowest with {number(layer.cycles_per_sample)} cycles per sample, "
        f"the PEs spend {', '.join(most)}."
    )


SECTION = ReportSection(
    place=60,
    title="Where every cycle went",
    shows="a bar per layer made of the seven categories, in cycles or as shares",
    source="[cycles](cycles.md)",
    make=cycles,
)
