"""Everything that can be reproduced, in the paper's order."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from eie_backend.reproduce import analytical, break_even, table_4
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
    "analytical": Entry(analytical.reproduce, analytical.draw),
    "break_even": Entry(break_even.reproduce, break_even.draw),
}
"""By key: a key is "table_N", "figure_N" or the name of something that the paper only tells."""
