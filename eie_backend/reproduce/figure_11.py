"""Figure 11: speedup with the number of PEs."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.reproduce.shaded_bars import PES, draw_bars, over_pes, values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "figure_11"
SETTING = "PEs"
LINEAR = 0.9
"""Limit of "near-linear": fraction of a PE's speed gained per added PE, or exponent."""

NEAR = "near-linear on all but NT-We; we take 0.9 for 'near'"
FALLS_OFF = "the paper names it: 600 rows leave a PE of 64 about one entry per column"
TABLE_V = "Table V's frames/s, 426,230 over 81,967, less its faster clock (1200 over 800 MHz)"
TEXT = "the text has another number than Table V (3.47 at the same clock), and names no layer"


def reproduce(runs: Runs) -> Result:
    """Return speedups: cycles on one PE over cycles on more PEs."""
    paper = published()[KEY]
    most, chosen = PES[-1], PAPER.num_pe
    cycles = over_pes(runs, lambda run: run.cycles)
    found = {name: {n: row[1] / row[n] for n in PES} for name, row in cycles.items()}
    at_chosen = [row[chosen] / chosen for row in found.values()]
    exponents = [math.log(row[most]) / math.log(most) for row in found.values()]
    but_one = len(found) - 1
    rank = sorted(found, key=lambda name: found[name][most]).index(paper["not_linear"]) + 1
    fourfold = found["Alex-7"][most] / found["Alex-7"][chosen]
    shape = [
        Value("layers", "near-linear at 64 PEs", "", _near(at_chosen), but_one, 0, NEAR),
        Value("layers", "near-linear to 256 PEs", "", _near(exponents), but_one, 0, NEAR),
        Value("NT-We", "place from the worst", "", rank, 1, 0, FALLS_OFF),
        Value("Alex-7", "256 over 64 PEs", "", fourfold, paper["derived_fourfold"], 0.1, TABLE_V),
        Value("Alex-7", "same, text", "", fourfold, paper["text_fourfold"], None, TEXT),
    ]
    notes = (
        runs.note(),
        "Speedup: cycles of the same layer on one PE over those on more, activation queues of 8. "
        "Near-linear at 64 PEs: at least 0.9 x 64; to 256 PEs: at least 256^0.9 = 147.",
        "A speedup above the number of PEs: shorter slices need fewer paddings (Figure 12).",
        "The paper prints no heights.",
    )
    title = "Figure 11: speedup by number of PEs"
    return Result(KEY, title, (*shape, *values(found, SETTING)), notes)


def draw(result: Result) -> Figure:
    """Return a group of bars per layer on a logarithmic scale."""
    return draw_bars(result, SETTING, "speedup over one PE", logarithmic=True)


def _near(shares: list[float]) -> int:
    return sum(share >= LINEAR for share in shares)
