"""Break-even densities, above which sparse is worse than dense: in time, energy and size."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np

from eie_backend.analytical import Estimate, estimate
from eie_backend.config import ENTRY_BITS
from eie_backend.machine.energy import energy_pj
from eie_backend.reproduce.figure_7 import dense_microjoules
from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.simulator import LayerRun, simulate
from eie_backend.workloads import TABLE_III, LayerShape, generate

if TYPE_CHECKING:
    from matplotlib.figure import Figure

KEY = "break_even"

HALVINGS = 24
"""Bisection steps of the interval of densities; the error is below one ten-millionth."""

CONFIRMED_INPUTS = 512
"""Most inputs of a layer for the check by the exact engine, whose time grows with the columns."""

ONE, BATCH = "dense, batch 1", "dense, batch 64"
ONE_TIME = "time, GPU dense, batch 1"
TIME, ENERGY, SIZE = "time, GPU dense, batch 64", "energy, dense machine", "size, 4-bit dense"
WIDE_SIZE, MACHINE_TIME = "size, 16-bit dense", "time, dense machine"

NOTES = (
    "Density of weights at which the paper's machine takes as much as what it is compared with; "
    "100 %: no more at any density, 0 %: more at every one. Found with the analytical model. "
    '"Exact there" is the exact engine\'s ratio at that density, which should be 1; of energy '
    f"with {CONFIRMED_INPUTS} of the inputs, as energy grows with the columns. Far below 1 % "
    "of the weights, where NT-Wd breaks even, the model gives too many cycles.",
    "Dense machine: the same PEs without index, a 4-bit weight per cycle, 16 to a word; both skip "
    "zero activations. Sparse never takes longer: no slice of a column has more entries than rows.",
    "GPU, CPU and mGPU: the paper's times and energies of dense layers (Table IV, figure 7). Of "
    "one input, EIE takes less energy than each of them even with all weights there, and less time "
    'than CPU and mGPU: by how much is under "at 100 %". A GPU that takes 64 inputs at once reads '
    "each weight once for all of them, and is faster than EIE above the density given.",
    "Size: entries of 8 bits, paddings included, and 16-bit column pointers of every PE.",
)


def reproduce(runs: Runs) -> Result:
    """Return break-even densities of the nine layers' sizes, and the advantage at density 1."""
    table, joules = published()["table_4"]["baselines"], dense_microjoules()
    values = []
    for n, (name, shape) in enumerate(TABLE_III.items()):
        gpu, full = table["GPU"][BATCH][n], at(shape, 1.0)
        weights = shape.inputs * shape.outputs
        limits: dict[str, tuple[Callable[[Estimate], float], float]] = {
            MACHINE_TIME: (lambda found: found.cycles, full.cycles),
            ENERGY: (total_pj, dense_pj(shape)),
            ONE_TIME: (lambda found: found.microseconds, table["GPU"][ONE][n]),
            TIME: (lambda found: found.microseconds, gpu),
            SIZE: (stored_bits, 4 * weights),
            WIDE_SIZE: (stored_bits, 16 * weights),
        }
        densities = {what: break_even(shape, *limit) for what, limit in limits.items()}
        values += [Value(name, what, "%", 100 * density) for what, density in densities.items()]
        ratio = _energy_ratio(shape, densities[ENERGY], runs.seed)
        values.append(Value(name, f"{ENERGY}: exact there", "x", ratio))
        if densities[TIME]:
            run = _run(shape, densities[TIME], runs.seed)
            values.append(Value(name, f"{TIME}: exact there", "x", run.microseconds / gpu))
        for platform, rows in table.items():
            left = rows[ONE][n] / full.microseconds
            values.append(Value(name, f"speedup over {platform} dense at 100 %", "x", left))
            left = 1e6 * joules[platform][n] / total_pj(full)
            values.append(Value(name, f"energy over {platform} dense at 100 %", "x", left))
    return Result(KEY, "Break-even density", tuple(values), NOTES)


def break_even(shape: LayerShape, cost: Callable[[Estimate], float], limit: float) -> float:
    """Return the density, in 0..1, at which a cost that grows with density reaches a limit."""
    if cost(at(shape, 1.0)) <= limit:
        return 1.0
    low, high = 0.0, 1.0
    for _ in range(HALVINGS):
        middle = (low + high) / 2
        low, high = (middle, high) if cost(at(shape, middle)) <= limit else (low, middle)
    return low


def at(shape: LayerShape, density: float) -> Estimate:
    """Return the estimate for the paper's machine and a layer with another weight density."""
    return estimate(replace(shape, weight_density=density), PAPER)


def total_pj(found: Estimate) -> float:
    """Return the compute energy in picojoule."""
    return sum(found.energy_pj.values())


def dense_pj(shape: LayerShape) -> float:
    """Return the compute energy of the dense machine, whose words hold twice as many weights."""
    counters = at(shape, 1.0).counters
    return sum(energy_pj({**counters, "spmat_reads": counters["spmat_reads"] / 2}, PAPER).values())


def stored_bits(found: Estimate) -> float:
    """Return the bits of a layer's entries and pointers."""
    column = sum(count * one.mean for count, one in found.slices)
    pointers = PAPER.num_pe * (found.shape.inputs + 1) * PAPER.ptr_bits
    return found.shape.inputs * column * ENTRY_BITS + pointers


def _energy_ratio(shape: LayerShape, density: float, seed: int) -> float:
    """Return exact energy over the dense machine's energy, for a part of a layer's inputs."""
    part = replace(shape, inputs=min(shape.inputs, CONFIRMED_INPUTS))
    exact = energy_pj(_run(part, density, seed).counters, PAPER)
    return sum(exact.values()) / dense_pj(part)


def _run(shape: LayerShape, density: float, seed: int) -> LayerRun:
    layer = generate(replace(shape, weight_density=density), seed)
    return simulate(layer.encode(PAPER), layer.activations, PAPER, "float32", values=False)


def draw(result: Result) -> Figure:
    """Draw the break-even densities of time, energy and size by layer."""
    from matplotlib.figure import Figure

    from eie_backend.show.drawing import COLORS, HEIGHT, WIDTH

    series = {what: result.of(what) for what in (TIME, ENERGY, SIZE)}
    names = list(series[TIME])
    figure = Figure(figsize=(WIDTH, HEIGHT), layout="constrained")
    axes = figure.subplots()
    places, width = np.arange(len(names)), 0.8 / len(series)
    for n, (what, values) in enumerate(series.items()):
        heights = [values[name].ours for name in names]
        axes.bar(places + (n - 1) * width, heights, width, color=COLORS[n], label=what)
    axes.set_xticks(places, names, rotation=45, ha="right")
    axes.set_ylabel("break-even density (%)")
    axes.set_ylim(0, 100)
    figure.legend(loc="outside upper center", ncols=2, frameon=False)
    return figure
