"""Catalog of all reproduced results, in the paper's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from eie_backend.reproduce import (
    ablation,
    ablation_layers,
    analytical,
    break_even,
    fc_storage,
    figure_6,
    figure_7,
    figure_8,
    figure_9,
    figure_10,
    figure_11,
    figure_12,
    figure_13,
    lenet,
    table_1,
    table_2,
    table_3,
    table_4,
    table_5,
    uneven,
)
from eie_backend.reproduce.result import Result
from eie_backend.reproduce.runs import Runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Entry:
    """A table or figure: the function that computes it and, optionally, the one that draws it."""

    reproduce: Callable[[Runs], Result]
    draw: Callable[[Result], Figure] | None = None


CATALOG = {
    "table_1": Entry(table_1.reproduce),
    "table_2": Entry(table_2.reproduce),
    "table_3": Entry(table_3.reproduce),
    "table_4": Entry(table_4.reproduce),
    "table_5": Entry(table_5.reproduce),
    "figure_6": Entry(figure_6.reproduce, figure_6.draw),
    "figure_7": Entry(figure_7.reproduce, figure_7.draw),
    "figure_8": Entry(figure_8.reproduce, figure_8.draw),
    "figure_9": Entry(figure_9.reproduce, figure_9.draw),
    "figure_10": Entry(figure_10.reproduce, figure_10.draw),
    "figure_11": Entry(figure_11.reproduce, figure_11.draw),
    "figure_12": Entry(figure_12.reproduce, figure_12.draw),
    "figure_13": Entry(figure_13.reproduce, figure_13.draw),
    "uneven": Entry(uneven.reproduce),
    "analytical": Entry(analytical.reproduce, analytical.draw),
    "break_even": Entry(break_even.reproduce, break_even.draw),
    "ablation": Entry(ablation.reproduce, ablation.draw),
    "ablation_layers": Entry(ablation_layers.reproduce),
    "lenet_300_100": Entry(partial(lenet.reproduce, "lenet_300_100")),
    "lenet_5": Entry(partial(lenet.reproduce, "lenet_5")),
    "fc_storage": Entry(fc_storage.reproduce),
}
"""Entries by key: "table_N", "figure_N", or a name for results that the paper has only in text."""
