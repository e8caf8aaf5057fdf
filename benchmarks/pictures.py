"""The pictures of the page: break-even of dense and sparse, and how times grow."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from sections import NAMES

from eie_backend.drawing import COLORS, HEIGHT, MARKS, WIDTH, rendered

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
        axes.set(xscale="log", yscale="log", xlabel=AXES["density"])
        axes.set_title(f"{found['batch']} inputs at once" if suffix else "one input")
    figure.axes[0].set_ylabel("ms per input")
    figure.axes[0].legend(loc="lower right", fontsize=8)
    return figure


def growth(result: Result) -> Figure:
    """Draw times against each variable, with the fitted power laws."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(2 * WIDTH, 2.2 * HEIGHT), layout="constrained")
    names = list(next(iter(result["measured"].values())))
    for axes, (varied, curves) in zip(
        figure.subplots(2, 2).flat, result["measured"].items(), strict=True
    ):
        for name, curve in curves.items():
            n, fit = names.index(name), curve["fit"]
            x = np.array([float(value) for value in curve["milliseconds"]])
            label = f"{fit['exponent']:.2f} ± {fit['standard_error']:.2f}  {name}"
            spread(axes, x, list(curve["milliseconds"].values()), n, label, line="none")
            axes.plot(x, fit["factor"] * x ** fit["exponent"], color=COLORS[n], lw=1)
        axes.set(xscale="log", yscale="log", xlabel=AXES[varied], ylabel="ms")
        low, high = axes.get_ylim()
        axes.set_ylim(low, high * (high / low) ** 0.6)  # room for the legend
        axes.legend(fontsize=7, loc="upper left", title="exponent, time of", title_fontsize=7)
    return figure


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
