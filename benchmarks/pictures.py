"""The pictures of the page: break-even of dense and sparse, and scaling of times."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sections import NAMES

from eie_backend.show.drawing import COLORS, HEIGHT, MARKS, WIDTH, rendered

if TYPE_CHECKING:
    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

Result = dict[str, Any]
AXES = {"weights": "weights", "density": "density of the weights", "pes": "PEs", "batch": "batch"}


def pictures(results: Path, form: str = "svg") -> dict[str, bytes]:
    """Return the files by name."""
    drawings = {"break_even": ("sparse_pays", break_even), "growth": ("growth", growth)}
    files = {}
    for name, (source, draw) in drawings.items():
        result = json.loads((results / f"{source}.json").read_text("utf-8"))
        files[f"performance_{name}.{form}"] = rendered(lambda d=draw, r=result: d(r), form)
    return files


def break_even(result: Result) -> Figure:
    """Draw time per input against density, one input at a time and in a batch."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2 * WIDTH, HEIGHT), layout="constrained")
    found = result["measured"]
    densities = [float(density) for density in found["densities"]]
    eie = [row["microseconds"] / 1e3 for row in result["exact"]["densities"].values()]
    for axes, suffix in zip(figure.subplots(1, 2, sharey=True), ("", "_batch"), strict=True):
        ways = ("numpy", "onnxruntime", "scipy_csr")
        for n, way in enumerate(ways):
            times = [row["milliseconds"][way + suffix] for row in found["densities"].values()]
            spread(axes, densities, times, n, NAMES[way])
        axes.plot(densities, eie, color=COLORS[3], marker=MARKS[3], ms=4, label="EIE, simulated")
        logarithmic(axes, AXES["density"])
        axes.set_title(f"{found['batch']} inputs at once" if suffix else "one input")
    figure.axes[0].set_ylabel("ms per input")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


def growth(result: Result) -> Figure:
    """Draw times against each variable, with the fitted power laws and their exponents."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2 * WIDTH, 2 * HEIGHT), layout="constrained")
    names = list(next(iter(result["measured"].values())))
    for axes, (varied, curves) in zip(
        figure.subplots(2, 2).flat, result["measured"].items(), strict=True
    ):
        for name, curve in curves.items():
            n, fit = names.index(name), curve["fit"]
            x = np.array([float(value) for value in curve["milliseconds"]])
            spread(axes, x, list(curve["milliseconds"].values()), n, name, line="none")
            fitted = fit["factor"] * x ** fit["exponent"]
            axes.plot(x, fitted, color=COLORS[n], lw=1)
            text = f" {fit['exponent']:.2f} ± {fit['standard_error']:.2f}"
            axes.annotate(
                text,
                (x[-1], fitted[-1]),
                (5, 0),
                textcoords="offset points",
                va="center",
                fontsize=8,
                color=COLORS[n],
            )
        logarithmic(axes, AXES[varied])
        axes.set_xlim(right=x[-1] * (x[-1] / x[0]) ** 0.25)  # leaves room for the exponents
        axes.set_ylabel("ms")
    handles, labels = figure.axes[0].get_legend_handles_labels()
    figure.legend(handles, labels, loc="outside upper center", ncols=4)
    return figure


def logarithmic(axes: Axes, label: str) -> None:
    """Give both axes logarithmic scales without minor ticks, which would bloat the file."""
    axes.set(xscale="log", yscale="log", xlabel=label)
    axes.minorticks_off()


def spread(
    axes: Axes, x: Any, times: list[dict[str, float]], n: int, label: str, line: str = "-"
) -> None:
    """Draw medians with their quartiles."""
    medians = np.array([time["median"] for time in times])
    low = medians - [time["low"] for time in times]
    high = [time["high"] for time in times] - medians
    axes.errorbar(
        x, medians, (low, high), color=COLORS[n], marker=MARKS[n], ms=4, ls=line, label=label
    )
