"""Plotly figures in the project's colours, as plain data; equal runs give equal data.

Plotly reads texts as a subset of HTML, so `plain` escapes names. Colours of background, text and
lines come from the page, which follows the reader's light or dark scheme.
"""

from __future__ import annotations

from collections.abc import Sequence
from html import escape
from typing import Any

from plotly import graph_objects as go

from eie_backend.isa.cycle_categories import CYCLE_CATEGORIES
from eie_backend.show.drawing import COLORS

BLUE, VERMILION, GREEN, PURPLE, ORANGE, SKY, _ = COLORS
GREY = "#8C8C8C"
"""Replaces the palette's black, which is invisible on a dark page."""

CATEGORY_COLORS = dict(
    zip(
        [category.name for category in CYCLE_CATEGORIES],
        [BLUE, SKY, GREEN, ORANGE, VERMILION, PURPLE, GREY],
        strict=True,
    )
)
ROW_PX, FRAME_PX = 26, 130
MOST_ROWS = 20
"""Most bars with the axis below them; with more bars, the axis is on top."""

LONGEST = 22
"""Most characters of a name on an axis; the figure's table has the full name."""


def plain_data(trace: Any) -> dict[str, Any]:
    """Return a trace as plain data."""
    return dict(trace.to_plotly_json())


def spans(count: int, group: int) -> list[str]:
    """Return labels of the ranges that result from grouping 0..count-1 by `group`.

    Examples
    --------
    >>> spans(5, 2)
    ['0 to 1', '2 to 3', '4']
    """
    ends = [(at, min(at + group, count) - 1) for at in range(0, count, group)]
    return [f"{at}" if at == end else f"{at} to {end}" for at, end in ends]


def plain(text: str) -> str:
    """Return `text`, escaped so that Plotly shows it unchanged.

    Examples
    --------
    >>> plain("<b>fc1")
    '&lt;b&gt;fc1'
    """
    return escape(text, quote=False)


def short(name: str) -> str:
    """Shorten a long name to its start and end.

    Examples
    --------
    >>> short("features.denseblock1.denselayer1.conv1")
    'features.de…yer1.conv1'
    """
    half = LONGEST // 2
    return name if len(name) <= LONGEST else f"{name[:half]}…{name[-(half - 1) :]}"


def stacked(
    names: Sequence[str],
    parts: Sequence[tuple[str, str, Sequence[float]]],
    title: str,
    unit: str,
) -> tuple[list[Any], dict[str, Any]]:
    """Return traces and layout of a stacked bar per layer; a part is name, colour and values."""
    traces = [
        go.Bar(
            x=_rounded(values),
            y=list(range(len(names))),
            name=part,
            orientation="h",
            marker={"color": color, "line": {"width": 0}},
            customdata=[plain(name) for name in names],
            hovertemplate=f"<b>%{{customdata}}</b><br>{part}: %{{x:,.4~g}} {unit}<extra></extra>",
        )
        for part, color, values in parts
    ]
    layout: dict[str, Any] = {
        "barmode": "stack",
        "bargap": 0.3,
        "height": FRAME_PX + ROW_PX * len(names),
        "xaxis": {"title": {"text": title}, "rangemode": "tozero"},
        "yaxis": layer_axis(names),
    }
    if len(names) > MOST_ROWS:
        layout["xaxis"]["side"] = "top"
        layout["margin"] = {"t": FRAME_PX - 30}
    return [plain_data(trace) for trace in traces], layout


def layer_axis(names: Sequence[str]) -> dict[str, Any]:
    """Return an axis of layers from top to bottom, by index: names may be numbers or duplicates."""
    return {
        "autorange": "reversed",
        "tickvals": list(range(len(names))),
        "ticktext": [plain(short(name)) for name in names],
        "showgrid": False,
        "zeroline": False,
        "automargin": True,
    }


def heatmap(
    rows: Sequence[str], columns: Sequence[str], values: Sequence[Sequence[float]], **options: Any
) -> dict[str, Any]:
    """Return a heat map trace; `values` are rows of cells."""
    trace = go.Heatmap(
        z=[_rounded(row) for row in values],
        x=[plain(name) for name in columns],
        y=[plain(name) for name in rows],
        **{"zmin": 0, "showscale": False, **options},
    )
    return plain_data(trace)


def _rounded(values: Sequence[float]) -> list[float]:
    """Return values rounded to the digits that a picture shows."""
    return [float(f"{value:.4g}") for value in values]
