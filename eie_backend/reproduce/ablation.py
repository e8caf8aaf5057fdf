"""The ablation: EIE with each of its ideas switched off in turn, and with all of them off."""

from __future__ import annotations

from functools import lru_cache
from math import prod
from statistics import fmean, geometric_mean
from typing import TYPE_CHECKING

from eie_backend.machine.energy_table import shipped_table
from eie_backend.reproduce.ablated import Cost, Machine, cost
from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import Runs
from eie_backend.show.drawing import COLORS, HEIGHT, MARKS, WIDTH

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "ablation"

EIE = "EIE"
ALL_OFF = "all four off"
IDEAS = {
    "weights in DRAM": Machine(in_sram=False),
    "dense weights": Machine(pruned=False, indexed=False),
    "dense, with indices": Machine(pruned=False),
    "16-bit weights": Machine(weight_bits=16),
    "32-bit weights": Machine(weight_bits=32),
    "zeros not skipped": Machine(skips_zeros=False),
    ALL_OFF: Machine(in_sram=False, pruned=False, weight_bits=32, skips_zeros=False, indexed=False),
}
"""Machines without one idea, and without any: dense float32 weights in DRAM, no skipped inputs."""

QUANTITIES = {
    "time": "cycles",
    "energy": "energy_pj",
    "weight reads' energy": "fetch_pj",
    "size": "size_bits",
}
"""Quantities to compare with EIE, and their fields in `Cost`."""

SAVING = "saved by skipping zeros"
NOTES = (
    "Factors are geometric means of AlexNet's and VGG's six layers, where the paper's come from; "
    "`ablation_layers` has all nine.",
    "The paper's factors are counts: joules of one read, weights, bits of a weight, inputs. The "
    "table repeats that count, and then measures: the weight memory takes a third of EIE's energy, "
    "and the rest does not grow with it, so factors are smaller and do not multiply: the more "
    "a machine reads, the more DRAM costs it. Against a dense GPU the paper measures 3,400x, not "
    "28,800x.",
    "A dense layer takes less than 1 / density more time: EIE computes paddings, and waits for its "
    "fullest PE. NeuralTalk's inputs are all non-zero: skipping saves nothing there.",
    "One DRAM read to one SRAM read is 128x in Table I where the text says 120x; to the 64-bit "
    "SRAM read of Table II it is 64x.",
    "Weight words hold whole entries, about 64 bits of them: 8 of 4+4 bits, 3 of 16+4, 2 of 32+4; "
    "without index 16, 4, or 2. A word is enough for a cycle, so wide weights cost no time in "
    "SRAM. DRAM gives 8 bytes per cycle (6.4 GB/s at 800 MHz), streaming hidden behind computing.",
    "An SRAM of any size costs the same per bit read. Dense layers store neither index nor "
    "pointers, or (with indices) both; 32-bit weights are multiplied in float32; leaving out the "
    "codebook saves nothing, as Table II does not list it apart.",
    "The paper does not say what 65.16 % averages. The mean over six layers of the zero inputs in "
    "Learning both Weights and Connections (34, 36, 40, 19, 38, 42 % are non-zero) is 65.167 %; "
    "Table III's densities give 65.87 %, and the results section says 65.14 %. Time is saved so, "
    "and energy with it at the constant 0.600 W of Figure 7.",
)


@lru_cache(maxsize=1)
def costs(runs: Runs) -> dict[str, dict[str, Cost]]:
    """Return the cost of every layer on EIE and on every machine of `IDEAS`, by machine."""
    machines = {EIE: Machine(), **IDEAS}
    return {
        idea: {name: cost(runs, name, machine) for name in runs.layers}
        for idea, machine in machines.items()
    }


def factor(runs: Runs, idea: str, field: str, layers: list[str]) -> float:
    """Return a machine's cost over EIE's cost, as the geometric mean over some layers."""
    found = costs(runs)
    return geometric_mean(
        getattr(found[idea][name], field) / getattr(found[EIE][name], field) for name in layers
    )


def reproduce(runs: Runs) -> Result:
    """Return the paper's factors, the measured factors, and the saving by skipping zeros."""
    paper = published()[KEY]
    values = [*_counted(runs), *_saving(runs)]
    for idea in IDEAS:
        for quantity, field in QUANTITIES.items():
            ours = factor(runs, idea, field, paper["layers"])
            printed = paper["factors"].get(idea) if quantity == "energy" else None
            reason = "the paper's factor is a count, ours is of the whole machine"
            values.append(Value(idea, quantity, "x", ours, printed, None, reason))
    return Result(
        KEY, "EIE without one of its ideas, against EIE", tuple(values), (runs.note(), *NOTES)
    )


def _counted(runs: Runs) -> list[Value]:
    """Return the factors that the paper multiplies to 28,800."""
    paper, table = published()[KEY], shipped_table()
    shapes = [runs.layers[name].shape for name in paper["layers"]]
    counts = {
        "weights in DRAM": table["dram", "access"] / table["sram", "read"],
        "dense weights": geometric_mean(1 / shape.weight_density for shape in shapes),
        "32-bit weights": 32 / Machine().weight_bits,
        "zeros not skipped": geometric_mean(1 / shape.act_density for shape in shapes),
    }
    counts[ALL_OFF] = prod(counts.values())
    tolerances = {
        "weights in DRAM": (0.07, "Table I's 640 / 5 = 128, which the text rounds to 120"),
        "dense weights": (0.06, "Table III's densities: their mean is 9.5 %, rounded to 10"),
        "32-bit weights": (0.0, "32 bits / 4 bits"),
        "zeros not skipped": (0.05, "Table III's densities: their mean is 33 %; Alex-8's own 43 %"),
        ALL_OFF: (0.15, "the roundings of the four factors multiplied"),
    }
    return [
        Value(idea, "as counted", "x", counts[idea], paper["factors"][idea], *tolerances[idea])
        for idea in tolerances
    ]


def _saving(runs: Runs) -> list[Value]:
    """Return the time and energy saved by skipping zeros, averaged over layers."""
    paper, found = published()[KEY], costs(runs)
    skipping, sending = found[EIE], found["zeros not skipped"]

    def mean(field: str) -> float:
        """Return the mean saving over the layers, in percent."""
        saved = [
            1 - getattr(skipping[n], field) / getattr(sending[n], field) for n in paper["layers"]
        ]
        return 100 * fmean(saved)

    printed = paper["saved_percent"]
    free = "a column that is not skipped finds part of its words read by its neighbour"
    why = "Table III's mean saves 65.87 %; scanning and queues move it by a point"
    return [
        Value(SAVING, "energy at constant power", "%", mean("cycles"), printed, 0.03, why),
        Value(SAVING, "energy as counted", "%", mean("energy_pj"), printed, None, free),
    ]


def draw(result: Result) -> Figure:
    """Draw factors as bars on a logarithmic axis, and the paper's factors as marks."""
    from matplotlib.figure import Figure

    figure = Figure(figsize=(1.6 * WIDTH, 1.2 * HEIGHT), layout="constrained")
    ax = figure.subplots()
    shown = {"time": COLORS[5], "energy": COLORS[0], "size": COLORS[2]}
    bar = 0.8 / len(shown)
    for n, (quantity, color) in enumerate(shown.items()):
        places = [place + (n - 1) * bar for place in range(len(IDEAS))]
        heights = [result.of(quantity)[idea].ours for idea in IDEAS]
        bars = ax.bar(places, heights, bar, color=color, label=quantity)
        ax.bar_label(bars, [f"{h:,.3g}" if h < 1000 else f"{h:,.0f}" for h in heights], fontsize=6)
    printed = {n: result.of("energy")[idea].paper for n, idea in enumerate(IDEAS)}
    marks = {n: paper for n, paper in printed.items() if paper is not None}
    # Place the label over the size bar, clear of the energy bar's label.
    over = [n + bar for n in marks]
    ax.plot(
        over, list(marks.values()), MARKS[2], color=COLORS[1], label="the paper's factor, of energy"
    )
    for n, paper in marks.items():
        ax.annotate(
            f"{paper:,.0f}", (n + bar, paper), (5, 3), textcoords="offset points", fontsize=7
        )
    ax.set(yscale="log", ylabel="times EIE's", ylim=(0.9, 100_000))
    ax.set_xticks(range(len(IDEAS)), [idea.replace(" ", "\n", 1) for idea in IDEAS])
    ax.grid(axis="x", visible=False)
    ax.legend(frameon=False, loc="upper left", ncols=2)
    return figure
