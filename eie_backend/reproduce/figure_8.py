"""Figure 8: depth of the activation queue against load balance."""

from __future__ import annotations

from dataclasses import replace
from statistics import mean
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.reproduce.shaded_bars import count, draw_bars, rises, values

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "figure_8"
SETTING = "slots"
LITTLE = 0.05
"""Largest gain in efficiency that counts as "little"."""

HALF = "the paper reads 'around half' from a bar"
ALL = "a deeper queue never holds a broadcast back for longer"
LITTLE_BEYOND = "the paper's reason for 8: little gain beyond, here under 5 points"
WORST = "the paper names it: about one entry per PE and column"


def reproduce(runs: Runs) -> Result:
    """Return the fraction of cycles in which a PE issues an entry, by queue depth."""
    paper = published()[KEY]
    chosen = paper["chosen"]
    found = {
        name: {depth: _balance(runs, name, depth) for depth in paper["depths"]}
        for name in runs.layers
    }
    idle = 1 - mean(numbers[1] for numbers in found.values())
    gains = [numbers[2 * chosen] - numbers[chosen] for numbers in found.values()]
    little = sum(gain < LITTLE for gain in gains)
    order = sorted(found, key=lambda name: found[name][chosen])
    layers = len(found)
    rank = order.index(paper["worst"]) + 1
    shape = [
        Value("nine layers", "idle at depth 1, mean", "", idle, paper["idle_at_1"], 0.1, HALF),
        Value("layers", "that never lose by depth", "", count(found, rises), layers, 0, ALL),
        Value("layers", "that gain little from 16", "", little, layers, 0, LITTLE_BEYOND),
        Value("NT-We", "place from the worst at 8", "", rank, 1, 0, WORST),
    ]
    notes = (
        runs.note(),
        "Efficiency is 1 - bubble cycles / all cycles. A bubble, by our definition, is a cycle in "
        "which a PE issues no entry, from the start of the scan to the last write; a padding is an "
        "entry, so it counts as work.",
        "A queue is a ring that is full at one entry less, as in the authors' simulator: depth 8 "
        "holds 7 columns. So depth 1 holds none. Neither simulator can move with it: it is "
        "computed as a machine in lock step, whose broadcasts wait for the slowest PE.",
        "The paper prints no heights.",
    )
    title = "Figure 8: load balance by depth of the activation queue, 64 PEs"
    return Result(KEY, title, (*shape, *values(found, SETTING)), notes)


def draw(result: Result) -> Figure:
    """Return a group of bars per layer."""
    return draw_bars(result, SETTING, "load-balance efficiency")


def lock_step(encoded: EncodedMatrix, activations: NDArray[np.float32]) -> float:
    """Return the load balance without queues, when every column takes as long as its slowest PE."""
    active = np.append(activations != 0, [True] * int(encoded.has_bias_column)).astype(bool)
    lengths = np.diff(encoded.pointers.astype(np.int64), axis=1)[:, active]
    slowest = np.maximum(lengths.max(axis=0), 1)
    return float(lengths.sum() / (encoded.num_pe * max(slowest.sum(), 1)))


def _balance(runs: Runs, name: str, depth: int) -> float:
    if depth == 1:
        return lock_step(runs.encoded(name), runs.layers[name].activations)
    return runs.run(name, replace(PAPER, fifo_depth=depth)).load_balance
