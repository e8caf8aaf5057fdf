"""Pictures of a compression: weights, codebooks, sensitivity, and what accuracy costs."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray

from eie_backend.machine.codebook import nonzero_values
from eie_backend.show.drawing import COLORS, HEIGHT, MARKS, WIDTH, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from eie_backend.compress.findings import SearchResult, Sensitivity
    from eie_backend.compress.report import CompressionReport

DEPTH = 5.0
"""Lower end of accuracy axes, in percentage points below the float accuracy."""

BINS = 80


def pictures(
    report: CompressionReport,
    before: Mapping[str, NDArray[np.float32]],
    after: Mapping[str, NDArray[np.float32]],
    form: str = "svg",
) -> dict[str, bytes]:
    """Return all pictures of a compression by file name.

    Parameters
    ----------
    report : CompressionReport
        With the search, there are also sensitivity and Pareto pictures.
    before, after : mapping of str to ndarray, float32
        Weights by layer, in float and shared.
    form : {"svg", "png", "pdf"}
        File format.

    Raises
    ------
    ExtraError
        If Matplotlib is not installed (extra ``viz``).
    """
    drawn: dict[str, Callable[[], Figure]] = {
        "weights": lambda: draw_weights(before, after),
        "codebooks": lambda: draw_codebooks(after),
    }
    if (search := report.search) is not None:
        drawn["sensitivity"] = lambda: draw_sensitivity(search.sensitivity)
        drawn["pareto"] = lambda: draw_pareto(search)
    return {f"{name}.{form}": rendered(draw, form) for name, draw in drawn.items()}


def draw_weights(
    before: Mapping[str, NDArray[np.float32]], after: Mapping[str, NDArray[np.float32]]
) -> Figure:
    """Draw histograms of each layer's weights, before and after compression."""
    figure, axes = _figure(len(after), 1)
    for ax, (name, shared) in zip(axes, after.items(), strict=True):
        old, new = (w[w != 0] for w in (before[name], shared))
        limit = max(np.abs(old).max(initial=0), np.abs(new).max(initial=0)) or 1.0
        edges = np.linspace(-limit, limit, BINS + 1).tolist()
        ax.hist(old, edges, color=COLORS[5], label=f"before: {_count(old)}")
        ax.hist(new, edges, color=COLORS[1], histtype="step", label=f"after: {_count(new)}")
        ax.set(yscale="log", title=name, xlabel="value of a non-zero weight", ylabel="weights")
        ax.legend(frameon=False, loc="upper center", bbox_to_anchor=(0.5, -0.2), ncols=2)
    return figure


def draw_codebooks(after: Mapping[str, NDArray[np.float32]]) -> Figure:
    """Draw each layer's shared values, and the number of weights with each value."""
    figure, axes = _figure(len(after), 1)
    for ax, (name, weights) in zip(axes, after.items(), strict=True):
        values = nonzero_values(weights)
        counts = [np.count_nonzero(weights == value) for value in values]
        ax.vlines(values, 0, counts, color=COLORS[0], linewidth=2)
        ax.plot(values, counts, "o", color=COLORS[0], markersize=4)
        ax.axvline(0, color="0.5", linewidth=0.8, linestyle=":")
        title = f"{name}: {values.size} values, {_count(weights[weights == 0])} zeros"
        ax.set(title=title, xlabel="shared value", ylabel="weights", ylim=(0, None))
    return figure


def draw_sensitivity(table: Sensitivity) -> Figure:
    """Draw accuracy against each layer's density, and against its bits."""
    figure, (left, right) = _figure(2, 2)
    for number, name in enumerate(table.densities):
        color, mark = COLORS[number % len(COLORS)], MARKS[number % len(MARKS)]
        style: dict[str, Any] = {"color": color, "marker": mark, "markersize": 4, "linewidth": 1.2}
        densities = {1.0: table.accuracy, **table.densities[name]}
        by_density = np.array(sorted(densities.items()))
        left.plot(*(100 * by_density.T), label=name, **style)
        by_bits = np.array(sorted(table.bits[name].items())).reshape(-1, 2)
        right.plot(by_bits[:, 0], 100 * by_bits[:, 1], label=name, **style)
    left.set(xscale="log", xlabel="density of the layer (%)", title="One layer pruned, not shared")
    ticks = [1, 2, 5, 10, 20, 50, 100]
    lowest = min(min(row, default=1.0) for row in table.densities.values())
    left.set_xticks([t for t in ticks if t >= 100 * lowest or t == 100])
    left.xaxis.set_major_formatter("{x:g}")
    left.xaxis.set_minor_locator(_no_ticks())
    left.invert_xaxis()
    right.set(xlabel="bits of the layer's codes", title="One layer shared, not pruned")
    right.set_xticks(sorted({bits for row in table.bits.values() for bits in row}))
    right.invert_xaxis()
    for ax in (left, right):
        ax.axhline(100 * table.accuracy, color="0.4", linewidth=0.8, linestyle="--")
        ax.set_ylabel("accuracy (%)")
        _look_from(ax, 100 * table.accuracy - DEPTH)
    handles, names = left.get_legend_handles_labels()
    columns = min(len(names), 6)
    figure.legend(handles, names, frameon=False, loc="outside lower center", ncols=columns)
    return figure


def draw_pareto(search: SearchResult) -> Figure:
    """Draw accuracy against size and against cycles of all settings, and the best trade-offs."""
    figure, axes = _figure(2, 2)
    accuracy = np.array([100 * point.accuracy for point in search.points])
    costs = {
        "size of the layers (kB)": [point.cost.bytes / 1000 for point in search.points],
        "simulated cycles per sample": [point.cost.cycles for point in search.points],
    }
    best = search.points.index(search.best)
    for ax, (label, values) in zip(axes, costs.items(), strict=True):
        cost = np.array(values)
        front = _pareto(cost, accuracy)
        ax.plot(cost, accuracy, "o", color=COLORS[5], markersize=4, label="tried")
        ax.step(
            cost[front],
            accuracy[front],
            "s-",
            where="post",
            color=COLORS[0],
            markersize=4,
            linewidth=1.2,
            label="no other is better in both",
        )
        ax.plot(cost[best], accuracy[best], "*", color=COLORS[1], markersize=13, label="chosen")
        least, dense = 100 * search.least_accuracy, 100 * search.dense.accuracy
        ax.axhline(dense, color="0.4", linewidth=0.8, linestyle="--", label="float32")
        ax.axhline(least, color="0.4", linewidth=0.8, linestyle=":", label="least accuracy")
        ax.set(xlabel=label, ylabel="accuracy (%)")
        _look_from(ax, dense - DEPTH)
    handles, names = axes[0].get_legend_handles_labels()
    figure.legend(handles, names, frameon=False, loc="outside lower center", ncols=5)
    return figure


def _pareto(cost: NDArray[np.float64], accuracy: NDArray[np.float64]) -> list[int]:
    """Return the points of the Pareto front in order of cost."""
    front: list[int] = []
    for index in np.lexsort((-accuracy, cost)).tolist():
        if not front or accuracy[index] > accuracy[front[-1]]:
            front.append(index)
    return front


def _figure(count: int, columns: int) -> tuple[Figure, Sequence[Axes]]:
    from matplotlib.figure import Figure

    columns = min(max(columns, 3 if columns == 1 else columns), count)
    rows = -(-count // columns)
    figure = Figure(figsize=(columns * WIDTH, rows * HEIGHT), layout="constrained")
    axes = figure.subplots(rows, columns, squeeze=False).ravel()
    for spare in axes[count:]:
        spare.set_axis_off()
    return figure, list(axes[:count])


def _look_from(ax: Axes, lowest: float) -> None:
    """Cut the accuracy axis below `lowest`; far lower points would flatten the rest."""
    heights = np.concatenate([np.asarray(line.get_ydata(), float) for line in ax.lines])
    seen = heights[heights >= lowest]
    margin = 0.05 * (seen.max() - seen.min()) or 0.1
    ax.set_ylim(seen.min() - margin, seen.max() + margin)


def _no_ticks() -> Any:
    from matplotlib.ticker import NullLocator

    return NullLocator()


def _count(weights: NDArray[np.float32]) -> str:
    return f"{weights.size:,}"
