"""Figure 13: load balance with the number of PEs."""

from __future__ import annotations

from typing import TYPE_CHECKING

from eie_backend.reproduce.figure_12 import real_share
from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.reproduce.shaded_bars import PES, count, draw_bars, over_pes, rises, values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "figure_13"
SETTING = "PEs"
ALLOWED = 0.08
CONSTANT = 0.1
"""Largest change of the overall efficiency that counts as "roughly constant"."""

WORSE = "more PEs wait for the slowest; up to 0.2 points may be chance"
TABLE_IV = "of Table IV's two times, of which the theoretical one may be off by 8 %"
UNEVEN = (
    "VGG-7 has the same rows and density, so a random VGG-6 balances as well as it does; the "
    "paper's does not, so its real non-zeros lie less evenly"
)


def reproduce(runs: Runs) -> Result:
    """Return the fraction of cycles in which a PE issues an entry."""
    times = published()["table_4"]
    found = over_pes(runs, lambda run: run.load_balance)
    overall = over_pes(runs, lambda run: run.load_balance * real_share(run))
    falls = count(found, lambda numbers: rises(numbers[::-1]))
    shape = [Value("layers", "that never gain by PEs", "", falls, len(found), 0, WORSE)]
    for name, even, actual in zip(
        times["layers"], times["theoretical"], times["actual"], strict=True
    ):
        tolerance, reason = (None, UNEVEN) if name == "VGG-6" else (ALLOWED, TABLE_IV)
        ours = found[name][PAPER.num_pe]
        shape.append(Value(name, "at 64", "", ours, even / actual, tolerance, reason))
    constant = sum(abs(row[PAPER.num_pe] / row[PES[0]] - 1) <= CONSTANT for row in overall.values())
    notes = (
        runs.note(),
        "Efficiency as in Figure 8, activation queues of 8. The paper's caption speaks of stalled "
        "over total cycles, its axis of efficiency: the axis is meant, it falls from 100 %.",
        "At 64 PEs Table IV gives the paper's efficiency: theoretical over actual time.",
        f"Efficiency x real work (Figure 12) at 64 PEs is within 10 % of one PE's for {constant} "
        "layers: the paper calls it roughly constant for most. VGG-6 and VGG-7, with the most "
        "paddings, gain, and NT-We loses.",
        "The paper prints no heights.",
    )
    title = "Figure 13: load balance by number of PEs"
    return Result(KEY, title, (*shape, *values(found, SETTING)), notes)


def draw(result: Result) -> Figure:
    """Return a group of bars per layer."""
    return draw_bars(result, SETTING, "load-balance efficiency")
