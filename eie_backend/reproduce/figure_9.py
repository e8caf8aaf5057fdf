"""Figure 9: width of the weight SRAM's words: reads, energy per read, and their product."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from eie_backend.machine.encoding import EncodedMatrix
from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.reproduce.spmat_sram import WIDTHS, fitting_sram, linear_pj, srams
from eie_backend.show.drawing import COLORS, HEIGHT, MARKS, WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "figure_9"
ALEXNET = ("Alex-6", "Alex-7", "Alex-8")
EACH, KEPT, PER_READ, ENERGY = "AlexNet reads", "AlexNet reads, word kept", "per read", "energy"

CHOSEN = "the paper's choice: the least AlexNet energy"
KEPT_CACTI = (
    "from 64 to 512 bits a kept word saves a factor of 4.9 in reads, and CACTI's energy of a read "
    "grows by 4.9 at most"
)
ALONE_LINEAR = "the linear rule makes half a word cost 0.66 of a whole one, CACTI 0.82"


def reproduce(runs: Runs) -> Result:
    """Return reads of AlexNet's layers, CACTI's energy per read, and energies of all layers."""
    width = published()[KEY]["least_energy_bits"]
    sram, linear = fitting_sram(), linear_pj()
    each = {name: [column_words(runs, name, w) for w in WIDTHS] for name in runs.layers}
    kept = {name: [_kept_words(runs, name, w) for w in WIDTHS] for name in ALEXNET}
    alone, shared = _sum(each[name] for name in ALEXNET), _sum(kept.values())
    made = []
    for n, bits in enumerate(WIDTHS):
        item, pj = f"{bits} bits", sram.read_pj[n]
        made += [
            Value(item, EACH, "", alone[n]),
            Value(item, KEPT, "", shared[n]),
            Value(item, PER_READ, "pJ", pj),
            Value(item, f"AlexNet {ENERGY}", "nJ", alone[n] * pj / 1000),
        ]
        made += [Value(item, name, "nJ", each[name][n] * pj / 1000) for name in each]
    found = [least(alone, one.read_pj) for one in srams()]
    each_reads, kept_reads = "each column reads", "word kept"
    by_cacti, by_rule = "best width by CACTI", "best width by linear energy"
    shape = [
        Value(each_reads, by_cacti, "bits", least(alone, sram.read_pj), width, 0, CHOSEN),
        Value(each_reads, by_rule, "bits", least(alone, linear), width, None, ALONE_LINEAR),
        Value(kept_reads, by_cacti, "bits", least(shared, sram.read_pj), width, None, KEPT_CACTI),
        Value(kept_reads, by_rule, "bits", least(shared, linear), width, 0, CHOSEN),
    ]
    notes = (
        runs.note(),
        "Reads: words that hold entries of the active columns, every column reading its own. So "
        "the paper argues for 64 bits: a column has 6.4 entries, the rest of a wider word is lost. "
        "Word kept: as our simulator counts, which like the authors' public one keeps the last "
        "word from column to column.",
        f"Energy per read: CACTI 7, 128 KB, 45 nm ({sram.cells}, for {sram.objective}, "
        f"{sram.macros} macro), of {len(srams())} settings the one "
        f"nearest to Table II's power ({sram.power_mw:.2f} mW, 4.955 there); it reads every "
        f"{sram.cycle_ns:.2f} ns, within a cycle of 800 MHz.",
        f"64 bits take the least AlexNet energy in {found.count(width)} of the {len(found)} "
        f"settings, 32 in {found.count(32)}, more in {sum(bits > width for bits in found)}; with "
        f"the word kept, 64 do in {[least(shared, s.read_pj) for s in srams()].count(width)}.",
        "Linear energy: docs/energy.md's rule, the memory's share of Table II's energy in "
        f"proportion to the width: {linear[1]:.0f} pJ at 64 bits, {linear[-1]:.0f} at 512; the "
        "paper's axis ends at 225 pJ, nearly eight times as much as Table II's 29.",
        "The paper prints no point of its curves, nor CACTI's version and settings.",
    )
    return Result(KEY, "Figure 9: width of the weight SRAM's words", (*shape, *made), notes)


def draw(result: Result) -> Figure:
    """Return reads with energy per read, and energy by layer."""
    from matplotlib import pyplot as plt
    from matplotlib.ticker import FuncFormatter

    figure: Figure
    figure, (left, right) = plt.subplots(1, 2, figsize=(2 * WIDTH, HEIGHT), layout="constrained")
    figure.set_layout_engine("constrained", wspace=0.08)  # the middle diagram has two axes
    for n, quantity in enumerate((EACH, KEPT)):
        reads = result.of(quantity)
        left.plot(
            list(reads),
            [v.ours for v in reads.values()],
            MARKS[n] + "-",
            color=COLORS[n],
            label=quantity,
        )
    left.yaxis.set_major_formatter(FuncFormatter(lambda x, _: f"{x / 1000:g}K"))
    left.set(ylabel="words read", ylim=(0, None))
    per_read = left.twinx()
    energies = result.of(PER_READ)
    per_read.plot(
        list(energies),
        [v.ours for v in energies.values()],
        MARKS[2] + "--",
        color=COLORS[2],
        label="energy per read, right",
    )
    per_read.set(ylabel="pJ per read", ylim=(0, None))
    per_read.spines["right"].set_visible(True)
    per_read.grid(False)
    columns = [value.quantity for value in result.values if value.item == f"{WIDTHS[0]} bits"]
    for n, name in enumerate(columns[columns.index(f"AlexNet {ENERGY}") + 1 :]):
        found = [value.ours / 1000 for value in result.of(name).values()]
        style = MARKS[n % len(MARKS)] + ("-" if n < len(MARKS) else "--")
        right.plot(list(energies), found, style, color=COLORS[n % len(COLORS)], label=name)
    right.set(ylabel="energy, uJ", ylim=(0, None))
    right.legend(loc="center left", bbox_to_anchor=(1, 0.5), frameon=False)
    figure.legend(
        handles=[*left.lines, *per_read.lines], loc="outside lower left", frameon=False, ncols=3
    )
    return figure


def least(reads: list[int], energies: tuple[float, ...]) -> int:
    """Return the width with the smallest product."""
    return min(zip(WIDTHS, reads, energies, strict=True), key=lambda one: one[1] * one[2])[0]


def column_words(runs: Runs, name: str, width_bits: int) -> int:
    """Return the words that a layer's active columns span in all PEs, counted per column."""
    active = runs.layers[name].activations != 0
    return words(
        runs.encoded(name), active, replace(PAPER, spmat_width_bits=width_bits).entries_per_word
    )


def words(encoded: EncodedMatrix, active: NDArray[np.bool_], per_word: int) -> int:
    """Return the words of `per_word` entries that the active columns span, counted per column."""
    columns = np.flatnonzero(np.append(active, [True] * int(encoded.has_bias_column)))
    pointers = encoded.pointers.astype(np.int64)
    first, end = pointers[:, columns], pointers[:, columns + 1]
    spanned = (end - 1) // per_word - first // per_word + 1
    return int(spanned[end > first].sum())


def _kept_words(runs: Runs, name: str, width_bits: int) -> int:
    return runs.run(name, replace(PAPER, spmat_width_bits=width_bits)).counters["spmat_reads"]


def _sum(lists: Iterable[list[int]]) -> list[int]:
    return [sum(column) for column in zip(*lists, strict=True)]
