"""Figures 8 and 11 to 13: a quantity of every layer for an ordered setting, as shaded bars."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from itertools import pairwise
from typing import TYPE_CHECKING

from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import Runs
from eie_backend.show.drawing import HEIGHT, WIDTH
from eie_backend.simulator import LayerRun

if TYPE_CHECKING:
    from matplotlib.figure import Figure

PES = (1, 2, 4, 8, 16, 32, 64, 128, 256)
"""The paper's numbers of processing elements."""

GROUP = 0.84
"""Width of a layer's bars; layers are 1 apart."""

WOBBLE = 0.002
"""Tolerance of monotonicity, because matrices of finite size add noise to fractions."""

Found = Mapping[str, Mapping[int, float]]
"""Numbers by layer, then by setting."""


def over_pes(runs: Runs, measure: Callable[[LayerRun], float]) -> Found:
    """Measure every layer's run on the paper's machine with 1 to 256 PEs."""
    return {name: {n: measure(runs.with_pes(name, n)) for n in PES} for name in runs.layers}


def values(found: Found, setting: str) -> Iterator[Value]:
    """Return the bars as values without paper numbers; `setting` is a name such as "PEs"."""
    for name, numbers in found.items():
        for n, number in numbers.items():
            yield Value(name, f"{n} {setting}", "", number)


def count(found: Found, holds: Callable[[list[float]], bool]) -> int:
    """Return the number of layers for which `holds` is true."""
    return sum(holds(list(numbers.values())) for numbers in found.values())


def rises(numbers: list[float]) -> bool:
    """Return whether numbers never fall by more than `WOBBLE`."""
    return all(b >= a - WOBBLE for a, b in pairwise(numbers))


def draw_bars(result: Result, setting: str, axis: str, *, logarithmic: bool = False) -> Figure:
    """Return bars per layer, darker for larger settings."""
    from matplotlib import colormaps
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter

    labels = list(dict.fromkeys(value.quantity for value in result.values if value.paper is None))
    labels = [label for label in labels if label.endswith(f" {setting}")]
    layers = list(result.of(labels[0]))
    figure: Figure
    figure, axes = plt.subplots(figsize=(2 * WIDTH, HEIGHT), layout="constrained")
    width = GROUP / len(labels)
    for n, label in enumerate(labels):
        places = [at + (n - len(labels) / 2 + 0.5) * width for at in range(len(layers))]
        heights = [value.ours for value in result.of(label).values()]
        shade = colormaps["viridis_r"](0.05 + 0.95 * n / (len(labels) - 1))
        axes.bar(places, heights, width, label=label.removesuffix(f" {setting}"), color=shade)
    axes.set_xticks(range(len(layers)), layers)
    axes.grid(False, axis="x")
    axes.set_axisbelow(True)
    axes.margins(x=0.02)
    axes.set_ylabel(axis)
    if logarithmic:
        axes.set_yscale("log", base=2)
        axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:g}"))
    else:
        axes.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x:.0%}"))
    figure.legend(loc="outside upper center", ncols=len(labels), frameon=False, title=setting)
    return figure
