"""The section on weights: each layer's weights before and after compression, and its codebook."""

from __future__ import annotations

from collections.abc import Mapping
from math import log10
from typing import Any

import numpy as np
from plotly import graph_objects as go

from eie_backend.compiler.model_record import Weights
from eie_backend.report.content import Choice, Figure, Note, Section
from eie_backend.report.plots import SKY, VERMILION, plain_data
from eie_backend.report.run import NO_RECORD, Run
from eie_backend.report.section import ReportSection


def weights(run: Run) -> Section:
    """Return histograms and codebooks, layer by layer."""
    if run.record is None or not run.record.after:
        what = "its weights before and after compression"
        return Section("weights", SECTION.title, "", (Note(NO_RECORD.format(what=what)),))
    before, after = run.record.before, run.record.after
    names = [name for name in run.names if name in after] or list(after)
    figure = Figure(
        id="weights-figure",
        label="Histogram of non-zero weights before and after compression, and shared values",
        caption=caption(names, before, after),
        choices=[choice(name, before.get(name, after[name]), after[name]) for name in names],
        choose="Layer",
    )
    lead = (
        "Above, how many non-zero weights lie where, before compression and after it; below, the "
        "values that are left: the codebook, and how many weights share each. Counts are on a "
        "logarithmic scale."
    )
    return Section("weights", SECTION.title, lead, (figure,))


def choice(name: str, before: Weights, after: Weights) -> Choice:
    """Return a layer's histogram and codebook."""
    bars = [
        _histogram("before", before, SKY),
        _histogram("after", after, VERMILION),
    ]
    shared = go.Bar(
        x=list(after.values),
        y=list(after.value_counts),
        xaxis="x2",
        yaxis="y2",
        name="shared values",
        showlegend=False,
        width=after.limit / 100,
        marker={"color": VERMILION, "line": {"width": 0}},
        hovertemplate="value %{x:.5~g}<br>%{y:,} weights<extra></extra>",
    )
    limits = [-1.05 * after.limit, 1.05 * after.limit]
    most = max([1, *before.counts, *after.counts, *after.value_counts])
    count_axis = {
        "type": "log",
        "dtick": 1,
        "range": [log10(0.5), log10(2 * most)],
        "title": {"text": "weights"},
    }
    layout = {
        "height": 520,
        "barmode": "overlay",
        "bargap": 0,
        "xaxis": {"range": limits, "domain": [0, 1]},
        "yaxis": {**count_axis, "domain": [0.56, 1]},
        "xaxis2": {
            "range": limits,
            "anchor": "y2",
            "title": {"text": "value of a weight"},
        },
        "yaxis2": {**count_axis, "domain": [0, 0.44]},
    }
    return Choice(name, [*bars, plain_data(shared)], layout, numbers(before, after))


def numbers(before: Weights, after: Weights) -> list[list[str]]:
    """Return the bins that hold weights, then the shared values."""
    rows = [["weights", "before", "after"]]
    edges = np.linspace(-after.limit, after.limit, len(after.counts) + 1)
    rows.append(["zero", f"{before.zeros:,}", f"{after.zeros:,}"])
    for at, (old, new) in enumerate(zip(before.counts, after.counts, strict=True)):
        if old or new:
            rows.append([f"{edges[at]:.4f} to {edges[at + 1]:.4f}", f"{old:,}", f"{new:,}"])
    for value, count in zip(after.values, after.value_counts, strict=True):
        rows.append([f"shared value {value:.6g}", "", f"{count:,}"])
    return rows


def caption(names: list[str], before: Mapping[str, Weights], after: Mapping[str, Weights]) -> str:
    """Return a sentence on the compression of the layer with the most weights."""

    def total(one: Weights) -> int:
        return sum(one.counts) + one.zeros

    name = max(names, key=lambda name: total(after[name]))
    old, new = before.get(name, after[name]), after[name]
    kept, every = sum(new.counts), total(new)
    text = f"{name} keeps {kept:,} of {every:,} weights ({kept / every:.1%})"
    if new.values:
        text += f", which share {len(new.values)} values"
    if old.zeros == new.zeros and old.counts == new.counts:
        text += "; it came compressed, so that both histograms are the same"
    return f"{text}."


def _histogram(name: str, weights: Weights, color: str) -> dict[str, Any]:
    edges = np.linspace(-weights.limit, weights.limit, len(weights.counts) + 1)
    filled = [at for at, count in enumerate(weights.counts) if count]
    bars = go.Bar(
        x=[float(f"{(edges[at] + edges[at + 1]) / 2:.5g}") for at in filled],
        y=[weights.counts[at] for at in filled],
        name=name,
        width=2 * weights.limit / len(weights.counts) * (1 if name == "before" else 0.5),
        marker={"color": color, "line": {"width": 0}},
        hovertemplate=f"{name}: %{{y:,}} weights<br>around %{{x:.4~g}}<extra></extra>",
    )
    return plain_data(bars)


SECTION = ReportSection(
    place=100,
    title="Weights",
    shows="how many non-zero weights lie where before compression and after it, and the values that"
    " are shared",
    source="[compression](compression.md)",
    make=weights,
)
