"""The analytical model compared with the exact engine, on the nine layers and on random ones."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from eie_backend.analytical import estimate
from eie_backend.config import HardwareConfig
from eie_backend.machine.energy import energy_pj
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.simulator import LayerRun, simulate
from eie_backend.workloads import LayerShape, generate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "analytical"

SIZES = tuple(1 << n for n in range(9))
MACHINES = {
    "1 to 256 PEs": [replace(PAPER, num_pe=size) for size in SIZES],
    "queues of 2 to 256": [replace(PAPER, fifo_depth=size) for size in SIZES[1:]],
    "words of 32 to 512 bits": [
        replace(PAPER, spmat_width_bits=bits) for bits in (32, 64, 128, 256, 512)
    ],
}
"""The paper's machine with one size changed, as in the paper's figures 11, 8 and 9."""

RANDOM = 300
FEWEST_COLUMNS = 30
"""Fewest active columns with which a single layer's cycles are near their mean."""


def reproduce(runs: Runs) -> Result:
    """Return modelled and exact cycles on the paper's machine, and errors over many machines."""
    values = []
    for name, layer in runs.layers.items():
        run, model = runs.run(name), estimate(layer.shape, PAPER)
        pairs = [("exact", run.cycles), ("model", model.cycles)]
        pairs += [("low", model.cycles_low), ("high", model.cycles_high)]
        values += [Value(name, quantity, "cycles", cycles) for quantity, cycles in pairs]
        cycles, energy = errors(layer.shape, run)
        values.append(Value(name, "cycles error", "%", 100 * cycles))
        values.append(Value(name, "energy error", "%", 100 * energy))
    found = {
        f"nine layers, {what}": [
            errors(layer.shape, runs.run(name, config))
            for name, layer in runs.layers.items()
            for config in configs
        ]
        for what, configs in MACHINES.items()
    }
    tried = [(shape.nonzero_acts, errors(shape, run)) for shape, run in random_runs(RANDOM)]
    found[f"{RANDOM} random layers"] = [pair for _, pair in tried]
    many = f"of these, {FEWEST_COLUMNS} or more active columns"
    found[many] = [pair for columns, pair in tried if columns >= FEWEST_COLUMNS]
    for item, pairs_of in found.items():
        for n, what in enumerate(("cycles", "energy")):
            sizes = np.abs([pair[n] for pair in pairs_of])
            values.append(Value(item, f"{what}, median error", "%", 100 * float(np.median(sizes))))
            most = 100 * float(np.quantile(sizes, 0.9))
            values.append(Value(item, f"{what}, 90 % of errors", "%", most))
            values.append(Value(item, f"{what}, largest error", "%", 100 * float(sizes.max())))
    notes = (
        runs.note(),
        "The model knows sizes and densities only: docs/analytical.md has its formulas. Low and "
        "high are its estimates of what finite queues cost.",
        f"Random layers: 16 to 4,096 inputs and outputs, densities of 1 to 100 %, 1 to 256 PEs, "
        f"queues of 2 to 64, words of 8 to 512 bits. With fewer than {FEWEST_COLUMNS} active "
        "columns a layer's own cycles are a throw of dice, of which the model has the mean.",
    )
    return Result(KEY, "Analytical model and exact engine", tuple(values), notes)


def errors(shape: LayerShape, run: LayerRun) -> tuple[float, float]:
    """Return the model's relative errors of cycles and energy.

    Both energies are for int16.
    """
    model = estimate(shape, run.config)
    exact = sum(energy_pj(run.counters, run.config).values())
    return model.cycles / run.cycles - 1, sum(model.energy_pj.values()) / exact - 1


def random_runs(count: int, seed: int = 1) -> Iterator[tuple[LayerShape, LayerRun]]:
    """Run layers with sizes, densities and machine drawn uniformly on a logarithmic scale."""
    rng = np.random.default_rng(seed)
    for number in range(count):
        outputs, inputs = (int(2**power) for power in rng.uniform(4, 12, 2))
        weights, acts = 10 ** rng.uniform(-2, 0, 2)
        config = HardwareConfig(
            num_pe=1 << int(rng.integers(0, 9)),
            fifo_depth=1 << int(rng.integers(1, 7)),
            spmat_width_bits=1 << int(rng.integers(3, 10)),
        )
        shape = LayerShape(f"random {number}", inputs, outputs, float(weights), float(acts))
        layer = generate(shape, number)
        run = simulate(layer.encode(config), layer.activations, config, "float32", values=False)
        yield shape, run


def draw(result: Result) -> Figure:
    """Draw the model's low and high estimates relative to the exact cycles, by layer."""
    from matplotlib.figure import Figure

    from eie_backend.show.drawing import COLORS, HEIGHT, WIDTH

    columns = [result.of(name) for name in ("exact", "model", "low", "high")]
    names = list(columns[0])
    exact, *others = ([column[name].ours for name in names] for column in columns)
    model, low, high = (100 * (np.array(values) / np.array(exact) - 1) for values in others)
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes = figure.subplots()
    places = np.arange(len(names))
    axes.vlines(places, low, high, color=COLORS[5], linewidth=12, label="low to high")
    axes.plot(places, model, "o", color=COLORS[0], label="model, their mean")
    axes.axhline(0, color=COLORS[6], linewidth=1, label="exact engine")
    axes.set_xticks(places, names, rotation=45, ha="right")
    axes.set_ylabel("difference of cycles (%)")
    figure.legend(loc="outside upper center", ncols=3, frameon=False)
    return figure
