"""The section on PEs: a heat map of cycle categories by PE, for each layer."""

from __future__ import annotations

import numpy as np

from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES
from eie_backend.profiler import LayerProfile
from eie_backend.report.content import Choice, Figure, Section
from eie_backend.report.plots import heatmap, spans
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection

MOST_COLUMNS = 256
"""Most columns of a heat map; with more PEs, several share a column."""

ROWS = (*(category.name for category in CYCLE_CATEGORIES), "blocking")


def pes(run: Run) -> Section | None:
    """Return the heat maps."""
    if not run.is_timed:
        return None
    layers = sorted(run.layers, key=lambda layer: -layer.cycles_per_sample)
    figure = Figure(
        id="pes-figure",
        label="Heat map: share of the layer's cycles by category and PE",
        caption=caption(layers[0]),
        choices=[choice(layer) for layer in layers],
        choose="Layer",
    )
    group = _group(run.report.config.num_pe)
    grouped = f" A column is the mean of {group} PEs." if group > 1 else ""
    lead = (
        "A column per PE, a row per category, as a share of the layer's cycles. The row `blocking` "
        "is apart: the edges at which the PE's own full queue held a broadcast back from all PEs."
        f"{grouped}"
    )
    return Section("pes", SECTION.title, lead, (figure,))


def choice(layer: LayerProfile) -> Choice:
    """Return a layer's heat map."""
    cycles = layer.counters["cycles"] or 1
    count = len(layer.blocking)
    group = _group(count)
    starts = np.arange(0, count, group)
    together = np.diff([*starts, count])
    edges = np.array([*(layer.breakdown_per_pe[row] for row in ROWS[:-1]), layer.blocking])
    shares = 100 * np.add.reduceat(edges, starts, axis=1) / together / cycles
    trace = heatmap(
        ROWS,
        spans(count, group),
        np.round(shares, 1).tolist(),
        showscale=True,
        colorbar={"title": {"text": "%"}, "thickness": 12},
        hovertemplate="<b>PE %{x}</b><br>%{y}: %{z:.1f}% of the cycles<extra></extra>",
    )
    layout = {
        "height": 300,
        "margin": {"t": 12},
        "xaxis": {"title": {"text": "PE"}, "type": "category", "nticks": 9, "showgrid": False},
        "yaxis": {
            "autorange": "reversed",
            "type": "category",
            "automargin": True,
            "showgrid": False,
        },
    }
    return Choice(layer.name, [trace], layout)


def caption(layer: LayerProfile) -> str:
    """Return a sentence on the load imbalance of a layer over the PEs."""
    work = np.array(layer.breakdown_per_pe["multiply"]) + layer.breakdown_per_pe["padding"]
    mean = float(work.mean())
    most = int(work.argmax())
    text = (
        f"In {layer.name}, PE {most} has the most to do: {work[most] / (mean or 1):.2f} times as "
        "many entries as the mean."
    )
    blocking = np.array(layer.blocking)
    if not blocking.any():
        return f"{text} No queue was ever full when a broadcast was due."
    worst = int(blocking.argmax())
    share = blocking[worst] / layer.counters["cycles"]
    return f"{text} PE {worst}'s full queue holds broadcasts back at {share:.1%} of the cycles."


def _group(num_pe: int) -> int:
    return -(-num_pe // MOST_COLUMNS)


SECTION = ReportSection(
    place=70,
    title="The PEs, one by one",
    shows="the same for every PE of a layer as a heat map, and below it, in the row `blocking`, "
    "whose full queue held broadcasts back",
    source="[cycles](cycles.md)",
    make=pes,
)
