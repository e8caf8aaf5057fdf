"""Draw a campaign: accuracy, and what becomes of the answers, against the rate of flips."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import groupby
from typing import TYPE_CHECKING, Any

from eie_backend.show.drawing import COLORS, HEIGHT, MARKS, WIDTH

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from eie_backend.soft_errors.campaign import FaultRow

LOWEST_PERCENT = 0.005
"""The lower end of the axis of inputs, where a share of 0 has no mark."""


def draw_faults(rows: Sequence[FaultRow], accuracy: float | None) -> Figure:
    """Return a column of diagrams for each protection, a line for each unit.

    Above, with labels, the accuracy; below, the inputs whose answer is silently wrong and, dashed,
    those with a detected error. Bands and bars are 95 % intervals.

    Parameters
    ----------
    rows : sequence of FaultRow
        Trials at rates above 0.
    accuracy : float or None
        Without flips.
    """
    from matplotlib.figure import Figure

    columns = list(dict.fromkeys(row.protection for row in rows))
    units = list(dict.fromkeys(row.unit for row in rows))
    high = 1 if accuracy is None else 2
    figure = Figure(figsize=(WIDTH * len(columns), HEIGHT * high), layout="constrained")
    axes = figure.subplots(high, len(columns), squeeze=False, sharex=True, sharey="row")
    for column, protection in enumerate(columns):
        shown = [row for row in rows if row.protection == protection]
        for unit, of_unit in groupby(sorted(shown, key=lambda r: units.index(r.unit)), _unit):
            line = sorted(of_unit, key=lambda row: row.rate or 0)
            style = {"color": COLORS[units.index(unit)], "marker": MARKS[units.index(unit)]}
            if accuracy is not None:
                _draw_accuracy(axes[0, column], line, {**style, "label": unit})
            _draw_outcomes(axes[-1, column], line, {**style, "label": unit})
        if accuracy is not None:
            axes[0, column].axhline(
                100 * accuracy, color="0.4", linewidth=0.8, linestyle=":", zorder=0
            )
        axes[0, column].set_title(f"protection: {protection}")
        axes[-1, column].set(xscale="log", yscale="log", xlabel="flips per bit")
    axes[-1, 0].set_ylim(LOWEST_PERCENT, 150)
    axes[-1, 0].yaxis.set_major_formatter("{x:g}")
    axes[-1, 0].set_ylabel("inputs (%): silent solid, detected dashed")
    if accuracy is not None:
        axes[0, 0].set(ylabel="accuracy (%)", ylim=(0, 102))
    handles, names = axes[-1, 0].get_legend_handles_labels()
    figure.legend(handles, names, frameon=False, loc="outside lower center", ncols=len(names))
    return figure


def _unit(row: FaultRow) -> str:
    return row.unit


def _draw_accuracy(ax: Axes, line: Sequence[FaultRow], style: dict[str, Any]) -> None:
    rates = [row.rate or 0.0 for row in line]
    ends = [row.accuracy_interval or (0.0, 0.0) for row in line]
    low, high = ([100 * pair[n] for pair in ends] for n in (0, 1))
    ax.fill_between(rates, low, high, color=style["color"], alpha=0.15, linewidth=0)
    ax.plot(rates, [100 * (row.accuracy or 0) for row in line], markersize=4, **style)


def _draw_outcomes(ax: Axes, line: Sequence[FaultRow], style: dict[str, Any]) -> None:
    rates = [row.rate or 0.0 for row in line]
    silent = [100 * row.silent for row in line]
    below = [100 * (row.silent - row.silent_interval[0]) for row in line]
    above = [100 * (row.silent_interval[1] - row.silent) for row in line]
    # A share of 0 is not on a logarithmic axis, nor is its interval.
    seen = [n for n, share in enumerate(silent) if share > 0]
    ax.errorbar(
        [rates[n] for n in seen],
        [silent[n] for n in seen],
        [[below[n] for n in seen], [above[n] for n in seen]],
        markersize=4,
        elinewidth=0.8,
        **style,
    )
    found = [(row.rate or 0.0, 100 * row.detected) for row in line if row.detected > 0]
    faint = {**style, "label": None, "markersize": 3, "linestyle": "--", "linewidth": 0.9}
    ax.plot([rate for rate, _ in found], [share for _, share in found], **faint)
