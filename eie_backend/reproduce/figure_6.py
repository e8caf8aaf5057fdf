"""Figure 6: speedup over a CPU, a GPU and a mobile GPU."""

from __future__ import annotations

from statistics import geometric_mean
from typing import TYPE_CHECKING

from eie_backend.reproduce.grouped_bars import grouped_bars
from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Published, Result, Value
from eie_backend.reproduce.runs import Runs
from eie_backend.reproduce.table_4 import allowed

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "figure_6"
MEAN = "geometric mean"
QUANTITY = "over CPU dense"
DENSE = "dense, batch 1"
ALLOWED = 0.1
FROM_TABLE = (
    "the paper's is computed from its Table IV; VGG-6 alone, whose time Table IV does not assert, "
    "moves a mean of nine by 4 %"
)
LAYER = "as the actual time of Table IV, which it divides"
CONTRADICTS = "the figure's own label contradicts Table IV"
PRINTED = "it follows from the labels that contradict Table IV"


def reproduce(runs: Runs) -> Result:
    """Return the paper's times of dense layers over our simulated times."""
    paper, table = published()[KEY], published()["table_4"]
    ours = {name: runs.run(name).microseconds for name in table["layers"]}
    dense = {platform: rows[DENSE] for platform, rows in table["baselines"].items()}
    values = []
    for name, cpu, label in zip(ours, dense["CPU"], paper["labels"]["EIE"], strict=False):
        tolerance, reason = layer_tolerance(name, runs)
        if name in ("NT-We", "NT-LSTM"):
            tolerance, reason = None, CONTRADICTS
        values.append(Value(name, QUANTITY, "", cpu / ours[name], label, tolerance, reason))
    for platform, times in dense.items():
        mine = geometric_mean(t / us for t, us in zip(times, ours.values(), strict=True))
        theirs = geometric_mean(t / us for t, us in zip(times, table["actual"], strict=True))
        over, average = f"over {platform} dense", paper["averages"][platform]
        values += [
            Value(MEAN, over, "", mine, theirs, ALLOWED, FROM_TABLE),
            Value(MEAN, f"over {platform}, printed", "", mine, average, None, PRINTED),
        ]
    notes = (
        runs.note(),
        "Speedup: the paper's own times of dense layers, batch 1, over our simulated times.",
        "The paper prints 189x, 13x and 307x. Its Table IV gives 193.9x, 13.19x and 314.3x: the "
        "figure's bars of NT-We (63x) and NT-LSTM (60x) mean 9.6 and 7.8 us where the table has "
        "8.0 and 7.5. The other seven agree.",
    )
    title = "Figure 6: speedup over the CPU with the dense layer"
    return Result(KEY, title, tuple(values), notes, others(KEY))


def layer_tolerance(name: str, runs: Runs) -> tuple[float | None, str]:
    """Return the tolerance of a layer's bar and its reason, or why there is none."""
    tolerance, reason = allowed(name, "actual", runs)
    return tolerance, reason if tolerance is None else LAYER


def others(key: str) -> tuple[Published, ...]:
    """Return the published bars of other platforms in a figure."""
    paper = published()[key]
    return tuple(
        Published(item, series, "", label)
        for series, labels in paper["labels"].items()
        if series != "EIE"
        for item, label in zip(paper["items"], labels, strict=True)
    )


def draw(result: Result) -> Figure:
    """Return grouped bars, our values next to the paper's."""
    return grouped_bars(result, QUANTITY, "speedup over CPU dense")
