"""Everything that can be reproduced, in the paper's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eie_backend.reproduce import (
    figure_8,
    figure_9,
    figure_10,
    figure_11,
    figure_12,
    figure_13,
    table_4,
)
from eie_backend.reproduce.result import Result
from eie_backend.reproduce.runs import Runs

if TYPE_CHECKING:
    from matplotlib.figure import Figure


@dataclass(frozen=True)
class Entry:
    """A table or figure: how to make it and, if it can be drawn, how."""

    reproduce: Callable[[Runs], Result]
    draw: Callable[[Result], Figure] | None = None


CATALOG = {
    "table_4": Entry(table_4.reproduce),
    "figure_8": Entry(figure_8.reproduce, figure_8.draw),
    "figure_9": Entry(figure_9.reproduce, figure_9.draw),
    "figure_10": Entry(figure_10.reproduce, figure_10.draw),
    "figure_11": Entry(figure_11.reproduce, figure_11.draw),
    "figure_12": Entry(figure_12.reproduce, figure_12.draw),
    "figure_13": Entry(figure_13.reproduce, figure_13.draw),
}
"""By key: a key is "table_N", "figure_N" or the name of something that the paper only tells."""
