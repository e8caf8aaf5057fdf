"""The section on activation queues: their occupancy."""

from __future__ import annotations

import numpy as np

from eie_backend.report.content import Choice, Figure, Section
from eie_backend.report.plots import MOST_ROWS, heatmap, layer_axis, plain, spans
from eie_backend.report.run import Run
from eie_backend.report.section import ReportSection

MOST_COLUMNS = 64
"""Most columns of the heat map; with deeper queues, several occupancies share a column."""

TEXT_COLUMNS = 12


def queues(run: Run) -> Section | None:
    """Return a heat map of queue occupancy (columns held) by layer."""
    if not run.is_timed:
        return None
    full = run.report.config.queue_columns
    counts = np.array([layer.queue_occupancy for layer in run.layers], float)
    shares = 100 * counts / np.maximum(counts.sum(1, keepdims=True), 1)
    used = int(np.flatnonzero(counts.any(0)).max(initial=0)) + 1
    shown = min(max(used, 8), counts.shape[1])
    group = -(-shown // MOST_COLUMNS)
    values = np.add.reduceat(shares[:, :shown], range(0, shown, group), axis=1)
    names = spans(shown, group)
    readable = len(names) <= TEXT_COLUMNS and len(run.layers) <= MOST_ROWS
    trace = heatmap(
        run.names,
        names,
        values.tolist(),
        zmax=100,
        showscale=not readable,
        colorbar={"title": {"text": "%"}, "thickness": 12},
        texttemplate="%{z:.1f}" if readable else "",
        customdata=[[plain(name)] * len(names) for name in run.names],
        hovertemplate="<b>%{customdata}</b><br>%{x} columns held: %{z:.1f}%<extra></extra>",
    )
    trace["y"] = list(range(len(run.layers)))
    layout = {
        "height": 80 + 34 * len(run.layers),
        "margin": {"t": 12},
        "xaxis": {
            "title": {"text": "columns in the queue, % of the edges"},
            "type": "category",
            "showgrid": False,
        },
        "yaxis": layer_axis(run.names),
    }
    rows = [
        [name, *(f"{value:.1f}" for value in row)]
        for name, row in zip(run.names, values, strict=True)
    ]
    head = ["layer (% of the PE edges)", *names]
    figure = Figure(
        id="queues-figure",
        label="Heat map: share of the PE edges by layer and columns in the queue",
        caption=caption(run, shares, full),
        choices=[Choice("", [trace], layout, [head, *rows])],
    )
    lead = (
        f"An `act_queue` holds up to {full} broadcast columns. Empty, its PE has nothing to do; "
        "full, it stops the broadcast to all PEs."
    )
    return Section("queues", SECTION.title, lead, (figure,))


def caption(run: Run, shares: np.ndarray, full: int) -> str:
    """Return a sentence on the layers whose queues are full or empty most often."""
    if not shares[:, full].any():
        empty = int(shares[:, 0].argmax())
        return (
            f"No queue was ever full: a shallower one would do. In {run.names[empty]}, queues are "
            f"empty at {shares[empty, 0]:.1f}% of the edges."
        )
    most = int(shares[:, full].argmax())
    return (
        f"Queues are full most often in {run.names[most]}: at {shares[most, full]:.2g}% of the "
        f"edges of a PE. They are empty at {shares[most, 0]:.1f}%."
    )


SECTION = ReportSection(
    place=80,
    title="Queues",
    shows="how many columns the queues held, as shares of the PE edges",
    source="[cycles](cycles.md)",
    make=queues,
)
