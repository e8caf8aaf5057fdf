"""Draw Figures 6 and 7: bars per layer on a logarithmic scale, ours next to the paper's."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eie_backend.reproduce.result import Result
from eie_backend.show.drawing import COLORS, HEIGHT, WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

LABEL_SIZE = 6
GROUP = 0.84
"""Width of a group of bars; groups are 1 apart."""


def grouped_bars(result: Result, quantity: str, axis: str) -> Figure:
    """Return the published bars of other platforms, then EIE's as published and ours.

    Parameters
    ----------
    result : Result
        With other platforms in its context.
    quantity : str
        The quantity of our bars; items without it have no bar.
    axis : str
        Label of the vertical axis.
    """
    from matplotlib.figure import Figure
    from matplotlib.ticker import FuncFormatter

    ours = result.of(quantity)
    series: dict[str, dict[str, float]] = {}
    for one in result.context:
        series.setdefault(one.quantity, {})[one.item] = one.paper
    series["EIE, paper"] = {n: value.paper for n, value in ours.items() if value.paper is not None}
    series["EIE, ours"] = {name: value.ours for name, value in ours.items()}
    figure = Figure(figsize=(2.4 * WIDTH, 1.2 * HEIGHT), layout="constrained")
    axes = figure.subplots()
    width = GROUP / len(series)
    for n, (name, bars) in enumerate(series.items()):
        places = [list(ours).index(item) + (n - len(series) / 2 + 0.5) * width for item in bars]
        drawn = axes.bar(places, list(bars.values()), width, label=name, color=COLORS[n])
        if name.startswith("EIE"):
            labels = [f"{height:,.0f}" for height in bars.values()]
            axes.bar_label(drawn, labels, rotation=90, padding=2, fontsize=LABEL_SIZE)
    axes.set_yscale("log")
    axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:,g}x"))
    axes.axhline(1, color="black", linewidth=0.8)
    axes.set_xticks(range(len(ours)), list(ours))
    axes.grid(False, axis="x")
    axes.set_axisbelow(True)
    axes.margins(x=0.02, y=0.12)  # leaves room for the labels
    axes.set_ylabel(axis)
    figure.legend(loc="outside upper center", ncols=len(series), frameon=False)
    return figure
