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
from eie_backend.reproduce.names import FIGURES, OTHERS, TABLES, figure_key, table_key
from eie_backend.reproduce.result import Result
from eie_backend.reproduce.runs import Runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Entry:
    """A table or figure: the function that computes it and, optionally, the one that draws it."""

    reproduce: Callable[[Runs], Result]
    draw: Callable[[Result], Figure] | None = None


_TABLES = (table_1, table_2, table_3, table_4, table_5)
_FIGURES = (
    *(figure_6, figure_7, figure_8, figure_9),
    *(figure_10, figure_11, figure_12, figure_13),
)
_OTHERS = (
    Entry(uneven.reproduce),
    Entry(analytical.reproduce, analytical.draw),
    Entry(break_even.reproduce, break_even.draw),
    Entry(ablation.reproduce, ablation.draw),
    Entry(ablation_layers.reproduce),
    Entry(partial(lenet.reproduce, "lenet_300_100")),
    Entry(partial(lenet.reproduce, "lenet_5")),
    Entry(fc_storage.reproduce),
)
"""In the order of their names."""

CATALOG: dict[str, Entry] = {
    **{table_key(n): Entry(one.reproduce) for n, one in zip(TABLES, _TABLES, strict=True)},
    **{
        figure_key(n): Entry(one.reproduce, one.draw)
        for n, one in zip(FIGURES, _FIGURES, strict=True)
    },
    **dict(zip(OTHERS, _OTHERS, strict=True)),
}
"""By key."""
