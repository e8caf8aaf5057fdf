"""Uneven rows and columns: their effect on Table IV's times, and explanations of VGG-6 and Alex-8.

Generated layers assume the densities of Table III, an average over many images, and uniformly
distributed non-zeros. The authors published one real layer with one real image; this module
replaces both assumptions by measurements of that layer.
"""

from __future__ import annotations

from dataclasses import replace

from eie_backend.reproduce.published import published
from eie_backend.reproduce.result import Result, Value
from eie_backend.reproduce.runs import PAPER, Runs
from eie_backend.simulator import LayerRun, simulate
from eie_backend.workloads import EVEN, STRUCTURES, TABLE_III, UNEVEN, Layer, Structure, generate

KEY = "uneven"

ALEX8 = replace(TABLE_III["Alex-8"], weight_density=0.2566, act_density=0.4294)
"""Alex-8 with the densities of the real layer and its image."""

DENSER_VGG6 = replace(TABLE_III["VGG-6"], act_density=0.224)
"""VGG-6 with the active inputs that its printed theoretical time implies."""

DENSEST_VGG6 = replace(TABLE_III["VGG-6"], act_density=0.252)
"""VGG-6 with the active inputs that its printed actual time implies, if as uneven as Alex-8."""

STEEP = Structure(row_spread=0.8, col_spread=UNEVEN.col_spread)
"""Unevenness of rows that explains VGG-6's printed actual time by its theoretical one."""

ALIGNED = Structure(row_spread=UNEVEN.row_spread, col_spread=0.4, act_alignment=0.6)
"""Activity of heavy columns that explains VGG-6's printed theoretical time by itself."""

BATCH = 4096
"""Number of inputs that the register files of 64 PEs hold."""

LIMITS = {"theoretical": 0.08, "actual": 0.12}
MEASURED = "densities and spreads of the real Alex-8; the limits of Table IV"
FITTED = "chosen to meet a printed time"

NOTES = (
    "Even: non-zeros anywhere alike. Uneven: rows' and columns' numbers of non-zeros vary beyond "
    "chance by 13 % and 8 %, as measured on the real Alex-8. That adds 0 to 4 % to the times.",
    "Alex-8: the real layer has 25.66 % of its weights and 42.94 % of its inputs, 14.5 % more than "
    "Table III's average; a generated layer that is as dense and as uneven takes the printed times "
    "within 3 % (seeds 0 to 4: 9.8 to 10.1 us).",
    "VGG-6: unevenness like Alex-8's does not explain it, nor do seven batches of at most 4K "
    "inputs. Its two printed times together need 22 % more active inputs than Table III says and "
    "rows six times as uneven as Alex-8's; the actual time alone 38 % more active inputs; the "
    "theoretical time alone columns five times as uneven, and active in step (correlation 0.6; "
    "Alex-8's is 0.04). The printed theoretical time equals Alex-6's to the digit and is 1.91 "
    "times the product of Table III, the largest ratio of all, so it may be a copying error. An "
    "image denser than the average is the likeliest cause; without that image it stays unproved.",
)


def reproduce(runs: Runs) -> Result:
    """Return times of the nine layers, even and uneven, and explanations of Alex-8 and VGG-6."""
    paper = published()["table_4"]
    times = {
        name: {quantity: paper[quantity][n] for quantity in LIMITS}
        for n, name in enumerate(paper["layers"])
    }
    values = []
    for name, printed in times.items():
        for label, structure in STRUCTURES.items():
            for quantity, us in _times(_run_of(runs, name, structure)).items():
                values.append(Value(f"{name} {label}", quantity, "us", us, printed[quantity]))
    for item, shape, structure, reason in (
        ("Alex-8 with real densities", ALEX8, EVEN, ""),
        ("Alex-8 uneven as well", ALEX8, UNEVEN, MEASURED),
        ("VGG-6 22 % active, row spread 0.8", DENSER_VGG6, STEEP, FITTED),
        ("VGG-6 col spread 0.4, aligned 0.6", TABLE_III["VGG-6"], ALIGNED, FITTED),
        ("VGG-6 25 % active, uneven", DENSEST_VGG6, UNEVEN, FITTED),
    ):
        run = _run(generate(shape, runs.seed, structure))
        for quantity, us in _times(run).items():
            limit = LIMITS[quantity] if reason == MEASURED else None
            of_paper = times[shape.name][quantity]
            values.append(Value(item, quantity, "us", us, of_paper, limit, reason))
    batches = [_times(_run(part)) for part in _batches(runs.layers["VGG-6"])]
    for quantity, us in times["VGG-6"].items():
        total = sum(batch[quantity] for batch in batches)
        values.append(Value("VGG-6 in seven batches", quantity, "us", total, us))
    return Result(KEY, "Uneven layers", tuple(values), NOTES)


def _times(run: LayerRun) -> dict[str, float]:
    even = run.counters["entries"] / run.config.num_pe / run.config.clock_mhz
    return {"theoretical": even, "actual": run.microseconds}


def _run_of(runs: Runs, name: str, structure: Structure) -> LayerRun:
    """Return the run of a generated layer, reusing that of `runs` if it is the same."""
    real = name == "Alex-8" and runs.has_real_alex8
    if runs.structure == structure and not real:
        return runs.run(name)
    return _run(generate(TABLE_III[name], runs.seed, structure))


def _run(layer: Layer) -> LayerRun:
    return simulate(layer.encode(PAPER), layer.activations, PAPER, "float32", values=False)


def _batches(layer: Layer) -> list[Layer]:
    """Split a layer's columns into parts that fit the register files."""
    starts = range(0, layer.shape.inputs, BATCH)
    parts = [slice(start, start + BATCH) for start in starts]
    return [
        replace(layer, codes=layer.codes[:, part], activations=layer.activations[part])
        for part in parts
    ]
